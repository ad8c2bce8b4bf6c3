//! A reviewer decides, or asks first. Accept, reject and ask are one act with three
//! outcomes: the same checks, the same transaction, the same record, whether it comes
//! by the link of the mail, from the request's page or by the API.

use jiff::Timestamp;
use serde_json::json;

use super::access::{self, Believed};
use super::ask_question::ask;
use super::stored_request::{self, Stored, decided};
use super::{App, Gone, Refusal, acceptance};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::link::{Link, Purpose};
use crate::domain::permission::Permission;
use crate::domain::policy::{self, Act};
use crate::domain::request::{Decision, DecisionKind, LinkState, RequestWord};
use crate::domain::words::words;

const LONGEST_COMMENT: usize = 4000;

/// What a reviewer says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Accept,
    Reject,
    Ask,
}

words!(Verb { Accept => "accept", Reject => "reject", Ask => "ask" });

/// How they come to it.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// The link of the mail.
    Link(&'a str),
    /// The number of the request, from its page or by the API.
    Number(i64),
}

/// Gives the request's number.
pub async fn review_release(
    app: &App,
    actor: &Actor,
    by: By<'_>,
    verb: Verb,
    comment: &str,
) -> Result<i64, Refusal> {
    let mut stored = match by {
        By::Link(text) => {
            let link = find_link(app, Purpose::Review, text).await?;
            let stored = Stored::find(app, link.request).await?;
            permitted(actor, &stored)?;
            check_link(app, &link, &stored)?;
            stored
        }
        By::Number(id) => {
            let stored = Stored::find(app, id).await?;
            readable(actor, &stored)?;
            permitted(actor, &stored)?;
            stored
        }
    };
    let missing = match verb {
        Verb::Ask => "Say what you want to know; the requester is mailed your question.",
        Verb::Accept | Verb::Reject => "Say why; the requester is mailed your reason.",
    };
    check_comment(verb != Verb::Accept, comment, missing)?;
    let believed = access::refresh_all(app, &actor.names()).await?;
    stored.read_tag(app, true).await?;
    let id = stored.request.id;
    Box::pin(decide(app, actor, stored, verb, comment, &believed)).await?;
    Ok(id)
}

/// The link of a text, or the answer for texts that were never made here.
pub async fn find_link(app: &App, purpose: Purpose, text: &str) -> Result<Link, Refusal> {
    let hashes = super::link::hashes(&app.keys, purpose, text).ok_or(Refusal::NotFound)?;
    db::links::find(&app.db, purpose, &hashes).await?.ok_or(Refusal::NotFound)
}

pub fn readable(actor: &Actor, stored: &Stored) -> Result<(), Refusal> {
    let request = &stored.request;
    if super::queries::requests::may_read(actor, request) { Ok(()) } else { Err(Refusal::NotFound) }
}

/// Who may not review learns nothing else: neither how it stands nor what is in the way.
/// Policy refuses a decision in another's name (rules.md 31).
fn permitted(actor: &Actor, stored: &Stored) -> Result<(), Refusal> {
    let request = &stored.request;
    if request.requester == actor.name
        || actor.access.may(Permission::Review, &request.application, &request.environment)
    {
        Ok(())
    } else {
        Err(Refusal::Forbidden(format!("{} may not review releases here. Nothing was decided.", actor.name)))
    }
}

/// A review link that was destroyed with its request is gone (rules.md 35).
fn check_link(app: &App, link: &Link, stored: &Stored) -> Result<(), Refusal> {
    let now = app.clock.now();
    match (link.facts.state(now), stored.request.state.word()) {
        // A launched request cannot be decided; it may come back from the queue.
        (_, RequestWord::Launched) => Err(gone(stored, now)),
        // An accepted request outlives the time for its review; it may still be rejected.
        (LinkState::Unused | LinkState::Early, _) | (LinkState::Expired, RequestWord::Accepted) => Ok(()),
        (LinkState::Used | LinkState::Expired | LinkState::Revoked, _) => Err(gone(stored, now)),
    }
}

