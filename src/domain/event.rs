//! The journal's vocabulary: what a deployment records about itself, in order.
//!
//! Page, live feed, API and mail all read these events after a sequence number.
//! Nothing else says what happened in a run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::actor::acted;
use super::balancer::Member;
use super::deployment::DeploymentState;
use super::name::{CommitId, Name};
use super::words::words;

/// One line of the journal. `seq` starts at 1 and has no gaps within a deployment,
/// until its output is removed by policy.
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
    /// How many files the sync will add to a host and delete there, and how many it has.
    Compared {
        host: Name,
        added: u64,
        deleted: u64,
        files: u64,
    },
    /// A server is about to leave service, or is back in it.
    Service {
        member: Member,
        in_service: bool,
    },
    /// A person has to say whether the next stage may begin.
    Waiting {
        stage: String,
        for_s: u32,
    },
    /// Somebody did.
    Continued {
        by: Name,
        /// Who acted in their name (rules.md 31).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_by: Option<Name>,
    },
    /// A remark of the service itself: a skipped host, a warning, output cut short.
    Note {
        level: NoteLevel,
        text: String,
    },
}

impl EventKind {
    /// What is not a step, a line, a host or a state, as a sentence.
    pub fn remark(&self) -> Option<String> {
        match self {
            EventKind::Note { text, .. } => Some(text.clone()),
            EventKind::Compared { host, added, deleted, files } => {
                Some(format!("{host} has {files} files; {added} will be added and {deleted} deleted."))
            }
            EventKind::Service { member, in_service: false } => Some(format!("{member} leaves service.")),
            EventKind::Service { member, in_service: true } => Some(format!("{member} is back in service.")),
            EventKind::Waiting { stage, for_s } => {
                Some(format!("Waits for somebody to let {stage} begin, {} minutes at most.", for_s / 60))
            }
            EventKind::Continued { by, acting_by } => {
                Some(format!("{} lets it go on.", acted(by.as_str(), acting_by.as_ref())))
            }
            EventKind::State { .. }
            | EventKind::StepStarted { .. }
            | EventKind::Output { .. }
            | EventKind::StepEnded { .. }
            | EventKind::Host { .. } => None,
        }
    }
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
    /// Whether the load balancers' servers are as expected.
    Balancer,
    Fetch,
    Build,
    Artifact,
    Predeploy,
    LocalTest,
    /// An operator's command in the place of everything else.
    Command,
    Drain,
    Connect,
    /// What the sync would change, add and delete.
    Compare,
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
    /// Nothing on the host is changed by it.
    pub fn only_looks(self) -> bool {
        matches!(self, Phase::Connect | Phase::Compare)
    }

    pub fn word(self) -> &'static str {
        match self {
            Phase::Checks => "checks",
            Phase::Balancer => "load balancer",
            Phase::Fetch => "fetch",
            Phase::Build => "build",
            Phase::Artifact => "artifact",
            Phase::Predeploy => "predeploy.sh",
            Phase::LocalTest => "local tests",
            Phase::Command => "command",
            Phase::Drain => "drain",
            Phase::Connect => "connect",
            Phase::Compare => "compare",
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
