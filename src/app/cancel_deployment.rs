//! Somebody cancels a deployment that waits in the queue; the request is accepted
//! again while its approval stands (rules.md 10).

use jiff::Timestamp;
use serde_json::json;

use super::{App, Refusal};
use crate::db::{self, Tx};
use crate::domain::actor::Actor;
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::{Event, EventKind};
use crate::domain::notice::Notice;
use crate::domain::permission::Permission;

pub async fn cancel_deployment(app: &App, actor: &Actor, id: i64) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let deployment = db::deployments::find(&tx, id).await?.ok_or(Refusal::NotFound)?;
    if !may_read(actor, &deployment) {
        return Err(Refusal::NotFound);
    }
    if !may_cancel(actor, &deployment) {
        return Err(Refusal::Forbidden(
            "Only who asked for it, who started it, or somebody with the right to deploy may cancel it."
                .to_owned(),
        ));
    }
    if deployment.state != DeploymentState::Queued {
        return Err(Refusal::Conflict(format!(
            "The deployment is {}; only a waiting one can be cancelled in this version.",
            deployment.state
        )));
    }
    let why = format!("Cancelled by {} before it started.", actor.name);
    take_from_queue(app, &tx, &deployment, &why, now).await?;
    let entry = db::audit::Entry {
        actor: actor.name.as_str(),
        action: "deployment.cancelled",
        subject: format!("deployment {id}"),
        facts: json!({ "why": why }),
    };
    let head = db::audit::append(&tx, &app.keys, now, entry).await?;
    let notice = Notice::DeploymentEnded { deployment: id, audit_count: head.count, audit_mac: head.mac };
    db::outbox::put(&tx, &notice, None, now).await?;
    tx.commit().await?;
    let _ = app.wake.journal.send(id);
    app.wake.outbox.notify_one();
    app.wake.queue.notify_one();
    Ok(())
}

pub fn may_read(actor: &Actor, deployment: &Deployment) -> bool {
    deployment.requested_by == actor.name
        || deployment.started_by == actor.name
        || actor.access.may(Permission::Read, &deployment.application, &deployment.environment)
}

pub fn may_cancel(actor: &Actor, deployment: &Deployment) -> bool {
    deployment.requested_by == actor.name
        || deployment.started_by == actor.name
        || actor.access.may(Permission::DeployInWindow, &deployment.application, &deployment.environment)
}

/// Ends a waiting deployment and gives its approval back while it stands.
pub async fn take_from_queue(
    app: &App,
    tx: &Tx,
    deployment: &Deployment,
    why: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    db::deployments::end_unheld(tx, deployment, DeploymentState::Cancelled, Some(why), now).await?;
    let seq = db::journal::last_seq(tx, deployment.id).await? + 1;
    let what = EventKind::State { state: DeploymentState::Cancelled, why: Some(why.to_owned()) };
    db::journal::append(tx, deployment.id, &[Event { seq, at: now, what }]).await?;
    give_back(app, tx, deployment, now).await
}

/// The request behind a deployment that never started: accepted again, or
/// expired when its approval has run out.
pub async fn give_back(app: &App, tx: &Tx, deployment: &Deployment, now: Timestamp) -> Result<(), Refusal> {
    let Some(request) = deployment.request else { return Ok(()) };
    let mut request = db::requests::find(tx, request).await?.ok_or(Refusal::NotFound)?;
    let accepted_at = request.accepted_at.unwrap_or(request.created_at);
    request.state = request.state.clone().reopen(accepted_at, now)?;
    request.deployment = None;
    let updated = db::requests::update(tx, &request).await;
    if matches!(&updated, Err(error) if error.is_taken()) {
        return Err(Refusal::Conflict("The same commit was asked for again meanwhile.".to_owned()));
    }
    updated?;
    let entry = db::audit::Entry {
        actor: "policy",
        action: "request.given_back",
        subject: format!("request {}", request.id),
        facts: json!({ "deployment": deployment.id, "state": request.state.word() }),
    };
    db::audit::append(tx, &app.keys, now, entry).await?;
    Ok(())
}
