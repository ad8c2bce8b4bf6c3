//! The last look before a run begins: policy is asked again with everything read
//! anew, and the plan is made. A gate that closed meanwhile ends it here, untouched.

use serde_json::json;

use super::access::Believed;
use super::deploy::{self, Ask};
use super::queue::{self, Claimed, LEASE};
use super::run_deployment::tell_of_end;
use super::situation::{self, Situation};
use super::stored_request::{self, Stored};
use super::{App, Refusal, access, announce, balancing, covering};
use crate::db;
use crate::domain::balancer::Member;
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::{Event, EventKind};
use crate::domain::fleet::{Cluster, Fleet};
use crate::domain::gate::{Gate, Verdict};
use crate::domain::name::{CommitId, Name};
use crate::domain::overriding::Via;
use crate::domain::plan::{ClusterFacts, Plan, PlanError, RunFacts, plan};
use crate::domain::policy::{self, Act};
use crate::domain::request::VoidCause;

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
    /// Whose rights rest on what GitHub said earlier (rules.md 30).
    believed: Vec<Believed>,
}

pub async fn check_start(app: &App, claimed: &Claimed) -> Result<Checked, Refusal> {
    let deployment = &claimed.deployment;
    let asked = match deployment.request {
        Some(request) => Box::pin(of_request(app, deployment, request)).await,
        None => Box::pin(direct(app, claimed)).await,
    };
    let answer = match asked {
        Ok(answer) => answer,
        Err(Refusal::NotFound) => {
            let cause = Some(VoidCause::EnvironmentGone);
            return stop(app, claimed, "The environment no longer exists.", cause).await;
        }
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
    let first = covering::first_of_chain(&app.db, deployment).await?;
    let out_of_service = balancing::taken_out(&app.db).await?.into_iter().collect();
    let expected = expected(deployment, answer.from.as_ref());
    let facts = run_facts(deployment, &answer.situation, expected);
    let facts =
        RunFacts { built_by: first.id, within: first.scope, from: answer.from, out_of_service, ..facts };
    let planned = clusters(&answer.situation).and_then(|clusters| plan(facts, &clusters));
    match planned {
        Ok(mut plan) => {
            plan.warnings.extend(answer.believed.iter().map(|believed| believed.note().1));
            match hold(app, claimed, &plan, &answer.situation.fleet).await? {
                None => Ok(Checked::Go(Box::new(plan))),
                Some((why, cause)) => stop(app, claimed, &why, cause).await,
            }
        }
        Err(error) => stop(app, claimed, &error.to_string(), None).await,
    }
}

/// What was claimed is what the fleet said then; a server that came since is taken too,
/// or is why this run does not begin. Only while the lease is ours: a server that a lost
/// run took would be nobody's to give back.
async fn hold(
    app: &App,
    claimed: &Claimed,
    plan: &Plan,
    fleet: &Fleet,
) -> Result<Option<(String, Option<VoidCause>)>, Refusal> {
    let id = claimed.deployment.id;
    let tx = app.db.begin().await?;
    db::deployments::renew(&tx, &claimed.lease, app.clock.now() + LEASE).await?;
    let now = db::deployments::find(&tx, id).await?.ok_or(Refusal::NotFound)?;
    if now.place_removed {
        let words = "The environment that it was for was removed.".to_owned();
        return Ok(Some((words, Some(VoidCause::EnvironmentGone))));
    }
    let locks = db::deployments::list_server_locks(&tx).await?;
    let mut wanted = queue::servers(fleet, &claimed.deployment);
    wanted.extend(plan.hosts().map(|host| host.host.server.clone()));
    wanted.sort();
    wanted.dedup();
    let holder = |server: &Name| locks.iter().find(|(name, _)| name == server.as_str()).map(|(_, id)| *id);
    let taken = wanted.iter().find_map(|server| Some((server, holder(server).filter(|other| *other != id)?)));
    if let Some((server, other)) = taken {
        let words = format!(
            "{server} became part of it meanwhile, and deployment {other} has it. Start it again after that."
        );
        return Ok(Some((words, None)));
    }
    wanted.retain(|server| holder(server).is_none());
    db::deployments::lock_servers(&tx, id, &wanted).await?;
    tx.commit().await?;
    Ok(None)
}

async fn of_request(app: &App, deployment: &Deployment, request: i64) -> Result<Answer, Refusal> {
    let now = app.clock.now();
    let mut stored = Stored::load(app, &app.db, request, now).await?;
    // A retry is an act of its own: its starter's rights are asked for.
    let actor = if deployment.retry_of.is_some() { &deployment.started_by } else { &deployment.requested_by };
    let rests_on = [deployment.starters(actor), stored.accepted_by()].concat();
    let believed = access::refresh_all(app, &rests_on).await?;
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
    Ok(Answer { gates, void, situation: stored.situation, from: deployment.from.clone(), believed })
}

/// Where it comes from is known only now, and recorded now (rules.md 18).
async fn direct(app: &App, claimed: &Claimed) -> Result<Answer, Refusal> {
    let deployment = &claimed.deployment;
    let accepted_by = covering::accepted_by(app, deployment.covered_by).await?;
    let rests_on = [deployment.starters(&deployment.started_by), accepted_by].concat();
    let believed = access::refresh_all(app, &rests_on).await?;
    let ask = Ask {
        application: deployment.application.clone(),
        environment: deployment.environment.clone(),
        release: deployment.release.clone(),
        scope: deployment.scope.clone(),
        deletes_acknowledged: deployment.deletes_acknowledged,
    };
    let candidate = deploy::look_up(app, &ask, Some(&deployment.commit)).await?;
    let broken = db::overrides::find(&app.db, deployment.id).await?.map(|_| Via::Session);
    let actor_access = access::as_started(&app.db, &deployment.started_by, deployment).await?;
    let starter = (&deployment.started_by, &actor_access);
    let covered_by = covering::of_run(app, &app.db, starter, deployment).await?;
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
    Ok(Answer { gates, void: None, situation: candidate.situation, from, believed })
}

/// rules.md 11: a retry goes on only where the release, or what was there before, is.
fn expected(deployment: &Deployment, from: Option<&CommitId>) -> Vec<CommitId> {
    if deployment.retry_of.is_none() {
        return Vec::new();
    }
    from.into_iter().chain([&deployment.commit]).cloned().collect()
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
