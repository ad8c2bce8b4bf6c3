//! Steering a deployment: let a canary go on, retry what is left, roll back.

use serde_json::json;

use super::cancel_deployment::may_read;
use super::deploy::{Ask, deploy_again};
use super::request_release::{Form, request_release};
use super::stored_request::Stored;
use super::{App, Refusal, access, covering, queries, queue};
use crate::db::{self, Source};
use crate::domain::actor::Actor;
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::{HostState, NoteLevel};
use crate::domain::fleet::{DeployFrom, Method};
use crate::domain::gate::Gate;
use crate::domain::name::Name;
use crate::domain::plan::Plan;
use crate::domain::policy::{self, Act};
use crate::domain::progress::Progress;
use crate::domain::scope::Scope;

/// Lets the stage begin that waits for a person.
pub async fn continue_run(app: &App, actor: &Actor, id: i64) -> Result<(), Refusal> {
    let deployment = readable(app, actor, id).await?;
    let gates = Box::pin(gates_of_continue(app, &app.db, actor, &deployment)).await?;
    if !policy::passes(&gates) {
        return Err(Refusal::Stopped(gates));
    }
    if queries::deployments::progress(app, &deployment).await?.waiting.is_none() {
        return Err(Refusal::Conflict("It does not wait for anybody.".to_owned()));
    }
    let rests_on = covering::accepted_by(app, deployment.request.or(deployment.covered_by)).await?;
    access::refresh_all(app, &[actor.names(), rests_on].concat()).await?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = access::again(&tx, actor).await?;
    let gates = Box::pin(gates_of_continue(app, &tx, &actor, &deployment)).await?;
    if !policy::passes(&gates) {
        return Err(Refusal::Stopped(gates));
    }
    db::deployments::go_on(&tx, id, &actor.hand()).await?;
    let entry = db::audit::Entry {
        actor: &actor.signature(),
        action: "deployment.continued",
        subject: format!("deployment {id}"),
        facts: json!({}),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    let _ = app.wake.cancel.send(id);
    Ok(())
}

/// What stands in the way of a stage that waits for a person, for this one.
pub async fn gates_of_continue(
    app: &App,
    source: &impl Source,
    actor: &Actor,
    run: &Deployment,
) -> Result<Vec<Gate>, Refusal> {
    still_there(run)?;
    if let Some(request) = run.request {
        let stored = Stored::load(app, source, request, app.clock.now()).await?;
        return Ok(policy::gates(Act::Continue, &stored.facts(&actor.name, &actor.access, None)));
    }
    queries::deploying::gates_again(app, source, actor, run, Act::Continue).await
}

/// What a run left undone: its hosts that are not done. Of an operator's command
/// nobody knows how far it came; all that it deploys is left.
pub fn undone(deployment: &Deployment, progress: &Progress) -> Vec<Name> {
    let Some(plan) = &deployment.plan else { return Vec::new() };
    let done = |host: &Name| progress.hosts.get(host).is_some_and(|host| host.state == HostState::Done);
    let by_command = (plan.facts.method == Method::Command).then_some(&plan.facts.servers);
    let hosts = Plan::hosts(plan).map(|host| &host.host.server).chain(by_command.into_iter().flatten());
    hosts.filter(|host| !done(host)).cloned().collect()
}

/// A new run for the hosts that an ended one did not finish (rules.md 11).
pub async fn retry(app: &App, actor: &Actor, id: i64, deletes_acknowledged: bool) -> Result<i64, Refusal> {
    let old = readable(app, actor, id).await?;
    still_there(&old)?;
    if !matches!(
        old.state,
        DeploymentState::Failed | DeploymentState::Cancelled | DeploymentState::Interrupted
    ) {
        return Err(Refusal::Conflict(format!(
            "The deployment is {}; there is nothing to retry.",
            old.state
        )));
    }
    let progress = queries::deployments::progress(app, &old).await?;
    let hosts = undone(&old, &progress);
    // One that was lost before it was planned has done nothing: all of it is left.
    if hosts.is_empty() && old.plan.is_some() {
        return Err(Refusal::Conflict("No host is left undone. Start it anew instead.".to_owned()));
    }
    is_newest(&app.db, &old).await?;
    match old.request {
        Some(request) => {
            Box::pin(retry_approved(app, actor, &old, hosts, request, deletes_acknowledged)).await
        }
        None => Box::pin(queue_again(app, actor, &old, hosts, deletes_acknowledged, None)).await,
    }
}

async fn retry_approved(
    app: &App,
    actor: &Actor,
    old: &Deployment,
    hosts: Vec<Name>,
    request: i64,
    deletes_acknowledged: bool,
) -> Result<i64, Refusal> {
    let mut stored = Stored::load(app, &app.db, request, app.clock.now()).await?;
    access::refresh_all(app, &[actor.names(), stored.accepted_by()].concat()).await?;
    stored.read_tag(app, true).await?;
    Box::pin(queue_again(app, actor, old, hosts, deletes_acknowledged, Some(stored))).await
}

async fn queue_again(
    app: &App,
    actor: &Actor,
    old: &Deployment,
    hosts: Vec<Name>,
    deletes_acknowledged: bool,
    stored: Option<Stored>,
) -> Result<i64, Refusal> {
    // A command cannot be told to do a part, and what was not planned is left as a whole.
    let in_parts = old.plan.as_ref().is_some_and(|plan| plan.facts.method == Method::Rsync);
    let scope = match &old.scope {
        Scope::Environment | Scope::Cluster(_) | Scope::Servers(_) if in_parts => {
            Scope::Servers(hosts.clone())
        }
        whole => whole.clone(),
    };
    let ask = Ask {
        application: old.application.clone(),
        environment: old.environment.clone(),
        release: old.release.clone(),
        scope: scope.clone(),
        deletes_acknowledged,
    };
    let candidate = match &stored {
        None => {
            let rests_on = [actor.names(), covering::accepted_by(app, old.covered_by).await?].concat();
            access::refresh_all(app, &rests_on).await?;
            Some(super::deploy::look_up(app, &ask, Some(&old.commit)).await?)
        }
        Some(_) => None,
    };
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = access::again(&tx, actor).await?;
    // Somebody else may have done the same meanwhile.
    is_newest(&tx, old).await?;
    let gates = match (&stored, &candidate) {
        (Some(stored), _) => {
            let stored = stored.again(&tx, now).await?;
            policy::gates(Act::Retry, &stored.facts(&actor.name, &actor.access, None))
        }
        (None, Some(candidate)) => {
            let candidate = candidate.clone().renewed(&tx, now).await?;
            let covering = covering::of_run(app, &tx, (&actor.name, &actor.access), old).await?;
            let facts = candidate.facts(&actor.name, &actor.access, &ask.scope, covering);
            policy::gates(Act::Deploy, &facts)
        }
        (None, None) => Vec::new(),
    };
    if !policy::passes(&gates) {
        return Err(Refusal::Stopped(gates));
    }
    let mut deployment = Deployment {
        release: old.release.clone(),
        from: old.from.clone(),
        from_release: old.from_release.clone(),
        request: old.request,
        requested_by: old.requested_by.clone(),
        scope,
        retry_of: Some(old.id),
        covered_by: old.covered_by,
        direction: old.direction,
        deletes_acknowledged: deletes_acknowledged || old.deletes_acknowledged,
        ..Deployment::queued(&old.application, &old.environment, &old.commit, &actor.name, now)
    }
    .bounded_as(&actor.access);
    let words = format!("Retries deployment {} on {}.", old.id, deployment.scope);
    let notes = std::iter::once((NoteLevel::Info, words)).chain(access::note_of(&actor));
    deployment.id = queue::put(&tx, &deployment, notes).await?;
    let entry = db::audit::Entry {
        actor: &actor.signature(),
        action: "deployment.retried",
        subject: format!("deployment {}", old.id),
        facts: json!({ "deployment": deployment.id, "hosts": hosts, "request": old.request }),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    app.wake.queue.notify_one();
    Ok(deployment.id)
}

/// A run may be done again while nothing came after it.
async fn is_newest(source: &impl Source, run: &Deployment) -> Result<(), Refusal> {
    let newest = db::deployments::find_newest(source, &run.application, &run.environment).await?;
    if newest == Some(run.id) {
        return Ok(());
    }
    Err(Refusal::Conflict("A later deployment ran or waits here; retry that one.".to_owned()))
}

/// What came of a wish to go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolledBack {
    Deployment(i64),
    /// Approval is needed, so it was asked for.
    Request(i64),
}

/// What going back to a deployment takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayBack {
    /// No approval is needed here.
    Directly,
    /// The approval of this request covers it.
    Covered(i64),
    ByRequest,
}

