//! What a deployment will do, as data: a pure function from facts to steps.
//! The engine runs a plan and nothing else; the page shows the same plan.
//!
//! A plan is a list of stages. The hosts of a stage are changed at the same time;
//! what its load balancer is told stands before and after them. Every strategy is
//! a way to cut the hosts into stages, so the engine knows none of them.

mod check;
mod lay_out;
mod strategy;

use serde::{Deserialize, Serialize};

use super::balancer::Member;
use super::event::{Phase, StepId};
use super::fleet::{Batch, HealthCheck, Layout, Method, Strategy};
use super::name::{CommitId, Name};
use super::scope::Scope;

pub use lay_out::plan;

/// Everything a run needs to know, frozen when it is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    pub deployment: i64,
    /// The run whose made tree is deployed: the first of a chain of retries.
    pub built_by: i64,
    pub application: Name,
    pub environment: Name,
    /// The tag, else the commit id: what `REF` is for the scripts.
    pub release: String,
    pub commit: CommitId,
    pub from: Option<CommitId>,
    pub scope: Scope,
    /// What the first of a chain of retries covered; without one, the scope itself.
    #[serde(default)]
    pub within: Scope,
    /// What deployments took out of load balancers and nobody has put back yet.
    #[serde(default)]
    pub out_of_service: Vec<Member>,
    pub method: Method,
    /// The servers of method `command`; one named like the environment where it has none.
    pub servers: Vec<Name>,
    /// The operator's command of method `command`, by its name in config.json.
    pub command: Option<String>,
    /// The operator's command that makes the tree, by its name in config.json.
    pub artifact: Option<String>,
    pub target_path: String,
    pub remote_user: String,
    pub layout: Layout,
    pub keep_releases: u32,
    pub rsync_options: Vec<String>,
    pub strategy: Strategy,
    /// How many hosts a stage of `rolling` and the first one of `canary` have.
    pub batch: Option<Batch>,
    /// How long a canary waits for a person.
    pub canary_minutes: u32,
    pub health_check: Option<HealthCheck>,
    pub fail_on_failed_tests: bool,
    pub allow_submodules_and_lfs: bool,
    /// Percent of a host's files that may go without being acknowledged (rules.md 25).
    pub delete_threshold: u8,
    pub deletes_acknowledged: bool,
    /// A retry deploys only to hosts that run one of these (rules.md 11); empty: any.
    pub expected: Vec<CommitId>,
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
    /// Its servers in the load balancer, where it has one.
    pub members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub facts: RunFacts,
    pub prepare: Vec<Step>,
    pub stages: Vec<Stage>,
    /// Said before start and in the journal: skipped hosts and the like.
    pub warnings: Vec<String>,
}

/// Hosts that are changed at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The cluster's name, or `canary`, `batch-2` … where batches are not clusters.
    pub name: String,
    /// A person has to say that it may begin.
    pub waits_for_person: bool,
    pub before: Vec<Step>,
    pub hosts: Vec<HostPlan>,
    pub after: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPlan {
    pub cluster: Name,
    pub host: HostFacts,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub id: StepId,
    pub phase: Phase,
    pub timeout_s: u32,
    /// What the load balancer is asked or told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
}

/// One act on load balancers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Before anything is touched: every server is as it is expected to be.
    Check { members: Vec<Member> },
    /// The servers that are done already serve.
    StillUp { members: Vec<Member> },
    /// Out of service, and wait until their sessions have ended.
    Drain { members: Vec<Member> },
    /// Into service, and wait until they are up.
    Enable { members: Vec<Member> },
    /// The new ones into service and the old ones out, at the same moment.
    Swap { enable: Vec<Member>, drain: Vec<Member> },
}

impl Balance {
    /// The servers that this act takes out of service.
    pub fn takes_out(&self) -> &[Member] {
        match self {
            Balance::Drain { members } => members,
            Balance::Swap { drain, .. } => drain,
            Balance::Check { .. } | Balance::StillUp { .. } | Balance::Enable { .. } => &[],
        }
    }

    /// The servers that this act puts back.
    pub fn puts_back(&self) -> &[Member] {
        match self {
            Balance::Enable { members } => members,
            Balance::Swap { enable, .. } => enable,
            Balance::Check { .. } | Balance::StillUp { .. } | Balance::Drain { .. } => &[],
        }
    }
}

impl Stage {
    /// Whether servers leave service before its hosts are changed or after it.
    pub fn takes_out(&self) -> bool {
        let mut balances = self.before.iter().chain(&self.after).filter_map(|step| step.balance.as_ref());
        balances.any(|balance| !balance.takes_out().is_empty())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("there is no cluster to deploy to")]
    NoCluster,
    #[error("cluster {0} has no servers")]
    EmptyCluster(Name),
    #[error("no active server is left to deploy to")]
    NoActiveHost,
    #[error("{0} is not part of this environment")]
    NoSuchTarget(String),
    #[error("server {0} has no pinned host key; nothing connects to it until one is pinned")]
    NoHostKey(Name),
    #[error("{what}: {why}")]
    Invalid { what: String, why: String },
}

impl Plan {
    /// Every host, in the order of the stages.
    pub fn hosts(&self) -> impl Iterator<Item = &HostPlan> {
        self.stages.iter().flat_map(|stage| &stage.hosts)
    }

    /// Every server that load balancers will be told about.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.prepare.iter().filter_map(|step| step.balance.as_ref()).flat_map(|balance| match balance {
            Balance::Check { members } => members.as_slice(),
            _ => &[],
        })
    }

    /// The clusters of the hosts, each once, in the order of the stages.
    pub fn clusters(&self) -> Vec<&Name> {
        let mut clusters: Vec<&Name> = Vec::new();
        for host in self.hosts() {
            if !clusters.contains(&&host.cluster) {
                clusters.push(&host.cluster);
            }
        }
        clusters
    }
}
