//! Somebody cancels a deployment. One that waits in the queue ends at once, and its
//! request is accepted again while the approval stands; a running one is told to
//! end, now or after the batch, and its runner does that (rules.md 10, 22).

use jiff::Timestamp;
use serde_json::json;

use super::run_deployment::tell_of_end;
use super::{App, Refusal, announce, stored_request};
use crate::db::{self, Tx};
use crate::domain::actor::Actor;
use crate::domain::deployment::{CancelWhen, Deployment, DeploymentState};
use crate::domain::event::{Event, EventKind};
use crate::domain::permission::Permission;
use crate::domain::request::{RequestWord, VoidCause};

/// A waiting one ends at once; a running one is told to (rules.md 10, 22).
pub async fn cancel_deployment(app: &App, actor: &Actor, id: i64, when: CancelWhen) -> Result<(), Refusal> {
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
    let signature = actor.signature();
    let entry = |action, facts| db::audit::Entry {
        actor: &signature,
        action,
        subject: format!("deployment {id}"),
        facts,
    };
    match deployment.state {
        DeploymentState::Queued => {
            let why = format!("Cancelled by {signature} before it started.");
            take_from_queue(app, &tx, &deployment, &why, now).await?;
            let facts = json!({ "why": why });
            tell_of_end(app, &tx, id, entry("deployment.cancelled", facts), now).await?;
        }
        DeploymentState::Running => {
            db::deployments::ask_to_cancel(&tx, id, when, &actor.hand()).await?;
            let facts = json!({ "when": when });
            db::audit::append(&tx, &app.keys, now, entry("deployment.cancel_asked", facts)).await?;
        }
        over => {
            return Err(Refusal::Conflict(format!("The deployment is {over}; there is nothing to cancel.")));
        }
    }
    tx.commit().await?;
    announce(app, id);
    let _ = app.wake.cancel.send(id);
    Ok(())
}

/// Having asked for it or started it is not enough: who lost the right reads nothing
/// more of it (security.md 37).
pub fn may_read(actor: &Actor, deployment: &Deployment) -> bool {
    actor.access.may(Permission::Read, &deployment.application, &deployment.environment)
}

pub fn may_cancel(actor: &Actor, deployment: &Deployment) -> bool {
    theirs(actor, deployment, Permission::Request)
        || actor.access.may(Permission::DeployInWindow, &deployment.application, &deployment.environment)
}

/// Who asked for it or started it, within what they came with.
fn theirs(actor: &Actor, deployment: &Deployment, wanted: Permission) -> bool {
    [&deployment.requested_by, &deployment.started_by]
        .into_iter()
        .any(|name| actor.owns(name, wanted, &deployment.application, &deployment.environment))
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
    // The request of a retry was launched by the run before, and stays so.
    let Some(request) = deployment.request.filter(|_| deployment.retry_of.is_none()) else { return Ok(()) };
    let mut request = db::requests::find(tx, request).await?.ok_or(Refusal::NotFound)?;
    if deployment.place_removed {
        let cause = VoidCause::EnvironmentGone;
        return stored_request::void(app, tx, request, cause, "policy", now).await;
    }
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
    if request.state.word() == RequestWord::Expired {
        // Its approval ran out while the deployment waited: nobody can start it any more.
        stored_request::ended(app, tx, &request, "request.expired", "policy", json!({}), now).await?;
    }
    Ok(())
}
