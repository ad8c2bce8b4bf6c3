//! What a deployment will do, as data: a pure function from facts to steps.
//! The engine runs a plan and nothing else; the page shows the same plan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::{Phase, StepId};
use super::fleet::Layout;
use super::name::{CommitId, Name, is_deceptive};
use super::rsync_options::RsyncOptions;
use super::target::{HostAddress, HostKey, RemoteUser, TargetPath};

/// Everything a run needs to know, frozen when it is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    pub deployment: i64,
    pub application: Name,
    pub environment: Name,
    /// The tag, else the commit id: what `REF` is for the scripts.
    pub release: String,
    pub commit: CommitId,
    pub target_path: String,
    pub remote_user: String,
    pub layout: Layout,
    pub rsync_options: Vec<String>,
    pub fail_on_failed_tests: bool,
    pub allow_submodules_and_lfs: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    pub server: Name,
    pub host: String,
    pub port: u16,
    pub host_key: Option<String>,
    pub active: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFacts {
    pub name: Name,
    pub hosts: Vec<HostFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub facts: RunFacts,
    pub prepare: Vec<Step>,
    pub clusters: Vec<ClusterPlan>,
    /// Said before start and in the journal: skipped hosts and the like.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterPlan {
    pub name: Name,
    pub hosts: Vec<HostPlan>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPlan {
    pub host: HostFacts,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub id: StepId,
    pub phase: Phase,
    pub timeout_s: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("there is no cluster to deploy to")]
    NoCluster,
    #[error("cluster {0} has no servers")]
    EmptyCluster(Name),
    #[error("no active server is left to deploy to")]
    NoActiveHost,
    #[error("server {0} has no pinned host key; nothing connects to it until one is pinned")]
    NoHostKey(Name),
    #[error("{0} is not available in this version")]
    NotBuilt(&'static str),
    #[error("{what}: {why}")]
    Invalid { what: String, why: String },
}

/// What a run goes through on every host, in this order.
const HOST_PHASES: [Phase; 7] =
    [Phase::Connect, Phase::Mark, Phase::Sync, Phase::Verify, Phase::Deploy, Phase::Test, Phase::Finish];

/// Seconds. Small where nothing but a hang can take long; an hour where the
/// amount of data or a script of the application's decides.
fn timeout_s(phase: Phase) -> u32 {
    match phase {
        Phase::Checks | Phase::Connect => 60,
        Phase::Mark | Phase::Finish | Phase::Drain | Phase::Switch | Phase::Enable => 30,
        Phase::Fetch | Phase::Build => 600,
        Phase::Verify | Phase::Health => 900,
        Phase::Sync | Phase::Deploy | Phase::Test => 3600,
    }
}

/// Lays out the steps of a run. Clusters keep their order, a server that is in
/// two of them is deployed with the first.
pub fn plan(facts: RunFacts, clusters: &[ClusterFacts]) -> Result<Plan, PlanError> {
    check_facts(&facts)?;
    if clusters.is_empty() {
        return Err(PlanError::NoCluster);
    }
    let mut ids = StepIds(0);
    let prepare = [Phase::Checks, Phase::Fetch, Phase::Build].map(|phase| ids.step(phase)).to_vec();
    let mut warnings = Vec::new();
    let mut first_cluster_of: BTreeMap<&Name, &Name> = BTreeMap::new();
    let mut planned = Vec::new();
    for cluster in clusters {
        if cluster.hosts.is_empty() {
            return Err(PlanError::EmptyCluster(cluster.name.clone()));
        }
        let mut hosts = Vec::new();
        for host in &cluster.hosts {
            let server = &host.server;
            if let Some(first) = first_cluster_of.get(server) {
                let second = &cluster.name;
                warnings
                    .push(format!("{server} is in {first} and {second}; it is deployed once, with {first}"));
                continue;
            }
            first_cluster_of.insert(server, &cluster.name);
            if !host.active {
                warnings.push(format!("{server} is inactive and was skipped"));
                continue;
            }
            check_host(host)?;
            hosts.push(HostPlan {
                host: host.clone(),
                steps: HOST_PHASES.map(|phase| ids.step(phase)).to_vec(),
            });
        }
        if !hosts.is_empty() {
            planned.push(ClusterPlan { name: cluster.name.clone(), hosts });
        }
    }
    if planned.is_empty() {
        return Err(PlanError::NoActiveHost);
    }
    Ok(Plan { facts, prepare, clusters: planned, warnings })
}

struct StepIds(u32);

impl StepIds {
    fn step(&mut self, phase: Phase) -> Step {
        let id = StepId(self.0);
        self.0 += 1;
        Step { id, phase, timeout_s: timeout_s(phase) }
    }
}

/// Rows that were valid when they were applied are checked again: what stands in
/// a plan is what reaches `ssh`, `rsync` and a remote shell.
fn check_facts(facts: &RunFacts) -> Result<(), PlanError> {
    if facts.layout == Layout::Releases {
        return Err(PlanError::NotBuilt("the layout `releases`"));
    }
    if facts.release.is_empty() || facts.release.chars().any(is_deceptive) {
        return Err(invalid("release", "must be one line of visible text"));
    }
    TargetPath::parse(&facts.target_path).map_err(|error| invalid("target_path", error))?;
    RemoteUser::parse(&facts.remote_user).map_err(|error| invalid("remote_user", error))?;
    RsyncOptions::parse(&facts.rsync_options).map_err(|error| invalid("rsync_options", error))?;
    Ok(())
}

fn check_host(host: &HostFacts) -> Result<(), PlanError> {
    let key = host.host_key.as_deref().ok_or_else(|| PlanError::NoHostKey(host.server.clone()))?;
    HostKey::parse(key).map_err(|error| invalid(format!("host key of {}", host.server), error))?;
    HostAddress::parse(&host.host).map_err(|error| invalid(format!("host of {}", host.server), error))?;
    Ok(())
}

fn invalid(what: impl Into<String>, why: impl ToString) -> PlanError {
    PlanError::Invalid { what: what.into(), why: why.to_string() }
}
