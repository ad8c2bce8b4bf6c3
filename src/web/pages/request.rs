//! The page of one request: what was asked and said, how it stands, and what its
//! reader may do with it.

use super::deciding::forms;
use super::freezes::{self, about};
use super::items::{cause, diff_href, sealed, slot};
use crate::app::ask_question::may_answer;
use crate::app::queries::requests;
use crate::app::revoke_link::may_revoke;
use crate::app::stored_request::Stored;
use crate::app::{App, Refusal, cancel_request};
use crate::domain::actor::{Actor, acted};
use crate::domain::gate::Gate;
use crate::domain::policy::{self, Act};
use crate::domain::remark::{Remark, RemarkKind, open_questions};
use crate::domain::request::{Decision, DecisionKind, LinkState, RequestState, RequestWord, VoidCause};
use crate::web::guard::Visit;
use crate::web::html::Mark;
use crate::web::respond::{Html, PageError};
use crate::web::view::decide::{Objection, RefusedDecision};
use crate::web::view::request::{Answer, Asked, Question, Request, RequestActions};
use crate::web::view::{Action, Activity, Section, Slot};

/// The page as it stands for this reader, with a refused form put back into it.
pub async fn show(visit: &Visit<'_>, id: i64, refused: Option<RefusedDecision>) -> Result<Html, PageError> {
    let (app, actor) = (visit.app, visit.actor());
    let mut stored = Stored::find(app, id).await?;
    if !requests::may_read(actor, &stored.request) {
        return Err(Refusal::NotFound.into());
    }
    stored.look_at_tag(app).await?;
    let link = requests::launch_link(app, id).await?;
    let gates = gates_of(actor, &stored, link.as_ref().map(|link| link.facts.state(app.clock.now())));
    let changed = changed(actor, &stored);
    let actions = actions(app, actor, &stored, link.as_ref(), &gates);
    let is_accepted = matches!(stored.request.state, RequestState::Accepted { .. });
    let status = if refused.is_some() {
        422
    } else if changed.is_some() {
        409
    } else {
        200
    };
    let facts = stored.facts(&actor.name, &actor.access, None);
    let (base, may) = (format!("/requests/{id}"), |act| policy::passes(&policy::gates(act, &facts)));
    let objection = (is_accepted && may(Act::Reject))
        .then(|| Objection { href: format!("{base}/reject"), refused: refused.clone() });
    let asked = asked(app, actor, &stored, refused.clone());
    let decide = is_to_decide(app, actor, &stored)
        .then(|| forms(&stored, &policy::gates(Act::Accept, &facts), base, refused));
    let page = Request {
        sealed: sealed(app, &stored).await,
        state: stored.request.state.word(),
        accepted_by: stored.accepted_by().iter().map(ToString::to_string).collect(),
        timeline: timeline(&stored),
        gates,
        cause: cause(&stored.request).or_else(|| changed.as_ref().map(VoidCause::words)),
        decide,
        objection,
        asked,
        slot: link
            .as_ref()
            .filter(|link| is_accepted && link.facts.state(app.clock.now()) != LinkState::Used)
            .map(|link| -> Slot { slot(&stored.situation, link) }),
        deployment: stored.request.deployment,
        actions,
        shell: freezes::shell(visit, Section::Requests, about(&stored)).await?,
    };
    Html::with_status(status, &page)
}

/// The questions that wait, and the form of whom they are put to.
fn asked(app: &App, actor: &Actor, stored: &Stored, refused: Option<RefusedDecision>) -> Option<Asked> {
    let request = &stored.request;
    let open = open_questions(&stored.remarks);
    let now = app.clock.now();
    let waits = request.state.word() == RequestWord::AwaitingReview && request.state.expire(now).is_none();
    let question = |remark: &Remark| Question {
        by: remark.person.to_string(),
        at: remark.at,
        text: remark.text.clone(),
    };
    (waits && !open.is_empty()).then(|| Asked {
        questions: open.iter().map(question).collect(),
        paused_until: request.pause.until(now),
        answer: may_answer(actor, request)
            .then(|| Answer { href: format!("/requests/{}/answer", request.id), refused }),
    })
}

/// What will make an open request void as soon as somebody acts; looking only says it (rules.md 9).
fn changed(actor: &Actor, stored: &Stored) -> Option<VoidCause> {
    let open = stored.request.state.word().is_open();
    open.then(|| policy::void_cause(&stored.facts(&actor.name, &actor.access, None))).flatten()
}

/// Whoever may reject what waits may decide it, in one way or another.
fn is_to_decide(app: &App, actor: &Actor, stored: &Stored) -> bool {
    let request = &stored.request;
    let facts = stored.facts(&actor.name, &actor.access, None);
    request.state.word() == RequestWord::AwaitingReview
        && request.state.expire(app.clock.now()).is_none()
        && policy::passes(&policy::gates(Act::Reject, &facts))
}

