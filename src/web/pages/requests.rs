//! Requests: the list, one of them, and what its requester may do with it.

use super::freezes::{self, about};
use super::items::{cause, diff_href, request_items, sealed, slot};
use crate::app::queries::requests;
use crate::app::stored_request::Stored;
use crate::app::{App, Refusal, cancel_request, launch, reissue_link};
use crate::domain::actor::Actor;
use crate::domain::gate::Gate;
use crate::domain::permission::Permission;
use crate::domain::policy::{self, Act};
use crate::domain::request::{DecisionKind, LinkState, RequestState, RequestWord, VoidCause};
use crate::web::form::{Nothing, Posted};
use crate::web::guard::{Looking, may_request_anywhere};
use crate::web::html::Mark;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::request::{Request, RequestActions};
use crate::web::view::requests::{Filter, Requests};
use crate::web::view::{Action, Activity, Link, Section, Slot};

const A_PAGE: usize = 50;

#[rocket::get("/requests?<state>&<mine>&<before>")]
pub async fn list(
    looking: Looking<'_>,
    state: Option<&str>,
    mine: Option<&str>,
    before: Option<i64>,
) -> Result<Html, PageError> {
    let Looking(visit) = looking;
    let word = state.and_then(RequestWord::from_word);
    let mine = mine == Some("1");
    let wanted =
        requests::Wanted { mine, states: word.into_iter().collect(), before, ..requests::Wanted::default() };
    let (items, next) = requests::list(visit.app, visit.actor(), &wanted, A_PAGE).await?;
    let filter = |href: String, text: &str, chosen| Filter { link: Link::new(href, text), chosen };
    let mut filters = vec![
        filter("/requests".to_owned(), "All", word.is_none() && !mine),
        filter("/requests?mine=1".to_owned(), "Mine", mine && word.is_none()),
    ];
    filters.extend(RequestWord::ALL.iter().map(|each| {
        let words = Mark::from(*each).words();
        filter(format!("/requests?state={each}"), &words, word == Some(*each))
    }));
    let next = next.map(|last| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(word) = word {
            query.append_pair("state", word.word());
        }
        if mine {
            query.append_pair("mine", "1");
        }
        format!("/requests?{}", query.append_pair("before", &last.to_string()).finish())
    });
    let page = Requests {
        items: request_items(visit.app, &items).await?,
        filters,
        next,
        may_request: may_request_anywhere(&visit.person),
        shell: visit.shell(Section::Requests),
    };
    Html::page(&page)
}

#[rocket::get("/requests/<id>")]
pub async fn one(looking: Looking<'_>, id: i64) -> Result<Html, PageError> {
    let Looking(visit) = looking;
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
    let page = Request {
        sealed: sealed(app, &stored).await,
        state: stored.request.state.word(),
        accepted_by: stored.accepted_by().iter().map(ToString::to_string).collect(),
        timeline: timeline(&stored),
        gates,
        cause: cause(&stored.request).or_else(|| changed.as_ref().map(VoidCause::words)),
        is_to_decide: is_to_decide(actor, &stored),
        slot: link
            .as_ref()
            .filter(|_| is_accepted)
            .map(|link| -> Slot { slot(app, &stored.situation, link) }),
        deployment: stored.request.deployment,
        actions,
        shell: freezes::shell(&visit, Section::Requests, about(&stored)).await?,
    };
    Html::with_status(if changed.is_some() { 409 } else { 200 }, &page)
}

/// What will make an open request void as soon as somebody acts; looking only says it (rules.md 9).
fn changed(actor: &Actor, stored: &Stored) -> Option<VoidCause> {
    let open = stored.request.state.word().is_open();
    open.then(|| policy::void_cause(&stored.facts(&actor.name, &actor.access, None))).flatten()
}

fn is_to_decide(actor: &Actor, stored: &Stored) -> bool {
    let request = &stored.request;
    request.state.word() == RequestWord::AwaitingReview
        && request.requester != actor.name
        && actor.access.may(Permission::Review, &request.application, &request.environment)
        && !stored.accepted_by().contains(&actor.name)
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
    let accepted = matches!(request.state, RequestState::Accepted { .. })
        && request.state.expire(app.clock.now()).is_none();
    let works = link.is_some_and(|link| link.facts.state(app.clock.now()) == LinkState::Unused);
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
        cancel: (request.state.word().is_open() && cancel_request::may_cancel(actor, request))
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
            request.requester,
            crate::domain::request::release_words(&request.release)
        ),
        href: Some(diff_href(
            request.application.as_str(),
            request.from.as_ref().map(AsRef::as_ref),
            request.commit.as_str(),
        )),
        quote: Some(request.reason.clone()),
    }];
    for decision in &stored.decisions {
        let (word, verb) = match decision.kind {
            DecisionKind::Accept => (RequestWord::Accepted, "accepted it"),
            DecisionKind::Reject => (RequestWord::Rejected, "rejected it"),
        };
        timeline.push(Activity {
            at: decision.at,
            state: word.into(),
            text: format!(
                "{} {verb}{}",
                decision.person,
                if decision.own_request { ", their own request" } else { "" }
            ),
            href: None,
            quote: (!decision.comment.is_empty()).then(|| decision.comment.clone()),
        });
    }
    let end = match &request.state {
        RequestState::Launched { at, deployment, .. } => Some((
            *at,
            format!("{} started deployment {deployment}", request.requester),
            Some(format!("/deployments/{deployment}")),
        )),
        RequestState::Cancelled { at, by } => Some((*at, format!("{by} withdrew it"), None)),
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

#[rocket::post("/requests/<id>/cancel", data = "<posted>")]
pub async fn cancel(id: i64, posted: Posted<'_, Nothing>) -> Result<SeeOther, PageError> {
    cancel_request::cancel_request(posted.visit.app, posted.visit.actor(), id).await?;
    Ok(SeeOther(format!("/requests/{id}")))
}

#[rocket::post("/requests/<id>/start", data = "<posted>")]
pub async fn start(
    id: i64,
    posted: Posted<'_, Nothing>,
    cookies: &rocket::http::CookieJar<'_>,
) -> Result<SeeOther, PageError> {
    let started = Box::pin(launch::launch_from_page(posted.visit.app, posted.visit.actor(), id));
    let deployment = started.await?;
    super::launch::remember(posted.visit.app, cookies, deployment);
    Ok(SeeOther(format!("/deployments/{deployment}")))
}

#[rocket::post("/requests/<id>/new-link", data = "<posted>")]
pub async fn new_link(id: i64, posted: Posted<'_, Nothing>) -> Result<SeeOther, PageError> {
    reissue_link::reissue_link(posted.visit.app, posted.visit.actor(), id).await?;
    Ok(SeeOther(format!("/requests/{id}")))
}
