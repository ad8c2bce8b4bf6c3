//! What the runner asks and tells while it has a deployment: policy once more
//! before anything is touched, every event with the state it changes, and the end.

use serde_json::json;

use super::cancel_deployment::give_back;
use super::queue::{Claimed, LEASE};
use super::situation::{Situation, repository};
use super::stored_request::{self, Stored};
use super::{App, Refusal, access};
use crate::db::deployments::Lease;
use crate::db::{self, DbError, Tx};
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::{Event, EventKind, HostState};
use crate::domain::gate::Verdict;
use crate::domain::live::{LiveRow, LiveState};
use crate::domain::name::Name;
use crate::domain::notice::Notice;
use crate::domain::permission::Permission;
use crate::domain::plan::{ClusterFacts, Plan, RunFacts, plan};
use crate::domain::policy::{self, Act};
use crate::repo::Tree;

/// What came of the checks before the start.
#[derive(Debug)]
pub enum Checked {
    Go(Box<Plan>),
    /// It ended already, in the queue so to say: nothing was touched.
    Stopped {
        why: String,
    },
}

/// Asks policy again with everything read anew, and makes the plan.
pub async fn check_start(app: &App, claimed: &Claimed) -> Result<Checked, Refusal> {
    let deployment = &claimed.deployment;
    let request =
        deployment.request.ok_or_else(|| Refusal::Internal("a deployment without a request".to_owned()))?;
    let now = app.clock.now();
    let mut stored = match Stored::load(&app.db, request, now).await {
        Ok(stored) => stored,
        Err(Refusal::NotFound) => return stop(app, claimed, "The environment no longer exists.", None).await,
        Err(other) => return Err(other),
    };
    match access::refresh_all(app, &deployment.requested_by, &stored.accepted_by()).await {
        Ok(_) => {}
        Err(Refusal::Unavailable(words)) => return stop(app, claimed, &words, None).await,
        Err(other) => return Err(other),
    }
    stored.read_tag(app, true).await?;
    let mut stored = stored.again(&app.db, app.clock.now()).await?;
    stored.situation.find_base(app).await?;
    let requester_access = access::access_of_name(&app.db, &deployment.requested_by).await?;
    let facts = stored.facts(&deployment.requested_by, &requester_access, None);
    let gates = policy::gates(Act::Start, &facts);
    if !policy::passes(&gates) {
        let cause = policy::void_cause(&facts);
        let stops: Vec<String> = gates
            .iter()
            .filter(|gate| gate.verdict == Verdict::Stop)
            .map(|gate| format!("{}: {}", gate.title, gate.remedy))
            .collect();
        return stop(app, claimed, &stops.join(" "), cause).await;
    }
    match plan(run_facts(deployment, &stored.situation), &clusters(&stored.situation)) {
        Ok(plan) => Ok(Checked::Go(Box::new(plan))),
        Err(error) => stop(app, claimed, &error.to_string(), None).await,
    }
}

fn run_facts(deployment: &Deployment, situation: &Situation) -> RunFacts {
    let environment = &situation.environment;
    RunFacts {
        deployment: deployment.id,
        application: deployment.application.clone(),
        environment: deployment.environment.clone(),
        release: deployment.release.clone(),
        commit: deployment.commit.clone(),
        target_path: environment.target_path.clone(),
        remote_user: environment.remote_user.clone(),
        layout: environment.layout,
        rsync_options: environment.rsync_options.clone(),
        fail_on_failed_tests: environment.fail_on_failed_tests,
        allow_submodules_and_lfs: situation.application.allow_submodules_and_lfs,
    }
}

fn clusters(situation: &Situation) -> Vec<ClusterFacts> {
    let fleet = &situation.fleet;
    fleet
        .clusters_of(&situation.environment)
        .map(|cluster| ClusterFacts {
            name: cluster.name.clone(),
            hosts: cluster
                .servers
                .iter()
                .filter_map(|member| fleet.server(&member.server))
                .map(super::situation::place_of)
                .collect(),
        })
        .collect()
}

/// A gate closed before the start: cancelled, and the request is void or
/// accepted again (rules.md 9, 10).
async fn stop(
    app: &App,
    claimed: &Claimed,
    why: &str,
    cause: Option<crate::domain::request::VoidCause>,
) -> Result<Checked, Refusal> {
    let now = app.clock.now();
    let deployment = &claimed.deployment;
    let tx = app.db.begin().await?;
    db::deployments::end(&tx, &claimed.lease, DeploymentState::Cancelled, Some(why), now).await?;
    let what = EventKind::State { state: DeploymentState::Cancelled, why: Some(why.to_owned()) };
    db::journal::append(&tx, deployment.id, &[Event { seq: claimed.seq + 1, at: now, what }]).await?;
    let entry = db::audit::Entry {
        actor: "policy",
        action: "deployment.cancelled",
        subject: format!("deployment {}", deployment.id),
        facts: json!({ "why": why }),
    };
    let head = db::audit::append(&tx, &app.keys, now, entry).await?;
    match (cause, deployment.request) {
        (Some(cause), Some(request)) => {
            let request = db::requests::find(&tx, request).await?.ok_or(Refusal::NotFound)?;
            stored_request::void(app, &tx, request, cause, "policy", now).await?;
        }
        _ => give_back(app, &tx, deployment, now).await?,
    }
    let notice =
        Notice::DeploymentEnded { deployment: deployment.id, audit_count: head.count, audit_mac: head.mac };
    db::outbox::put(&tx, &notice, None, now).await?;
    tx.commit().await?;
    announce(app, deployment.id);
    Ok(Checked::Stopped { why: why.to_owned() })
}

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
    for event in events {
        if let EventKind::Host { host, state, .. } = &event.what {
            record_host(&tx, deployment, host, *state, now).await?;
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

async fn record_end(
    app: &App,
    tx: &Tx,
    deployment: &Deployment,
    state: DeploymentState,
    why: Option<&str>,
) -> Result<(), Refusal> {
    let now = app.clock.now();
    let entry = db::audit::Entry {
        actor: deployment.started_by.as_str(),
        action: "deployment.ended",
        subject: format!("deployment {}", deployment.id),
        facts: json!({ "state": state, "why": why, "commit": deployment.commit }),
    };
    let head = db::audit::append(tx, &app.keys, now, entry).await?;
    tracing::info!(deployment = deployment.id, state = %state, audit_count = head.count, audit_mac = %head.mac, "deployment ended");
    let notice =
        Notice::DeploymentEnded { deployment: deployment.id, audit_count: head.count, audit_mac: head.mac };
    db::outbox::put(tx, &notice, None, now).await?;
    super::housekeep::void_changed(
        app,
        tx,
        Some((&deployment.application, &deployment.environment)),
        "policy",
    )
    .await?;
    Ok(())
}

/// Whether somebody may still watch: asked again while a feed lasts (security.md 37).
pub fn may_watch(actor: &crate::domain::actor::Actor, deployment: &Deployment) -> bool {
    super::cancel_deployment::may_read(actor, deployment)
        && (actor.access.may(Permission::Read, &deployment.application, &deployment.environment)
            || deployment.requested_by == actor.name)
}

fn announce(app: &App, deployment: i64) {
    let _ = app.wake.journal.send(deployment);
    app.wake.outbox.notify_one();
    app.wake.queue.notify_one();
}