/// What stands between this reader and the next step, while there is one.
fn gates_of(actor: &Actor, stored: &Stored, link: Option<LinkState>) -> Vec<Gate> {
    let act = match stored.request.state {
        RequestState::AwaitingReview { .. } => Act::Accept,
        RequestState::Accepted { .. } => Act::Launch,
        _ => return Vec::new(),
    };
    let gates = policy::gates(act, &stored.facts(&actor.name, &actor.access, link));
    let about_reader = ["permission", "own_request", "requester"];
    gates.into_iter().filter(|gate| !about_reader.contains(&gate.code)).collect()
}

fn actions(
    app: &App,
    actor: &Actor,
    stored: &Stored,
    link: Option<&crate::domain::link::Link>,
    gates: &[Gate],
) -> RequestActions {
    let request = &stored.request;
    let base = format!("/requests/{}", request.id);
    let mine = request.requester == actor.name;
    let is_due = request.state.expire(app.clock.now()).is_some();
    let accepted = matches!(request.state, RequestState::Accepted { .. }) && !is_due;
    let link = link.map(|link| link.facts.state(app.clock.now()));
    let works = link == Some(LinkState::Unused);
    let start = (mine && accepted).then(|| {
        let stop = gates.iter().find(|gate| gate.verdict == crate::domain::gate::Verdict::Stop);
        match stop {
            Some(gate) => {
                Action::refused(format!("{base}/start"), format!("{}. {}", gate.title, gate.remedy))
            }
            None if works => Action::to(format!("{base}/start")),
            None => Action::refused(format!("{base}/start"), "The link has run out. Have a new one made."),
        }
    });
    RequestActions {
        start,
        new_link: (mine && accepted).then(|| Action::to(format!("{base}/new-link"))),
        revoke_link: (accepted && matches!(link, Some(LinkState::Unused | LinkState::Early)))
            .then(|| Action::to(format!("{base}/revoke-link")))
            .filter(|_| may_revoke(actor, request)),
        cancel: (request.state.word().is_open() && !is_due && cancel_request::may_cancel(actor, request))
            .then(|| Action::to(format!("{base}/cancel"))),
    }
}

fn timeline(stored: &Stored) -> Vec<Activity> {
    let request = &stored.request;
    let mut timeline = vec![Activity {
        at: request.created_at,
        state: Mark::AwaitingReview,
        text: format!(
            "{} asked for {}",
            acted(request.requester.as_str(), request.asked_by.as_ref()),
            crate::domain::request::release_words(&request.release)
        ),
        href: Some(diff_href(
            request.application.as_str(),
            request.from.as_ref().map(AsRef::as_ref),
            request.commit.as_str(),
        )),
        quote: Some(request.reason.clone()),
    }];
    timeline.extend(stored.decisions.iter().map(decided));
    timeline.extend(stored.remarks.iter().map(remarked));
    timeline.sort_by_key(|activity| activity.at);
    let end = match &request.state {
        RequestState::Launched { at, deployment, .. } => Some((
            *at,
            format!("{} started deployment {deployment}", request.requester),
            Some(format!("/deployments/{deployment}")),
        )),
        RequestState::Cancelled { at, by, acting } => {
            Some((*at, format!("{} withdrew it", acted(by.as_str(), acting.as_ref())), None))
        }
        RequestState::Expired { at } => Some((*at, "Its time ran out".to_owned(), None)),
        RequestState::Void { at, .. } => Some((*at, "It became void".to_owned(), None)),
        RequestState::AwaitingReview { .. }
        | RequestState::Accepted { .. }
        | RequestState::Rejected { .. } => None,
    };
    if let Some((at, text, href)) = end {
        timeline.push(Activity { at, state: request.state.word().into(), text, href, quote: None });
    }
    timeline
}

fn decided(decision: &Decision) -> Activity {
    let (word, verb) = match decision.kind {
        DecisionKind::Accept => (RequestWord::Accepted, "accepted it"),
        DecisionKind::Reject => (RequestWord::Rejected, "rejected it"),
    };
    let own = if decision.own_request { ", their own request" } else { "" };
    Activity {
        at: decision.at,
        state: word.into(),
        text: format!("{} {verb}{own}", decision.person),
        href: None,
        quote: (!decision.comment.is_empty()).then(|| decision.comment.clone()),
    }
}

fn remarked(remark: &Remark) -> Activity {
    let verb = match remark.kind {
        RemarkKind::Question => "asked",
        RemarkKind::Answer => "answered",
    };
    Activity {
        at: remark.at,
        state: Mark::Info,
        text: format!("{} {verb}", remark.person),
        href: None,
        quote: Some(remark.text.clone()),
    }
}
