//! The queue: first come first served among those that share an environment or a
//! server. A claim is one transaction that takes the deployment, the environment's
//! place and the servers, or nothing.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{App, Refusal, situation};
pub use crate::db::deployments::Lease;
use crate::db::{self, DbError, Tx};
use crate::domain::actor::Hand;
use crate::domain::deployment::{CancelWhen, Deployment, DeploymentState};
use crate::domain::event::{Event, EventKind, NoteLevel};
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

/// Puts a new deployment at the end, with the first lines of its journal: that it
/// waits, and what there is to say of that. Gives its number.
pub async fn put(
    tx: &Tx,
    deployment: &Deployment,
    notes: impl IntoIterator<Item = (NoteLevel, String)>,
) -> Result<i64, DbError> {
    let id = db::deployments::insert(tx, deployment).await?;
    let waits = EventKind::State { state: DeploymentState::Queued, why: None };
    let notes = notes.into_iter().map(|(level, text)| EventKind::Note { level, text });
    let numbered = (1..).zip(std::iter::once(waits).chain(notes));
    let events: Vec<Event> =
        numbered.map(|(seq, what)| Event { seq, at: deployment.created_at, what }).collect();
    db::journal::append(tx, id, &events).await?;
    Ok(id)
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
        actor: &deployment.signature(),
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
pub(super) fn servers(fleet: &Fleet, deployment: &Deployment) -> Vec<Name> {
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

/// Where a deployment stands in the queue.
#[derive(Debug, Clone)]
pub struct Standing {
    /// 1 is the next one of those that share something with it.
    pub place: usize,
    /// What runs or waits before it, in the order in which it will be its turn.
    pub behind: Vec<Behind>,
}

/// A deployment that goes first, and what it has that this one needs.
#[derive(Debug, Clone)]
pub struct Behind {
    pub deployment: Deployment,
    pub shares: Shares,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shares {
    Environment,
    Servers(Vec<Name>),
}

/// What a waiting deployment waits for: by the same rule that `claim_next` goes by.
pub async fn standing(app: &App, deployment: &Deployment) -> Result<Standing, Refusal> {
    const MOST: u64 = 1_000;
    let fleet = db::fleet::load(&app.db).await?;
    let running = db::deployments::Filter {
        states: vec![DeploymentState::Running],
        ..db::deployments::Filter::default()
    };
    let mut behind = Vec::new();
    let locks = db::deployments::list_server_locks(&app.db).await?;
    for other in db::deployments::list(&app.db, &running, MOST).await?.into_iter().rev() {
        let has = |server: &Name| locks.iter().any(|(name, id)| *id == other.id && name == server.as_str());
        let taken = servers(&fleet, deployment).into_iter().filter(has).collect();
        behind.extend(shares(deployment, &other, taken).map(|shares| Behind { deployment: other, shares }));
    }
    let running = behind.len();
    for other in db::deployments::list_queued(&app.db).await? {
        if other.id >= deployment.id {
            break;
        }
        let wanted = servers(&fleet, &other);
        let both = servers(&fleet, deployment).into_iter().filter(|server| wanted.contains(server)).collect();
        behind.extend(shares(deployment, &other, both).map(|shares| Behind { deployment: other, shares }));
    }
    Ok(Standing { place: behind.len() - running + 1, behind })
}

fn shares(one: &Deployment, other: &Deployment, servers: Vec<Name>) -> Option<Shares> {
    if one.application == other.application && one.environment == other.environment {
        return Some(Shares::Environment);
    }
    (!servers.is_empty()).then_some(Shares::Servers(servers))
}

/// What people want of a run that is under way.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    pub cancel: Option<CancelWhen>,
    pub continued_by: Option<Hand>,
}

pub async fn wishes(app: &App, id: i64) -> Result<Wishes, Refusal> {
    let deployment = db::deployments::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
    Ok(Wishes { cancel: deployment.cancel, continued_by: deployment.continued_by })
}
