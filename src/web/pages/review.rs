//! The reviewer's page behind the link of the mail. Looking changes nothing.

use jiff::Timestamp;
use rocket::State;

use super::deciding::{Comment, Decided, Outcome, decide, forms};
use super::freezes::{self, about};
use super::items::sealed;
use crate::app::review_release::{By, Verb, find_link, readable};
use crate::app::stored_request::Stored;
use crate::domain::actor::acted;
use crate::domain::gate::{Gate, Verdict};
use crate::domain::link::Purpose;
use crate::domain::policy::{self, Act, Facts};
use crate::domain::request::{DecisionKind, RequestState, VoidCause};
use crate::web::form::Posted;
use crate::web::guard::Visit;
use crate::web::limit::Limits;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::Section;
use crate::web::view::decide::{Objection, RefusedDecision};
use crate::web::view::review::{Review, Standing};

#[rocket::get("/review/<link>")]
pub async fn page(visit: Visit<'_>, limits: &State<Limits>, link: &str) -> Result<Html, PageError> {
    show(&visit, limits, link, None).await
}

/// The page as it stands for this reader, with a refused form put back into it.
async fn show(
    visit: &Visit<'_>,
    limits: &Limits,
    text: &str,
    refused: Option<RefusedDecision>,
) -> Result<Html, PageError> {
    let app = visit.app;
    let link = find_link(app, Purpose::Review, text)
        .await
        .map_err(|refusal| limits.judge(visit.frame.address, "review", refusal, visit.app.clock.now()))?;
    let mut stored = Stored::find(app, link.request).await?;
    stored.look_at_tag(app).await?;
    let actor = visit.actor();
    let facts = stored.facts(&actor.name, &actor.access, None);
    let gates = policy::gates(Act::Accept, &facts);
    let may_object = policy::passes(&policy::gates(Act::Reject, &facts));
    let objection =
        may_object.then(|| Objection { href: format!("/review/{text}/reject"), refused: refused.clone() });
    let standing = match changed(&stored, &facts, app.clock.now()).filter(|_| may_see(visit, &stored, &gates))
    {
        Some(cause) => Standing::Changed { cause: cause.words() },
        None => standing(visit, &stored, &gates, text, refused, objection),
    };
    let status = status(&standing);
    let may_see = !matches!(standing, Standing::NotPermitted { .. });
    let about_reader = ["permission", "own_request", "awaiting_review"];
    let page = Review {
        sealed: if may_see { Some(sealed(app, &stored).await) } else { None },
        gates: if may_see {
            gates.into_iter().filter(|gate| !about_reader.contains(&gate.code)).collect()
        } else {
            Vec::new()
        },
        standing,
        shell: if may_see {
            freezes::shell(visit, Section::Requests, about(&stored)).await?
        } else {
            visit.shell(Section::Requests)
        },
    };
    Html::with_status(status, &page)
}

/// What will make an open request void as soon as somebody decides; looking only says it.
fn changed(stored: &Stored, facts: &Facts<'_>, now: Timestamp) -> Option<VoidCause> {
    let state = &stored.request.state;
    let open = state.word().is_open() && state.expire(now).is_none();
    open.then(|| policy::void_cause(facts)).flatten()
}

fn stop<'a>(gates: &'a [Gate], code: &str) -> Option<&'a Gate> {
    gates.iter().find(|gate| gate.code == code && gate.verdict == Verdict::Stop)
}

/// Reviewers, and the requester while they may read it.
fn may_see(visit: &Visit<'_>, stored: &Stored, gates: &[Gate]) -> bool {
    let is_own = stop(gates, "own_request").is_some() && readable(visit.actor(), stored).is_ok();
    stop(gates, "permission").is_none() || is_own
}

