//! The queue: first come first served among those that share an environment or a
//! server. A claim is one transaction that takes the deployment, the environment's
//! place and the servers, or nothing.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{App, Refusal, situation};
pub use crate::db::deployments::Lease;
use crate::db::{self, DbError};
use crate::domain::deployment::{CancelWhen, Deployment, DeploymentState};
use crate::domain::event::{Event, EventKind};
use crate::domain::fleet::Fleet;
use crate::domain::name::Name;

/// rules.md 23.
pub const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// A deployment this runner may run now.
#[derive(Debug)]
pub struct Claimed {
    pub deployment: Deployment,
    pub lease: Lease,
    /// The number of the last event in the journal.
    pub seq: u64,
}

/// The first in the queue whose environment and servers are free.
pub async fn claim_next(app: &App, owner: &str) -> Result<Option<Claimed>, Refusal> {
    let now = app.clock.now();
    let fleet = db::fleet::load(&app.db).await?;
    let mut ahead: Vec<Deployment> = Vec::new();
    for deployment in db::deployments::list_queued(&app.db).await? {
        // A place that somebody earlier waits for is not taken out of turn.
        let free = !ahead.iter().any(|other| share(&fleet, other, &deployment));
        if free && let Some(claimed) = claim(app, &fleet, &deployment, owner, now).await? {
            return Ok(Some(claimed));
        }
        ahead.push(deployment);
    }
    Ok(None)
}

async fn claim(
    app: &App,
    fleet: &Fleet,
    deployment: &Deployment,
    owner: &str,
    now: Timestamp,
) -> Result<Option<Claimed>, Refusal> {
    let tx = app.db.begin().await?;
    let lease = match db::deployments::claim(&tx, deployment, owner, now, now + LEASE).await {
        Ok(lease) => lease,
        Err(DbError::Conflict(_)) => return Ok(None),
        Err(error) if error.is_taken() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match db::deployments::lock_servers(&tx, deployment.id, &servers(fleet, deployment)).await {
        Ok(()) => {}
        Err(error) if error.is_taken() => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let seq = db::journal::last_seq(&tx, deployment.id).await? + 1;
    let what = EventKind::State { state: DeploymentState::Running, why: None };
    db::journal::append(&tx, deployment.id, &[Event { seq, at: now, what }]).await?;
    let facts = json!({ "commit": deployment.commit, "runner": owner });
    let entry = db::audit::Entry {
        actor: deployment.started_by.as_str(),
        action: "deployment.started",
        subject: format!("deployment {}", deployment.id),
        facts,
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    let _ = app.wake.journal.send(deployment.id);
    let deployment = db::deployments::find(&app.db, deployment.id).await?.ok_or(Refusal::NotFound)?;
    Ok(Some(Claimed { deployment, lease, seq }))
}

fn share(fleet: &Fleet, one: &Deployment, other: &Deployment) -> bool {
    let same_place = one.application == other.application && one.environment == other.environment;
    same_place || servers(fleet, one).iter().any(|server| servers(fleet, other).contains(server))
}

/// The servers a deployment will touch: the active ones that its scope covers.
fn servers(fleet: &Fleet, deployment: &Deployment) -> Vec<Name> {
    let Some((_, environment)) = fleet.environment(&deployment.application, &deployment.environment) else {
        return Vec::new();
    };
    let of_scope = fleet
        .clusters_of(environment)
        .filter(|cluster| deployment.scope.covers_cluster(&cluster.name))
        .flat_map(|cluster| &cluster.servers)
        .filter(|member| deployment.scope.covers_server(&member.server));
    let mut names: Vec<&Name> = of_scope.map(|member| &member.server).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| fleet.server(name))
        .filter(|server| server.active)
        .map(|server| situation::place_of(server).server)
        .collect()
}

/// What people want of a run that is under way.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    pub cancel: Option<CancelWhen>,
    pub continued_by: Option<Name>,
}

pub async fn wishes(app: &App, id: i64) -> Result<Wishes, Refusal> {
    let deployment = db::deployments::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
    Ok(Wishes { cancel: deployment.cancel, continued_by: deployment.continued_by })
}
