//! The last look before a run begins: policy is asked again with everything read
//! anew, and the plan is made. A gate that closed meanwhile ends it here, untouched.

use serde_json::json;

use super::deploy::{self, Ask};
use super::queue::Claimed;
use super::run_deployment::tell_of_end;
use super::situation::{self, Situation};
use super::stored_request::{self, Stored};
use super::{App, Refusal, access, announce, balancing};
use crate::db;
use crate::domain::balancer::Member;
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::{Event, EventKind};
use crate::domain::fleet::Cluster;
use crate::domain::gate::{Gate, Verdict};
use crate::domain::name::CommitId;
use crate::domain::overriding::Via;
use crate::domain::plan::{ClusterFacts, Plan, PlanError, RunFacts, plan};
use crate::domain::policy::{self, Act};
use crate::domain::request::VoidCause;
use crate::domain::scope::Scope;

/// What came of the checks before the start.
#[derive(Debug)]
pub enum Checked {
    Go(Box<Plan>),
    /// It ended already, in the queue so to say: nothing was touched.
    Stopped {
        why: String,
    },
}

/// What policy said, and where the deployment goes.
struct Answer {
    gates: Vec<Gate>,
    void: Option<VoidCause>,
    situation: Situation,
    from: Option<CommitId>,
}

pub async fn check_start(app: &App, claimed: &Claimed) -> Result<Checked, Refusal> {
    let deployment = &claimed.deployment;
    let asked = match deployment.request {
        Some(request) => Box::pin(of_request(app, deployment, request)).await,
        None => Box::pin(direct(app, claimed)).await,
    };
    let answer = match asked {
        Ok(answer) => answer,
        Err(Refusal::NotFound) => return stop(app, claimed, "The environment no longer exists.", None).await,
        Err(Refusal::Unavailable(words) | Refusal::Forbidden(words)) => {
            return stop(app, claimed, &words, None).await;
        }
        Err(Refusal::Invalid(errors)) => {
            let words: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
            return stop(app, claimed, &words.join(" "), None).await;
        }
        Err(other) => return Err(other),
    };
    if !policy::passes(&answer.gates) {
        let stops = answer.gates.iter().filter(|gate| gate.verdict == Verdict::Stop);
        let stops: Vec<String> = stops.map(|gate| format!("{}: {}", gate.title, gate.remedy)).collect();
        return stop(app, claimed, &stops.join(" "), answer.void).await;
    }
    let (built_by, within) = first_of_chain(app, deployment).await?;
    let out_of_service = balancing::taken_out(&app.db).await?.into_iter().collect();
    let expected = expected(deployment, answer.from.as_ref());
    let facts = run_facts(deployment, &answer.situation, expected);
    let facts = RunFacts { built_by, within, from: answer.from, out_of_service, ..facts };
    let planned = clusters(&answer.situation).and_then(|clusters| plan(facts, &clusters));
    match planned {
        Ok(plan) => Ok(Checked::Go(Box::new(plan))),
        Err(error) => stop(app, claimed, &error.to_string(), None).await,
    }
}

async fn of_request(app: &App, deployment: &Deployment, request: i64) -> Result<Answer, Refusal> {
    let now = app.clock.now();
    let mut stored = Stored::load(app, &app.db, request, now).await?;
    // A retry is an act of its own: its starter's rights are asked for.
    let actor = if deployment.retry_of.is_some() { &deployment.started_by } else { &deployment.requested_by };
    access::refresh_all(app, &[deployment.starters(actor), stored.accepted_by()].concat()).await?;
    stored.read_tag(app, true).await?;
    let mut stored = stored.again(&app.db, app.clock.now()).await?;
    stored.situation.find_base(app).await?;
    let actor_access = access::as_started(&app.db, actor, deployment).await?;
    let facts = stored.facts(actor, &actor_access, None);
    let (act, void) = match deployment.retry_of {
        None => (Act::Start, policy::void_cause(&facts)),
        Some(_) => (Act::Retry, None),
    };
    let gates = policy::gates(act, &facts);
    Ok(Answer { gates, void, situation: stored.situation, from: deployment.from.clone() })
}

/// Where it comes from is known only now, and recorded now (rules.md 18).
async fn direct(app: &App, claimed: &Claimed) -> Result<Answer, Refusal> {
    let deployment = &claimed.deployment;
    access::refresh_all(app, &deployment.starters(&deployment.started_by)).await?;
    let ask = Ask {
        application: deployment.application.clone(),
        environment: deployment.environment.clone(),
        release: deployment.release.clone(),
        scope: deployment.scope.clone(),
        deletes_acknowledged: deployment.deletes_acknowledged,
    };
    let candidate = deploy::look_up(app, &ask, Some(&deployment.commit)).await?;
    let broken = db::overrides::find(&app.db, deployment.id).await?.map(|_| Via::Session);
    let covered_by = still_covered(app, deployment).await?;
    let actor_access = access::as_started(&app.db, &deployment.started_by, deployment).await?;
    let facts = candidate.facts(&deployment.started_by, &actor_access, &ask.scope, covered_by);
    let facts = facts.breaking(broken);
    let gates = policy::gates(Act::Deploy, &facts);
    // The run that this one retries may have been lost before it knew.
    let is_known = deployment.retry_of.is_some() && deployment.from.is_some();
    let from = if is_known { deployment.from.clone() } else { facts.live.from.clone() };
    if policy::passes(&gates) && !is_known {
        let from = from.as_ref().map(|from| (from, facts.live.from_words.as_str()));
        let tx = app.db.begin().await?;
        db::deployments::set_from(&tx, &claimed.lease, from, candidate.direction).await?;
        tx.commit().await?;
    }
    Ok(Answer { gates, void: None, situation: candidate.situation, from })
}