fn standing(
    visit: &Visit<'_>,
    stored: &Stored,
    gates: &[Gate],
    link: &str,
    refused: Option<RefusedDecision>,
    objection: Option<Objection>,
) -> Standing {
    let (app, request) = (visit.app, &stored.request);
    if let Some(gate) = stop(gates, "permission").filter(|_| !may_see(visit, stored, gates)) {
        return Standing::NotPermitted { why: format!("{} {}", gate.title, gate.remedy) };
    }
    let last = |kind: DecisionKind| stored.decisions.iter().rev().find(|decision| decision.kind == kind);
    let comment =
        |kind| last(kind).map(|decision| decision.comment.clone()).filter(|comment| !comment.is_empty());
    let by = |kind| last(kind).map_or_else(|| "policy".to_owned(), |decision| decision.person.to_string());
    match &request.state {
        RequestState::Accepted { at, .. } => Standing::Accepted {
            by: by(DecisionKind::Accept),
            at: *at,
            comment: comment(DecisionKind::Accept),
            objection,
        },
        RequestState::Rejected { by, at, reason } => {
            Standing::Rejected { by: by.to_string(), at: *at, comment: Some(reason.clone()) }
        }
        RequestState::Cancelled { at, by, acting } => {
            Standing::Cancelled { by: acted(by.as_str(), acting.as_ref()), at: *at }
        }
        RequestState::Launched { at, deployment, .. } => {
            Standing::Launched { by: request.requester.to_string(), at: *at, deployment: *deployment }
        }
        RequestState::Expired { at } => Standing::Expired { at: *at },
        RequestState::Void { cause, .. } => Standing::Void { cause: cause.words() },
        RequestState::AwaitingReview { until } if app.clock.now() >= *until => {
            Standing::Expired { at: *until }
        }
        RequestState::AwaitingReview { .. } => {
            if stop(gates, "own_request").is_some() {
                return Standing::OwnRequest;
            }
            Standing::Open(forms(stored, gates, format!("/review/{link}"), refused))
        }
    }
}

fn status(standing: &Standing) -> u16 {
    match standing {
        Standing::Open(decide) if decide.refused.is_some() => 422,
        Standing::Accepted { objection: Some(objection), .. } if objection.refused.is_some() => 422,
        Standing::Open(_) | Standing::Accepted { .. } => 200,
        Standing::Rejected { .. }
        | Standing::Cancelled { .. }
        | Standing::Launched { .. }
        | Standing::Expired { .. }
        | Standing::Gone { .. } => 410,
        Standing::Void { .. } | Standing::Changed { .. } => 409,
        Standing::NotPermitted { .. } | Standing::OwnRequest => 403,
    }
}

#[rocket::post("/review/<link>/accept", data = "<posted>")]
pub async fn accept(
    link: &str,
    limits: &State<Limits>,
    posted: Posted<'_, Comment>,
) -> Result<Decided, PageError> {
    sent(link, limits, posted, Verb::Accept).await
}

#[rocket::post("/review/<link>/reject", data = "<posted>")]
pub async fn reject(
    link: &str,
    limits: &State<Limits>,
    posted: Posted<'_, Comment>,
) -> Result<Decided, PageError> {
    sent(link, limits, posted, Verb::Reject).await
}

#[rocket::post("/review/<link>/ask", data = "<posted>")]
pub async fn ask(
    link: &str,
    limits: &State<Limits>,
    posted: Posted<'_, Comment>,
) -> Result<Decided, PageError> {
    sent(link, limits, posted, Verb::Ask).await
}

async fn sent(
    link: &str,
    limits: &Limits,
    posted: Posted<'_, Comment>,
    verb: Verb,
) -> Result<Decided, PageError> {
    let visit = &posted.visit;
    match decide(&posted, By::Link(link), verb).await {
        Ok(Outcome::Done(request)) => Ok(Decided::Done(SeeOther(format!("/requests/{request}")))),
        Ok(Outcome::Again(refused)) => show(visit, limits, link, Some(refused)).await.map(Decided::Again),
        Err(refusal) => {
            Err(limits.judge(visit.frame.address, "review", refusal, visit.app.clock.now()).into())
        }
    }
}
