//! A deployment as a state machine.

use serde::{Deserialize, Serialize};

use super::words::words;

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