/// An approval covers the way back until the next deployment (rules.md 12): the one
/// before this must still be its own.
async fn still_covered(app: &App, deployment: &Deployment) -> Result<Option<i64>, Refusal> {
    if deployment.retry_of.is_some() {
        return Ok(deployment.covered_by);
    }
    let filter = db::deployments::Filter {
        application: Some(deployment.application.clone()),
        environment: Some(deployment.environment.clone()),
        before: Some(deployment.id),
        standing: true,
        ..Default::default()
    };
    let before = db::deployments::list(&app.db, &filter, 1).await?;
    Ok(before
        .first()
        .and_then(|before| before.request)
        .filter(|request| deployment.covered_by == Some(*request)))
}

/// rules.md 11: a retry goes on only where the release, or what was there before, is.
fn expected(deployment: &Deployment, from: Option<&CommitId>) -> Vec<CommitId> {
    if deployment.retry_of.is_none() {
        return Vec::new();
    }
    from.into_iter().chain([&deployment.commit]).cloned().collect()
}

/// The run that the retries before this one go back to, and what it covered.
async fn first_of_chain(app: &App, deployment: &Deployment) -> Result<(i64, Scope), Refusal> {
    let (mut first, mut scope) = (deployment.id, deployment.scope.clone());
    let mut earlier = deployment.retry_of;
    while let Some(id) = earlier {
        let Some(found) = db::deployments::find(&app.db, id).await? else { break };
        (first, scope, earlier) = (id, found.scope, found.retry_of);
    }
    Ok((first, scope))
}

pub fn run_facts(deployment: &Deployment, situation: &Situation, expected: Vec<CommitId>) -> RunFacts {
    let environment = &situation.environment;
    RunFacts {
        deployment: deployment.id,
        built_by: deployment.id,
        servers: situation.servers_covered(&deployment.scope),
        application: deployment.application.clone(),
        environment: deployment.environment.clone(),
        release: deployment.release.clone(),
        commit: deployment.commit.clone(),
        from: deployment.from.clone(),
        scope: deployment.scope.clone(),
        within: deployment.scope.clone(),
        out_of_service: Vec::new(),
        method: environment.method,
        command: environment.command.clone(),
        artifact: environment.artifact.clone(),
        target_path: environment.target_path.clone(),
        remote_user: environment.remote_user.clone(),
        layout: environment.layout,
        keep_releases: environment.keep_releases,
        rsync_options: environment.rsync_options.clone(),
        strategy: environment.strategy,
        batch: environment.batch,
        canary_minutes: environment.canary_minutes,
        health_check: environment.health_check.clone(),
        fail_on_failed_tests: environment.fail_on_failed_tests,
        allow_submodules_and_lfs: situation.application.allow_submodules_and_lfs,
        delete_threshold: environment.delete_threshold,
        deletes_acknowledged: deployment.deletes_acknowledged,
        expected,
    }
}

/// The clusters of an environment as a plan wants them. A row that names a server as
/// no load balancer can is an error: without it the server would be changed in service.
pub fn clusters(situation: &Situation) -> Result<Vec<ClusterFacts>, PlanError> {
    let fleet = &situation.fleet;
    let facts = |cluster: &Cluster| {
        let members = cluster.servers.iter().filter_map(|member| Member::of(cluster, member).transpose());
        let members = members.collect::<Result<Vec<Member>, _>>().map_err(|error| PlanError::Invalid {
            what: format!("cluster {}", cluster.name),
            why: error.to_string(),
        })?;
        let servers = cluster.servers.iter().filter_map(|member| fleet.server(&member.server));
        let hosts = servers.map(situation::place_of).collect();
        Ok(ClusterFacts { name: cluster.name.clone(), hosts, members })
    };
    fleet.clusters_of(&situation.environment).map(facts).collect()
}

/// A gate closed before the start: cancelled, and the request is void or
/// accepted again (rules.md 9, 10).
async fn stop(app: &App, claimed: &Claimed, why: &str, cause: Option<VoidCause>) -> Result<Checked, Refusal> {
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
    tell_of_end(app, &tx, deployment.id, entry, now).await?;
    match (cause, deployment.request.filter(|_| deployment.retry_of.is_none())) {
        (Some(cause), Some(request)) => {
            let request = db::requests::find(&tx, request).await?.ok_or(Refusal::NotFound)?;
            stored_request::void(app, &tx, request, cause, "policy", now).await?;
        }
        _ => super::cancel_deployment::give_back(app, &tx, deployment, now).await?,
    }
    tx.commit().await?;
    announce(app, deployment.id);
    Ok(Checked::Stopped { why: why.to_owned() })
}
