//! The requester starts an accepted request with the one-time link: everything is
//! checked again, then the link is used, the deployment queued, and the record
//! written, all in one transaction or not at all.

use serde_json::json;

use super::access::{self, Believed};
use super::review_release::{find_link, readable};
use super::stored_request::{self, Stored};
use super::{App, Gone, Refusal, queue};
use crate::db::{self, DbError};
use crate::domain::actor::Actor;
use crate::domain::deployment::{Deployment, Direction};
use crate::domain::gate::{Gate, Verdict};
use crate::domain::link::{Link, Purpose};
use crate::domain::policy::{self, Act};
use crate::domain::request::{LinkState, RequestState, RequestWord};

/// By the link of the mail. Gives the deployment's number.
pub async fn launch(app: &App, actor: &Actor, text: &str) -> Result<i64, Refusal> {
    let link = find_link(app, Purpose::Launch, text).await?;
    start(app, actor, link).await
}

/// From the request's page: the same link is consumed (rules.md 3).
pub async fn launch_from_page(app: &App, actor: &Actor, request: i64) -> Result<i64, Refusal> {
    let stored = Stored::load(app, &app.db, request, app.clock.now()).await?;
    readable(actor, &stored)?;
    let link = db::links::find_latest(&app.db, Purpose::Launch, request).await?;
    let link = link.ok_or_else(|| Refusal::Conflict("This request is not accepted.".to_owned()))?;
    start(app, actor, link).await
}

async fn start(app: &App, actor: &Actor, link: Link) -> Result<i64, Refusal> {
    let mut stored = Stored::load(app, &app.db, link.request, app.clock.now()).await?;
    if stored.request.requester != actor.name {
        return Err(foreign(actor, &stored));
    }
    check_link(app, &link, &stored)?;
    let believed = access::refresh_all(app, &[actor.names(), stored.accepted_by()].concat()).await?;
    stored.read_tag(app, true).await?;
    let deployment = Box::pin(consume(app, actor, &stored, &link, &believed)).await?;
    app.wake.queue.notify_one();
    app.wake.outbox.notify_one();
    Ok(deployment)
}

fn foreign(actor: &Actor, stored: &Stored) -> Refusal {
    Refusal::Forbidden(format!(
        "This link is {}'s; {} cannot start it, and it still works for them.",
        stored.request.requester, actor.name
    ))
}

/// Used, expired and revoked links are gone, each with its words (rules.md 35). A
/// link to a void request says that as a conflict: it is what somebody has to know.
pub fn check_link(app: &App, link: &Link, stored: &Stored) -> Result<(), Refusal> {
    let link_state = link.facts.state(app.clock.now());
    if let RequestState::Void { cause, .. } = &stored.request.state
        && link_state != LinkState::Used
    {
        let remedy = format!("{} Ask for the release again.", cause.words());
        return Err(Refusal::Stopped(vec![Gate::stop("unchanged", "The approval is void", remedy)]));
    }
    let (state, words) = match link_state {
        LinkState::Unused | LinkState::Early => return Ok(()),
        LinkState::Used => {
            ("used", "This link has started its deployment already. A link works once.".to_owned())
        }
        LinkState::Expired => (
            "expired",
            "The slot of this link is over. While the approval stands, the request page makes a new one."
                .to_owned(),
        ),
        LinkState::Revoked => ("revoked", revoked_words(link, stored)),
    };
    Err(Refusal::Gone(Box::new(Gone {
        state,
        words,
        request: stored.request.id,
        deployment: link.deployment.or(stored.request.deployment),
    })))
}

/// Why a link was revoked: somebody did, a newer one was made, or the request ended.
pub fn revoked_words(link: &Link, stored: &Stored) -> String {
    if let (Some(by), Some(at)) = (&link.revoked_by, link.facts.revoked_at) {
        let at = at.strftime("%Y-%m-%d %H:%M UTC");
        let approval = if stored.request.state.word() == RequestWord::Accepted {
            "The approval stands, so the request page can make a new link."
        } else {
            ""
        };
        return format!("{by} revoked this link at {at}. {approval}").trim_end().to_owned();
    }
    match stored.request.state.word() {
        RequestWord::Accepted | RequestWord::Launched => {
            "A newer link replaced this one. Use the one in the last mail.".to_owned()
        }
        _ => super::queries::requests::ending_words(&stored.request, &stored.decisions),
    }
}

async fn consume(
    app: &App,
    actor: &Actor,
    stored: &Stored,
    link: &Link,
    believed: &[Believed],
) -> Result<i64, Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = access::again(&tx, actor).await?;
    let mut stored = stored.again(&tx, now).await?;
    let current = db::links::find_latest(&tx, Purpose::Launch, stored.request.id).await?;
    let (request, earlier) = (link.request, stored.request.deployment);
    let gone = |state, words| Refusal::Gone(Box::new(Gone { state, words, request, deployment: earlier }));
    let newer = || gone("revoked", revoked_words(link, &stored));
    let link = current.filter(|current| current.id == link.id).ok_or_else(newer)?;
    check_link(app, &link, &stored)?;
    let facts = stored.facts(&actor.name, &actor.access, Some(link.facts.state(now)));
    let gates = policy::gates(Act::Launch, &facts);
    if !policy::passes(&gates) {
        if let Some(cause) = policy::void_cause(&facts)
            && stored.request.state.word() == RequestWord::Accepted
        {
            stored_request::void(app, &tx, stored.request, cause, &actor.signature(), now).await?;
            tx.commit().await?;
            app.wake.outbox.notify_one();
        }
        return Err(stopped(gates, &link));
    }
    let request = &mut stored.request;
    let mut deployment = Deployment {
        release: request.release.clone(),
        from: request.from.clone(),
        from_release: request.from_release.clone(),
        request: Some(request.id),
        requested_by: request.requester.clone(),
        direction: Some(if request.rollback { Direction::GoesBack } else { Direction::Forward }),
        ..Deployment::queued(&request.application, &request.environment, &request.commit, &actor.name, now)
    }
    .bounded_as(&actor.access);
    deployment.id = queue::put(&tx, &deployment, believed.iter().map(Believed::note)).await?;
    db::links::consume(&tx, link.id, deployment.id, now).await.map_err(|error| match error {
        DbError::Conflict(_) => gone("used", "Somebody was faster: this link has just been used.".to_owned()),
        other => other.into(),
    })?;
    request.state = request.state.clone().launch(deployment.id, now)?;
    request.deployment = Some(deployment.id);
    db::requests::update(&tx, request).await?;
    let facts =
        json!({ "deployment": deployment.id, "fingerprint": request.fingerprint, "believed": believed });
    let entry = db::audit::Entry {
        actor: &actor.signature(),
        action: "request.launched",
        subject: format!("request {}", request.id),
        facts,
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    Ok(deployment.id)
}

/// A link whose slot closed between page and POST is gone, not in conflict.
fn stopped(gates: Vec<Gate>, link: &Link) -> Refusal {
    let slot_over = gates
        .iter()
        .any(|gate| gate.code == "slot" && gate.verdict == Verdict::Stop && gate.title == "The slot is over");
    if slot_over {
        let words =
            "The slot of this link is over. While the approval stands, the request page makes a new one."
                .to_owned();
        return Refusal::Gone(Box::new(Gone {
            state: "expired",
            words,
            request: link.request,
            deployment: link.deployment,
        }));
    }
    Refusal::Stopped(gates)
}
