//! What a release would change on each host, found without changing anything.
//!
//! It is made from the sources, before a request or a start; what an artifact or a
//! script would make of them is not known then, and is said instead (rules.md 25).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::fleet::{Environment, Method};
use super::name::{CommitId, Name};
use super::words::words;

/// How long one serves, found or failed.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_mins(10);

/// A runner that took one and said nothing for so long is gone.
pub const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_mins(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewWord {
    /// A runner is to find it.
    Wanted,
    Ready,
    /// It could not be found; trying again may help.
    Failed,
    /// There can be none, and why is said.
    None,
}

words!(PreviewWord { Wanted => "wanted", Ready => "ready", Failed => "failed", None => "none" });

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreviewState {
    Wanted,
    Ready { hosts: Vec<HostPreview>, at: Timestamp },
    Failed { why: String, at: Timestamp },
    None { why: String },
}

impl PreviewState {
    /// Hosts that it says nothing about: asking once more may.
    pub fn has_gaps(&self) -> bool {
        let PreviewState::Ready { hosts, .. } = self else { return false };
        hosts.iter().any(|host| !host.found.is_compared())
    }

    pub fn word(&self) -> PreviewWord {
        match self {
            PreviewState::Wanted => PreviewWord::Wanted,
            PreviewState::Ready { .. } => PreviewWord::Ready,
            PreviewState::Failed { .. } => PreviewWord::Failed,
            PreviewState::None { .. } => PreviewWord::None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    pub id: i64,
    pub application: Name,
    pub environment: Name,
    /// The tag, else the commit.
    pub release: String,
    pub commit: CommitId,
    /// Of the hosts and the configuration that it was asked for.
    pub digest: String,
    pub state: PreviewState,
    pub wanted_by: Name,
    pub wanted_at: Timestamp,
}

impl Preview {
    /// Whether it still answers the question for an environment with this digest.
    pub fn serves(&self, digest: &str, now: Timestamp) -> bool {
        let since = match &self.state {
            PreviewState::Ready { at, .. } | PreviewState::Failed { at, .. } => *at,
            PreviewState::Wanted | PreviewState::None { .. } => self.wanted_at,
        };
        self.digest == digest && now.duration_since(since) < KEPT_FOR
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPreview {
    pub server: Name,
    #[serde(flatten)]
    pub found: Found,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Found {
    Changes(Changes),
    /// Nothing is there: everything would be new.
    Empty {
        files: u64,
    },
    /// Nobody looked, and why: it is skipped, or a deployment has it.
    NotAsked {
        why: String,
    },
    /// Looking failed, or a deployment would.
    Problem {
        why: String,
    },
}

impl Found {
    pub fn is_compared(&self) -> bool {
        matches!(self, Found::Changes(_) | Found::Empty { .. })
    }
}

/// How many files would change on a host, with the first paths of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    pub added: u64,
    pub changed: u64,
    pub deleted: u64,
    /// Files that the host has now.
    pub files: u64,
    pub added_paths: Vec<String>,
    pub changed_paths: Vec<String>,
    pub deleted_paths: Vec<String>,
    /// More would go than the environment allows without being asked.
    pub beyond_threshold: bool,
}

/// Why there is no preview of an environment at all.
pub fn why_none(environment: &Environment) -> Option<String> {
    if environment.method == Method::Command {
        return Some(
            "A command of the operator's brings releases here, so nobody can tell before.".to_owned(),
        );
    }
    environment.artifact.as_ref().map(|name| {
        format!("The command {name} makes what is deployed here, and it runs only when a deployment does.")
    })
}

/// The same for a release, by the script that it has.
pub fn why_none_of_release(script: &str) -> String {
    format!("The release has {script}, which changes what is deployed and runs only when a deployment does.")
}
