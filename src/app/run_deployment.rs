//! What the runner tells while it has a deployment: every event with the state it
//! changes, and the end.

use serde_json::json;

use super::queue::{Claimed, LEASE};
use super::situation::repository;
use super::{App, Refusal, announce};
use crate::db::deployments::Lease;
use crate::db::{self, DbError, Tx};
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::{Event, EventKind, HostState};
use crate::domain::live::{LiveRow, LiveState};
use crate::domain::name::Name;
use crate::domain::notice::Notice;
use crate::domain::plan::Plan;
use crate::repo::Tree;

pub async fn store_plan(app: &App, lease: &Lease, plan: &Plan) -> Result<(), Refusal> {
    let tx = app.db.begin().await?;
    db::deployments::set_plan(&tx, lease, plan).await?;
    tx.commit().await?;
    Ok(())
}

/// Fetches, so that the commit is in the mirror, and exports it to a clean tree.
pub async fn build_tree(app: &App, plan: &Plan) -> Result<Tree, Refusal> {
    let facts = &plan.facts;
    let tree = app.mirrors.export(&facts.application, &facts.commit, facts.allow_submodules_and_lfs).await;
    tree.map_err(repository)
}

pub async fn renew(app: &App, lease: &Lease) -> Result<(), DbError> {
    let tx = app.db.begin().await?;
    db::deployments::renew(&tx, lease, app.clock.now() + LEASE).await?;
    tx.commit().await
}

/// Appends events under the lease, together with what they say about hosts.
pub async fn append(
    app: &App,
    deployment: &Deployment,
    lease: &Lease,
    events: &[Event],
) -> Result<(), DbError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    db::deployments::renew(&tx, lease, now + LEASE).await?;
    db::journal::append(&tx, deployment.id, events).await?;
    // What it does in a place that was removed is nothing of another one of its name.
    let tells_of_hosts = events.iter().any(|event| matches!(event.what, EventKind::Host { .. }));
    let removed = tells_of_hosts
        && db::deployments::find(&tx, deployment.id).await?.is_some_and(|run| run.place_removed);
    for event in events {
        match &event.what {
            EventKind::Host { .. } if removed => {}
            EventKind::Host { host, state, .. } => record_host(&tx, deployment, host, *state, now).await?,
            EventKind::Service { member, in_service: false } => {
                db::out_of_service::put(&tx, deployment, member, now).await?;
            }
            EventKind::Service { member, in_service: true } => {
                db::out_of_service::remove(&tx, member).await?;
            }
            _ => {}
        }
    }
    tx.commit().await?;
    let _ = app.wake.journal.send(deployment.id);
    Ok(())
}

/// A host that is being changed is unknown until it is verified or read again.
async fn record_host(
    tx: &Tx,
    deployment: &Deployment,
    host: &Name,
    state: HostState,
    now: jiff::Timestamp,
) -> Result<(), DbError> {
    let rows = db::live::list(tx, &deployment.application, &deployment.environment).await?;
    let known = rows.into_iter().find(|row| &row.server == host);
    let row = match state {
        HostState::Done => LiveRow {
            server: host.clone(),
            commit: Some(deployment.commit.clone()),
            release: Some(deployment.release.clone()),
            state: LiveState::Settled,
            deployment: Some(deployment.id),
            at: now,
        },
        HostState::Running => being_changed(deployment, host, known, now),
        // Only what this run began to change is unknown; else the record still holds.
        HostState::Unknown | HostState::Failed => match known {
            Some(row) if row.state == LiveState::Unknown && row.deployment == Some(deployment.id) => {
                being_changed(deployment, host, Some(row), now)
            }
            _ => return Ok(()),
        },
        HostState::Waiting | HostState::Skipped => return Ok(()),
    };
    db::live::put(tx, &deployment.application, &deployment.environment, &row).await
}

fn being_changed(
    deployment: &Deployment,
    host: &Name,
    known: Option<LiveRow>,
    now: jiff::Timestamp,
) -> LiveRow {
    LiveRow {
        server: host.clone(),
        commit: known.as_ref().and_then(|row| row.commit.clone()),
        release: known.and_then(|row| row.release),
        state: LiveState::Unknown,
        deployment: Some(deployment.id),
        at: now,
    }
}

/// The end of a run: state, last event, record and mail in one transaction.
pub async fn finish(
    app: &App,
    claimed: &Claimed,
    seq: u64,
    state: DeploymentState,
    why: Option<&str>,
) -> Result<(), Refusal> {
    let now = app.clock.now();
    let deployment = &claimed.deployment;
    let tx = app.db.begin().await?;
    db::deployments::end(&tx, &claimed.lease, state, why, now).await?;
    let what = EventKind::State { state, why: why.map(str::to_owned) };
    db::journal::append(&tx, deployment.id, &[Event { seq: seq + 1, at: now, what }]).await?;
    record_end(app, &tx, deployment, state, why).await?;
    tx.commit().await?;
    announce(app, deployment.id);
    Ok(())
}

/// A run whose process is gone (rules.md 23): marked, its servers are free again,
/// and what was being changed stays unknown.
pub async fn interrupt(app: &App, deployment: &Deployment) -> Result<(), Refusal> {
    const WHY: &str =
        "The process that ran it was lost. What its hosts run is read before anything else runs there.";
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    db::deployments::end_unheld(&tx, deployment, DeploymentState::Interrupted, Some(WHY), now).await?;
    let seq = db::journal::last_seq(&tx, deployment.id).await? + 1;
    let what = EventKind::State { state: DeploymentState::Interrupted, why: Some(WHY.to_owned()) };
    db::journal::append(&tx, deployment.id, &[Event { seq, at: now, what }]).await?;
    record_end(app, &tx, deployment, DeploymentState::Interrupted, Some(WHY)).await?;
    tx.commit().await?;
    announce(app, deployment.id);
    Ok(())
}

/// An end is on record, and in the mail that says so with the head of the trail
/// (rules.md 41). However it came, this is how it is told.
pub(super) async fn tell_of_end(
    app: &App,
    tx: &Tx,
    deployment: i64,
    entry: db::audit::Entry<'_>,
    now: jiff::Timestamp,
) -> Result<(), DbError> {
    let facts = entry.facts.clone();
    let head = db::audit::append(tx, &app.keys, now, entry).await?;
    tracing::info!(deployment, %facts, audit_count = head.count, audit_mac = %head.mac, "deployment ended");
    let notice = Notice::DeploymentEnded { deployment, audit_count: head.count, audit_mac: head.mac };
    db::outbox::put(tx, &notice, None, now).await?;
    Ok(())
}

async fn record_end(
    app: &App,
    tx: &Tx,
    deployment: &Deployment,
    state: DeploymentState,
    why: Option<&str>,
) -> Result<(), Refusal> {
    let now = app.clock.now();
    let entry = db::audit::Entry {
        actor: &deployment.signature(),
        action: "deployment.ended",
        subject: format!("deployment {}", deployment.id),
        facts: json!({ "state": state, "why": why, "commit": deployment.commit }),
    };
    tell_of_end(app, tx, deployment.id, entry, now).await?;
    super::housekeep::void_changed(
        app,
        tx,
        Some((&deployment.application, &deployment.environment)),
        "policy",
    )
    .await?;
    Ok(())
}
