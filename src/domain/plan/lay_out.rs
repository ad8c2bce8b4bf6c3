//! From facts to a plan.

use std::collections::BTreeMap;

use super::strategy::{Cut, cut};
use super::{Balance, ClusterFacts, HostFacts, HostPlan, Plan, PlanError, RunFacts, Stage, Step, check};
use crate::domain::balancer::Member;
use crate::domain::event::{Phase, StepId};
use crate::domain::fleet::{Layout, Method, Strategy};
use crate::domain::name::Name;

/// A host that takes part, and the cluster that it is deployed with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taking<'a> {
    pub cluster: &'a Name,
    pub host: &'a HostFacts,
    /// By a run that this one retries: it only has to be in service.
    pub is_done: bool,
}

/// Lays out the steps of a run. Clusters keep their order, a server that is in
/// two of them is deployed with the first.
pub fn plan(facts: RunFacts, clusters: &[ClusterFacts]) -> Result<Plan, PlanError> {
    check::facts(&facts)?;
    let mut ids = StepIds(0);
    if facts.method == Method::Command {
        let prepare = [Phase::Checks, Phase::Fetch, Phase::Command].map(|phase| ids.step(phase, &facts));
        return Ok(Plan { prepare: prepare.to_vec(), facts, stages: Vec::new(), warnings: Vec::new() });
    }
    let mut warnings = Vec::new();
    let mut taking = hosts_of(&facts, clusters, &mut warnings)?;
    let members = members_of_active(clusters);
    idle_first(&facts, &mut taking, &members, &mut warnings);
    let cuts = cut(&facts, &taking, &members, &mut warnings);
    let prepare = prepare(&mut ids, &facts, &cuts);
    let mut stages = Vec::with_capacity(cuts.len());
    for cut in cuts {
        let mut balanced =
            |phase, balance: Option<Balance>| balance.map(|balance| ids.balanced(phase, balance, &facts));
        let still_up = cut.still_up.map(|members| Balance::StillUp { members });
        let drain = cut.drain.map(|members| Balance::Drain { members });
        let before = [balanced(Phase::Balancer, still_up), balanced(Phase::Drain, drain)];
        let hosts = cut.hosts.iter().map(|taking| HostPlan {
            cluster: taking.cluster.clone(),
            host: taking.host.clone(),
            steps: host_phases(&facts).into_iter().map(|phase| ids.step(phase, &facts)).collect(),
        });
        let hosts = hosts.collect();
        let after = cut.after.map(|balance| ids.balanced(Phase::Enable, balance, &facts));
        stages.push(Stage {
            name: cut.name,
            waits_for_person: cut.waits_for_person,
            before: before.into_iter().flatten().collect(),
            hosts,
            after: after.into_iter().collect(),
        });
    }
    Ok(Plan { facts, prepare, stages, warnings })
}

/// What an earlier run left out of service goes first: nothing is lost while it is
/// deployed, and taking out what serves instead would leave nobody. A retry has its
/// own order, since it knows what the run before has done.
fn idle_first(facts: &RunFacts, taking: &mut [Taking<'_>], members: &[Member], warnings: &mut Vec<String>) {
    if facts.within != facts.scope {
        return;
    }
    let by_cluster = facts.strategy == Strategy::Clusters;
    let group = |taking: &Taking<'_>| if by_cluster { taking.cluster } else { &taking.host.server }.clone();
    let all: Vec<(Name, Name)> = taking.iter().map(|one| (group(one), one.host.server.clone())).collect();
    let is_idle = |name: &Name| {
        let mut theirs = members
            .iter()
            .filter(|member| all.iter().any(|(group, server)| group == name && *server == member.server))
            .peekable();
        theirs.peek().is_some() && theirs.all(|member| facts.out_of_service.contains(member))
    };
    let mut idle: Vec<Name> = all.iter().map(|(group, _)| group.clone()).filter(is_idle).collect();
    idle.dedup();
    warnings.extend(idle.iter().map(|name| {
        format!("{name} was left out of service by an earlier run; it goes first and is put back.")
    }));
    taking.sort_by_key(|one| !idle.contains(&group(one)));
}

/// What load balancers know of the servers that are not inactive.
fn members_of_active(clusters: &[ClusterFacts]) -> Vec<Member> {
    let is_active = |server: &Name| {
        clusters.iter().flat_map(|c| &c.hosts).any(|host| host.active && host.server == *server)
    };
    clusters.iter().flat_map(|cluster| &cluster.members).filter(|m| is_active(&m.server)).cloned().collect()
}

/// The active hosts that the scope covers, each once; and of a retry, those that
/// the runs before it have done.
fn hosts_of<'a>(
    facts: &RunFacts,
    clusters: &'a [ClusterFacts],
    warnings: &mut Vec<String>,
) -> Result<Vec<Taking<'a>>, PlanError> {
    if clusters.is_empty() {
        return Err(PlanError::NoCluster);
    }
    let (scope, within) = (&facts.scope, &facts.within);
    let mut first_cluster_of: BTreeMap<&Name, &Name> = BTreeMap::new();
    let mut taking = Vec::new();
    for cluster in clusters.iter().filter(|cluster| within.covers_cluster(&cluster.name)) {
        if cluster.hosts.is_empty() {
            return Err(PlanError::EmptyCluster(cluster.name.clone()));
        }
        for host in cluster.hosts.iter().filter(|host| within.covers_server(&host.server)) {
            let server = &host.server;
            if let Some(first) = first_cluster_of.get(server) {
                let second = &cluster.name;
                warnings
                    .push(format!("{server} is in {first} and {second}; it is deployed once, with {first}"));
                continue;
            }
            first_cluster_of.insert(server, &cluster.name);
            let is_done = !scope.covers_server(server);
            if is_done {
                taking.extend(host.active.then_some(Taking { cluster: &cluster.name, host, is_done }));
                continue;
            }
            if !host.active {
                warnings.push(format!("{server} is inactive and was skipped"));
                continue;
            }
            check::host(host)?;
            taking.push(Taking { cluster: &cluster.name, host, is_done });
        }
    }
    if let Some(missing) = scope.named().find(|name| {
        !clusters
            .iter()
            .any(|cluster| cluster.name == **name || cluster.hosts.iter().any(|h| h.server == **name))
    }) {
        return Err(PlanError::NoSuchTarget(missing.to_string()));
    }
    if taking.iter().all(|host| host.is_done) {
        return Err(PlanError::NoActiveHost);
    }
    Ok(taking)
}

