//! The journal's vocabulary: what a deployment records about itself, in order.
//!
//! Page, live feed, API and mail all read these events after a sequence number.
//! Nothing else says what happened in a run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::deployment::DeploymentState;
use super::name::{CommitId, Name};
use super::words::words;

/// One line of the journal. `seq` starts at 1 and has no gaps within a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub seq: u64,
    pub at: Timestamp,
    #[serde(flatten)]
    pub what: EventKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The deployment entered this state.
    State {
        state: DeploymentState,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    StepStarted {
        step: StepId,
        phase: Phase,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<Name>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<Name>,
    },
    /// One line of output, without its line end. Colours (SGR) are still in it.
    Output {
        step: StepId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<Name>,
        stream: Stream,
        text: String,
    },
    StepEnded {
        step: StepId,
        outcome: StepOutcome,
    },
    /// What a host runs now, as far as the run knows.
    Host {
        host: Name,
        state: HostState,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<CommitId>,
    },
    /// A remark of the service itself: a skipped host, a warning, output cut short.
    Note {
        level: NoteLevel,
        text: String,
    },
}

/// The place of a step in its plan, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    Stdout,
    Stderr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteLevel {
    Info,
    Warning,
    Error,
}

/// What kind of work a step is; the rail on the live page groups by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Checks,
    Fetch,
    Build,
    Connect,
    Drain,
    Mark,
    Sync,
    Verify,
    Switch,
    Deploy,
    Test,
    Health,
    Finish,
    Enable,
}

impl Phase {
    pub fn word(self) -> &'static str {
        match self {
            Phase::Checks => "checks",
            Phase::Fetch => "fetch",
            Phase::Build => "build",
            Phase::Connect => "connect",
            Phase::Drain => "drain",
            Phase::Mark => "mark",
            Phase::Sync => "sync",
            Phase::Verify => "verify",
            Phase::Switch => "switch",
            Phase::Deploy => "deploy.sh",
            Phase::Test => "tests",
            Phase::Health => "health",
            Phase::Finish => "finish",
            Phase::Enable => "enable",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum StepOutcome {
    Done,
    /// There was nothing to do, and why.
    Skipped {
        why: String,
    },
    /// It failed, but policy lets the run go on.
    Warned {
        why: String,
    },
    Failed {
        why: String,
    },
    Cancelled,
}

/// What is known of a host. Unknown is never called failed or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// Not touched by this run yet; it runs what it ran before.
    Waiting,
    /// Being changed; what it runs is not settled.
    Running,
    /// The release is there and verified.
    Done,
    /// A step failed after the host may have been changed, or before (the note says which).
    Failed,
    /// The run lost sight of it.
    Unknown,
    Skipped,
}

words!(HostState {
    Waiting => "waiting",
    Running => "running",
    Done => "done",
    Failed => "failed",
    Unknown => "unknown",
    Skipped => "skipped",
});