pub async fn way_back(app: &App, actor: &Actor, to: &Deployment) -> Result<WayBack, Refusal> {
    let fleet = db::fleet::load(&app.db).await?;
    let (_, environment) = fleet.environment(&to.application, &to.environment).ok_or(Refusal::NotFound)?;
    let covering = covering::of_the_last(app, &app.db, (&actor.name, &actor.access), to).await?;
    Ok(match covering.filter(|covering| covering.why_not.is_none()) {
        Some(covering) => WayBack::Covered(covering.request),
        None if environment.approval.needed() == 0 => WayBack::Directly,
        None => WayBack::ByRequest,
    })
}

/// Back to the release of a deployment that succeeded here (rules.md 12): directly
/// where no approval is needed or one covers it, else as a request.
pub async fn roll_back(
    app: &App,
    actor: &Actor,
    id: i64,
    reason: &str,
    deletes_acknowledged: bool,
) -> Result<RolledBack, Refusal> {
    let to = readable(app, actor, id).await?;
    still_there(&to)?;
    if to.state != DeploymentState::Succeeded {
        return Err(Refusal::Conflict("Only a deployment that succeeded can be gone back to.".to_owned()));
    }
    let ask = Ask {
        application: to.application.clone(),
        environment: to.environment.clone(),
        release: to.release.clone(),
        scope: Scope::Environment,
        deletes_acknowledged,
    };
    let covered_by = match way_back(app, actor, &to).await? {
        WayBack::Directly => Some(None),
        WayBack::Covered(request) => Some(Some(request)),
        WayBack::ByRequest => None,
    };
    if let Some(covered_by) = covered_by {
        // A tag that leads elsewhere by now is not what was there.
        let again = Box::pin(deploy_again(app, actor, &ask, &to, covered_by));
        let deployment = again.await?;
        return Ok(RolledBack::Deployment(deployment));
    }
    let fleet = db::fleet::load(&app.db).await?;
    let (_, environment) = fleet.environment(&to.application, &to.environment).ok_or(Refusal::NotFound)?;
    let takes_tags = matches!(environment.deploy_from, DeployFrom::Tags(_));
    let reason = reason.trim();
    let form = Form {
        application: to.application.to_string(),
        environment: to.environment.to_string(),
        // A branch environment takes commits, whatever they were called when they came.
        tag: if takes_tags { to.release.clone() } else { to.commit.to_string() },
        reason: if reason.is_empty() { format!("Roll back to deployment {id}.") } else { reason.to_owned() },
        ticket: String::new(),
        rollback: true,
    };
    Ok(RolledBack::Request(Box::pin(request_release(app, actor, &form)).await?))
}

async fn readable(app: &App, actor: &Actor, id: i64) -> Result<Deployment, Refusal> {
    let deployment = db::deployments::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
    if may_read(actor, &deployment) { Ok(deployment) } else { Err(Refusal::NotFound) }
}

/// An environment that has the name of one that was removed is another place.
fn still_there(deployment: &Deployment) -> Result<(), Refusal> {
    if !deployment.place_removed {
        return Ok(());
    }
    Err(Refusal::Conflict(format!("Where it ran was removed since: {}.", deployment.environment)))
}