fn prepare(ids: &mut StepIds, facts: &RunFacts, cuts: &[Cut<'_>]) -> Vec<Step> {
    let mut members: Vec<Member> = cuts.iter().flat_map(Cut::members).cloned().collect();
    members.sort();
    members.dedup();
    let mut steps = vec![ids.step(Phase::Checks, facts)];
    if !members.is_empty() {
        let balance = Some(Balance::Check { members });
        steps.push(Step { balance, ..ids.step(Phase::Balancer, facts) });
    }
    let artifact = facts.artifact.is_some().then_some(Phase::Artifact);
    let phases = [Phase::Fetch, Phase::Build].into_iter().chain(artifact);
    let phases = phases.chain([Phase::Predeploy, Phase::LocalTest]);
    steps.extend(phases.map(|phase| ids.step(phase, facts)));
    steps
}

/// What a run goes through on every host, in this order.
fn host_phases(facts: &RunFacts) -> Vec<Phase> {
    let switch = (facts.layout == Layout::Releases).then_some(Phase::Switch);
    let health = facts.health_check.is_some().then_some(Phase::Health);
    [Phase::Connect, Phase::Compare, Phase::Mark, Phase::Sync, Phase::Verify]
        .into_iter()
        .chain(switch)
        .chain([Phase::Deploy, Phase::Test])
        .chain(health)
        .chain([Phase::Finish])
        .collect()
}

/// Seconds. Small where nothing but a hang can take long; an hour where the
/// amount of data or a script of the application's decides.
fn timeout_s(phase: Phase, facts: &RunFacts) -> u32 {
    match phase {
        Phase::Checks | Phase::Connect | Phase::Balancer => 60,
        Phase::Mark | Phase::Switch => 30,
        // It may have old release folders to remove.
        Phase::Finish => 300,
        // The waits inside have limits of their own; these are longer than their sum.
        Phase::Drain | Phase::Enable | Phase::Fetch | Phase::Build => 600,
        Phase::Verify => 900,
        Phase::Compare
        | Phase::Sync
        | Phase::Deploy
        | Phase::Test
        | Phase::Artifact
        | Phase::Predeploy
        | Phase::LocalTest => 3600,
        Phase::Command => 86_400,
        // Each attempt may itself take ten seconds.
        Phase::Health => facts.health_check.as_ref().map_or(0, |check| {
            check.attempts.saturating_mul(check.interval_s.saturating_add(10)).saturating_add(10)
        }),
    }
}

struct StepIds(u32);

impl StepIds {
    fn step(&mut self, phase: Phase, facts: &RunFacts) -> Step {
        let id = StepId(self.0);
        self.0 += 1;
        Step { id, phase, timeout_s: timeout_s(phase, facts), balance: None }
    }

    fn balanced(&mut self, phase: Phase, balance: Balance, facts: &RunFacts) -> Step {
        let mut step = self.step(phase, facts);
        if matches!(balance, Balance::Swap { .. }) {
            // One side has to come up, and then the other to run empty.
            step.timeout_s *= 2;
        }
        Step { balance: Some(balance), ..step }
    }
}
