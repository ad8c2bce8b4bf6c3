//! A deployment as a state machine.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::actor::{Hand, acted, signed};
use super::name::{CommitId, Name};
use super::permission::{Access, TokenScope};
use super::scope::Scope;
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
    pub scope: Scope,
    /// The run whose undone hosts this one does.
    pub retry_of: Option<i64>,
    /// The request whose approval lets this rollback start (rules.md 12).
    pub covered_by: Option<i64>,
    /// Which way it goes from what was live when it started.
    pub direction: Option<Direction>,
    pub deletes_acknowledged: bool,
    /// Somebody wants it to end.
    pub cancel: Option<CancelWhen>,
    pub cancelled_by: Option<Hand>,
    pub continued_by: Option<Hand>,
    /// Rises with every claim; a write under an older number is refused.
    pub fence: i64,
    /// It was started by break-glass.
    pub overridden: bool,
    /// What the token reached that it was started with; `None` where nothing bounded it.
    pub within: Option<TokenScope>,
    /// Who started it in the name of `started_by` (rules.md 31).
    pub acted_by: Option<Name>,
    /// Its environment was removed since: one of that name is another place.
    pub place_removed: bool,
}

impl Deployment {
    /// What bounded its starter bounds the run: policy is asked again by it when it begins.
    #[must_use]
    pub fn bounded_as(self, starter: &Access) -> Self {
        Self { within: starter.within.clone(), acted_by: starter.by.clone(), ..self }
    }

    /// For the record: `drew`, or `bot for drew` (rules.md 31).
    pub fn signature(&self) -> String {
        signed(&self.started_by, self.acted_by.as_ref())
    }

    /// For people: `drew`, or `drew (bot acting)`.
    pub fn starter_words(&self) -> String {
        acted(self.started_by.as_str(), self.acted_by.as_ref())
    }

    /// Whose rights a start by `actor` rests on.
    pub fn starters(&self, actor: &Name) -> Vec<Name> {
        std::iter::once(actor).chain(&self.acted_by).cloned().collect()
    }

    /// A new one, that nothing has happened to yet: the whole environment, for `who`.
    pub fn queued(
        application: &Name,
        environment: &Name,
        commit: &CommitId,
        who: &Name,
        now: Timestamp,
    ) -> Self {
        Self {
            id: 0,
            application: application.clone(),
            environment: environment.clone(),
            release: commit.to_string(),
            commit: commit.clone(),
            from: None,
            from_release: None,
            state: DeploymentState::Queued,
            why: None,
            request: None,
            requested_by: who.clone(),
            started_by: who.clone(),
            created_at: now,
            started_at: None,
            ended_at: None,
            plan: None,
            scope: Scope::Environment,
            retry_of: None,
            covered_by: None,
            direction: None,
            deletes_acknowledged: false,
            cancel: None,
            cancelled_by: None,
            continued_by: None,
            fence: 0,
            overridden: false,
            within: None,
            acted_by: None,
            place_removed: false,
        }
    }
}

/// When a running deployment is to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelWhen {
    #[default]
    Now,
    /// What is under way ends first; no further batch begins.
    AfterBatch,
}

words!(CancelWhen { Now => "now", AfterBatch => "after_batch" });

/// How a release stands to what was live. Requests go forward or, as rollbacks,
/// back; direct deployments go anywhere and say so (rules.md 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Forward,
    GoesBack,
    Redeploys,
    Diverged,
}

words!(Direction {
    Forward => "forward",
    GoesBack => "goes_back",
    Redeploys => "redeploys",
    Diverged => "diverged",
});

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