/// The state is that of this instant, also where housekeeping has not been yet.
fn gone(stored: &Stored, now: Timestamp) -> Refusal {
    let mut request = stored.request.clone();
    request.state = request.state.expire(now).unwrap_or(request.state);
    Refusal::Gone(Box::new(Gone {
        state: request.state.word().word(),
        words: super::queries::requests::ending_words(&request, &stored.decisions),
        request: request.id,
        deployment: request.deployment,
    }))
}

pub(super) fn check_comment(is_required: bool, comment: &str, missing: &str) -> Result<(), Refusal> {
    if comment.len() > LONGEST_COMMENT {
        return Err(Refusal::field("comment", format!("At most {LONGEST_COMMENT} bytes.")));
    }
    if is_required && comment.trim().is_empty() {
        return Err(Refusal::field("comment", missing));
    }
    Ok(())
}

async fn decide(
    app: &App,
    actor: &Actor,
    stored: Stored,
    verb: Verb,
    comment: &str,
    believed: &[Believed],
) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = access::again(&tx, actor).await?;
    let mut stored = stored.again(&tx, now).await?;
    permitted(&actor, &stored)?;
    let act = match verb {
        Verb::Accept => Act::Accept,
        Verb::Reject => Act::Reject,
        Verb::Ask => Act::Ask,
    };
    let facts = stored.facts(&actor.name, &actor.access, None);
    let gates = policy::gates(act, &facts);
    if !policy::passes(&gates) {
        let cause = (act == Act::Accept).then(|| policy::void_cause(&facts)).flatten();
        if let Some(cause) = cause.filter(|_| stored.request.state.word().is_open()) {
            stored_request::void(app, &tx, stored.request, cause, &actor.signature(), now).await?;
            tx.commit().await?;
            app.wake.outbox.notify_one();
        }
        return Err(Refusal::Stopped(gates));
    }
    // A second click is no second decision.
    let last = stored.decisions.iter().rev().find(|known| known.person == actor.name);
    let is_said = |known: &Decision| {
        known.kind == DecisionKind::Accept && ["", &known.comment].contains(&comment.trim())
    };
    if verb == Verb::Accept && last.is_some_and(is_said) && !stored.quorum().is_reached() {
        return Ok(());
    }
    let kind = match verb {
        Verb::Accept => DecisionKind::Accept,
        Verb::Reject => DecisionKind::Reject,
        Verb::Ask => {
            ask(app, &tx, stored.request, &actor, comment, now).await?;
            tx.commit().await?;
            app.wake.outbox.notify_one();
            return Ok(());
        }
    };
    let decision = Decision {
        person: actor.name.clone(),
        kind,
        comment: comment.trim().to_owned(),
        own_request: stored.request.is_own_of(&actor.name),
        at: now,
    };
    db::requests::add_decision(&tx, &stored.request, &decision).await?;
    let entry = db::audit::Entry {
        actor: &actor.signature(),
        action: if kind == DecisionKind::Accept { "request.accept" } else { "request.reject" },
        subject: format!("request {}", stored.request.id),
        facts: json!({ "fingerprint": stored.request.fingerprint, "comment": decision.comment, "own_request": decision.own_request, "believed": believed }),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    stored.standing.retain(|standing| standing.person != actor.name);
    stored.standing.push(decided(&stored.request, &actor.name, kind, &actor.access));
    match kind {
        DecisionKind::Reject => reject(app, &tx, stored, &actor, decision.comment).await?,
        DecisionKind::Accept => acceptance::settle(app, &tx, stored).await?,
    }
    tx.commit().await?;
    app.wake.outbox.notify_one();
    Ok(())
}

/// One reject ends the request; its links are destroyed with it.
async fn reject(
    app: &App,
    tx: &db::Tx,
    mut stored: Stored,
    actor: &Actor,
    reason: String,
) -> Result<(), Refusal> {
    let now = app.clock.now();
    stored.request.state = stored.request.state.clone().reject(actor.name.clone(), reason, now)?;
    db::requests::update(tx, &stored.request).await?;
    stored_request::ended(app, tx, &stored.request, "request.rejected", actor.name.as_str(), json!({}), now)
        .await
}
