//! A reviewer decides. Accept and reject are one act with two outcomes: the same
//! checks, the same transaction, the same record.

use jiff::Timestamp;
use serde_json::json;

use super::access::{self, Believed};
use super::stored_request::{self, Stored, issue_launch_link};
use super::{App, Gone, Refusal};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::link::{Link, Purpose};
use crate::domain::permission::Permission;
use crate::domain::policy::{self, Act, DecisionFacts};
use crate::domain::request::{Decision, DecisionKind, LinkState, RequestState, RequestWord};

const LONGEST_COMMENT: usize = 4000;

/// Decides by the link of the mail. Gives the request's number.
pub async fn review_release(
    app: &App,
    actor: &Actor,
    link: &str,
    kind: DecisionKind,
    comment: &str,
) -> Result<i64, Refusal> {
    let link = find_link(app, Purpose::Review, link).await?;
    let mut stored = Stored::find(app, link.request).await?;
    permitted(actor, &stored)?;
    check_link(app, &link, &stored)?;
    check_comment(kind, comment)?;
    let believed = access::refresh_all(app, &actor.name, &[]).await?;
    stored.read_tag(app, true).await?;
    decide(app, actor, stored, kind, comment, &believed).await?;
    Ok(link.request)
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

fn check_comment(kind: DecisionKind, comment: &str) -> Result<(), Refusal> {
    if comment.len() > LONGEST_COMMENT {
        return Err(Refusal::field("comment", format!("At most {LONGEST_COMMENT} bytes.")));
    }
    if kind == DecisionKind::Reject && comment.trim().is_empty() {
        return Err(Refusal::field("comment", "Say why; the requester is mailed your reason."));
    }
    Ok(())
}

async fn decide(
    app: &App,
    actor: &Actor,
    stored: Stored,
    kind: DecisionKind,
    comment: &str,
    believed: &[Believed],
) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = access::again(&tx, actor).await?;
    let mut stored = stored.again(&tx, now).await?;
    permitted(&actor, &stored)?;
    let act = if kind == DecisionKind::Accept { Act::Accept } else { Act::Reject };
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
    let decision = Decision {
        person: actor.name.clone(),
        kind,
        comment: comment.trim().to_owned(),
        own_request: actor.name == stored.request.requester,
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
    stored.standing.push(DecisionFacts { person: actor.name.clone(), kind, may_review: true });
    match kind {
        DecisionKind::Reject => reject(app, &tx, stored, &actor, decision.comment).await?,
        DecisionKind::Accept => accept(app, &tx, stored).await?,
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

/// Enough accepts make it accepted; fewer leave it waiting for the others.
async fn accept(app: &App, tx: &db::Tx, mut stored: Stored) -> Result<(), Refusal> {
    let now = app.clock.now();
    let approval = stored.situation.environment.approval.clone();
    let required = stored.request.required.max(approval.required);
    if policy::accepts(&stored.standing, &stored.request.requester, &approval) < required {
        // The version moves although the state stays, so that decisions come one after another.
        return Ok(db::requests::update(tx, &stored.request).await?);
    }
    stored.request.state =
        stored.request.state.clone().accept(&approval, stored.situation.slot_begins(), now)?;
    stored.request.accepted_at = Some(now);
    stored.request.required = required;
    db::requests::update(tx, &stored.request).await?;
    stored.request.version += 1;
    let by: Vec<String> = stored.accepted_by().iter().map(ToString::to_string).collect();
    let entry = db::audit::Entry {
        actor: "policy",
        action: "request.accepted",
        subject: format!("request {}", stored.request.id),
        facts: json!({ "by": by }),
    };
    db::audit::append(tx, &app.keys, now, entry).await?;
    debug_assert!(matches!(stored.request.state, RequestState::Accepted { .. }));
    issue_launch_link(app, tx, &stored, now).await
}
