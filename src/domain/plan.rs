//! What a deployment will do, as data: a pure function from facts to steps.
//! The engine runs a plan and nothing else; the page shows the same plan.

use serde::{Deserialize, Serialize};

use super::event::{Phase, StepId};
use super::fleet::Layout;
use super::name::{CommitId, Name};

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
