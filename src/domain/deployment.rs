//! A deployment as a state machine.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::name::{CommitId, Name};
use super::words::words;

/// One run that brings a release to the servers of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    pub id: i64,
    pub application: Name,
    pub environment: Name,
    /// The tag, else the full commit id.
    pub release: String,
    pub commit: CommitId,
    pub from: Option<CommitId>,
    pub from_release: Option<String>,
    pub state: DeploymentState,
    /// Why it failed, was cancelled or interrupted.
    pub why: Option<String>,
    pub request: Option<i64>,
    pub requested_by: Name,
    pub started_by: Name,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub plan: Option<super::plan::Plan>,
    pub cancel_requested: bool,
    /// Rises with every claim; a write under an older number is refused.
    pub fence: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    /// Its runner was lost; the hosts' truth is read before anything else runs there.
    Interrupted,
}

impl DeploymentState {
    pub fn is_over(self) -> bool {
        !matches!(self, DeploymentState::Queued | DeploymentState::Running)
    }

    /// The moves that exist. Everything else is refused before a row is touched.
    pub fn may_become(self, next: DeploymentState) -> bool {
        use DeploymentState::{Cancelled, Failed, Interrupted, Queued, Running, Succeeded};
        matches!(
            (self, next),
            (Queued, Running | Cancelled) | (Running, Succeeded | Failed | Cancelled | Interrupted)
        )
    }
}

words!(DeploymentState {
    Queued => "queued",
    Running => "running",
    Succeeded => "succeeded",
    Failed => "failed",
    Cancelled => "cancelled",
    Interrupted => "interrupted",
});
