//! A release request and its launch link as state machines: a state holds the
//! facts of that state, a transition consumes it, takes `now`, and can refuse.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::diff::DiffStat;
use super::fleet::Approval;
use super::name::{CommitId, Name};
use super::pause::Pause;
use super::policy::Terms;
use super::recipe::Difference;
use super::seal::Seal;
use super::words::words;

/// Somebody asks for a release in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub id: i64,
    pub application: Name,
    pub environment: Name,
    /// The tag, else the full commit id (rules.md 13, 47).
    pub release: String,
    pub commit: CommitId,
    pub from: Option<CommitId>,
    pub from_release: Option<String>,
    pub requester: Name,
    pub reason: String,
    pub ticket: String,
    pub rollback: bool,
    pub state: RequestState,
    pub seal: Seal,
    pub fingerprint: String,
    pub stat: DiffStat,
    /// What was said about the hosts when it was asked for.
    pub notes: Vec<String>,
    /// Accepts the policy asked for when it was made or accepted.
    pub required: u32,
    /// What the policy asked for when it was accepted.
    pub terms: Vec<Terms>,
    /// Those known here who wrote a commit of it, by verified mail: a help, not a proof.
    pub authors: Vec<Name>,
    /// The addresses that its commits name, in lower case, for who signs in later.
    pub author_mails: Vec<String>,
    pub pause: Pause,
    pub created_at: Timestamp,
    /// When it was accepted, also after it ended.
    pub accepted_at: Option<Timestamp>,
    pub deployment: Option<i64>,
    /// Counts every change; an update must name the one it saw.
    pub version: i64,
}

impl Request {
    pub fn from_words(&self) -> String {
        from_words(self.from_release.as_deref(), self.from.as_ref())
    }
}

/// The name people know a release by: its tag, else the start of its commit.
pub fn from_words(release: Option<&str>, commit: Option<&CommitId>) -> String {
    match (release, commit) {
        (Some(release), _) => release_words(release),
        (None, Some(commit)) => commit.short().to_owned(),
        (None, None) => "nothing".to_owned(),
    }
}

/// A tag as it is, a full commit id by its first digits.
pub fn release_words(release: &str) -> String {
    CommitId::parse(release).map_or_else(|_| release.to_owned(), |commit| commit.short().to_owned())
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub person: Name,
    pub kind: DecisionKind,
    pub comment: String,
    pub own_request: bool,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestState {
    AwaitingReview { until: Timestamp },
    Accepted { at: Timestamp, stands_until: Timestamp },
    Launched { at: Timestamp, stands_until: Timestamp, deployment: i64 },
    Rejected { at: Timestamp, by: Name, reason: String },
    Cancelled { at: Timestamp, by: Name },
    Expired { at: Timestamp },
    Void { at: Timestamp, cause: VoidCause },
}

/// The word of a state, without its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestWord {
    AwaitingReview,
    Accepted,
    Launched,
    Rejected,
    Cancelled,
    Expired,
    Void,
}

words!(RequestWord {
    AwaitingReview => "awaiting_review",
    Accepted => "accepted",
    Launched => "launched",
    Rejected => "rejected",
    Cancelled => "cancelled",
    Expired => "expired",
    Void => "void",
});

impl RequestWord {
    /// Somebody can still act on it: it holds the place of its commit (rules.md 6).
    pub fn is_open(self) -> bool {
        matches!(self, RequestWord::AwaitingReview | RequestWord::Accepted)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    Accept,
    Reject,
}

words!(DecisionKind { Accept => "accept", Reject => "reject" });

/// Why a request no longer stands although nobody rejected it (rules.md 9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum VoidCause {
    TagMoved {
        was: String,
        is: String,
    },
    /// Another tag object, or none, on the same commit.
    TagReplaced {
        tag: String,
    },
    TagDeleted,
    LiveChanged {
        was: String,
        is: String,
    },
    HostsChanged {
        #[serde(default)]
        differs: Vec<Difference>,
    },
    ConfigurationChanged {
        #[serde(default)]
        differs: Vec<Difference>,
    },
    ApproverLostRight {
        who: Name,
    },
    /// The policy asks for more accepts than it was accepted with (rules.md 17).
    QuorumRaised {
        have: u32,
        need: u32,
        /// `1 of 1 from ops; 0 of 1 from owners`; empty without groups.
        #[serde(default)]
        groups: String,
    },
    EnvironmentGone,
    /// Its names are part of what was sealed.
    Renamed {
        was: String,
        is: String,
    },
}

impl VoidCause {
    /// What was reviewed and what is there now, piece by piece, where it is known.
    pub fn differs(&self) -> &[Difference] {
        match self {
            VoidCause::HostsChanged { differs } | VoidCause::ConfigurationChanged { differs } => differs,
            _ => &[],
        }
    }

    /// The cause with all that differs, for pages.
    pub fn words(&self) -> String {
        let differs: Vec<String> = self.differs().iter().map(Difference::words).collect();
        let summary = self.summary();
        if differs.is_empty() { summary } else { format!("{summary} {}.", differs.join("; ")) }
    }

    /// One sentence.
    pub fn summary(&self) -> String {
        match self {
            VoidCause::TagMoved { was, is } => {
                format!("The tag was moved after the request: it pointed to {was} and now points to {is}.")
            }
            VoidCause::TagReplaced { tag } => {
                format!(
                    "The tag {tag} was made again after the request: the same commit, another tag object."
                )
            }
            VoidCause::TagDeleted => "The tag was deleted after the request.".to_owned(),
            VoidCause::LiveChanged { was, is } => {
                format!("Superseded: {was} was live when this was asked for, and now it is {is}.")
            }
            VoidCause::HostsChanged { .. } => "The set of hosts changed after the request.".to_owned(),
            VoidCause::ConfigurationChanged { .. } => {
                "The way this environment is deployed changed after the request.".to_owned()
            }
            VoidCause::ApproverLostRight { who } => {
                format!("{who}, who accepted it, may no longer review here.")
            }
            VoidCause::QuorumRaised { have, need, groups } => {
                let (accepts, count) = (
                    if *need == 1 { "accept" } else { "accepts" },
                    if *have == 1 { "counts" } else { "count" },
                );
                let groups = if groups.is_empty() { String::new() } else { format!(": {groups}") };
                format!("This environment asks for {need} {accepts} now, and {have} {count}{groups}.")
            }
            VoidCause::EnvironmentGone => "The environment no longer exists.".to_owned(),
            VoidCause::Renamed { was, is } => {
                format!("{was} is called {is} now; what was approved names the former.")
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request is {} and cannot be {wanted}", .state.word())]
pub struct WrongState {
    pub state: RequestWord,
    pub wanted: &'static str,
}

impl RequestState {
    pub fn word(&self) -> RequestWord {
        match self {
            RequestState::AwaitingReview { .. } => RequestWord::AwaitingReview,
            RequestState::Accepted { .. } => RequestWord::Accepted,
            RequestState::Launched { .. } => RequestWord::Launched,
            RequestState::Rejected { .. } => RequestWord::Rejected,
            RequestState::Cancelled { .. } => RequestWord::Cancelled,
            RequestState::Expired { .. } => RequestWord::Expired,
            RequestState::Void { .. } => RequestWord::Void,
        }
    }

    pub fn asked(approval: &Approval, now: Timestamp) -> Self {
        RequestState::AwaitingReview { until: now + hours(approval.review_hours) }
    }

    /// `slot_begins` is now, or the next opening of the window; the approval
    /// stands from the beginning of its first slot (rules.md 4).
    pub fn accept(
        self,
        approval: &Approval,
        slot_begins: Timestamp,
        now: Timestamp,
    ) -> Result<Self, WrongState> {
        match self {
            RequestState::AwaitingReview { until } if now < until => Ok(RequestState::Accepted {
                at: now,
                stands_until: slot_begins + hours(approval.stand_hours),
            }),
            other => other.refuse("accepted"),
        }
    }

    /// An accept may become a reject, so an accepted request can still be rejected (rules.md 5).
    pub fn reject(self, by: Name, reason: String, now: Timestamp) -> Result<Self, WrongState> {
        match self {
            RequestState::AwaitingReview { until } if now < until => {
                Ok(RequestState::Rejected { at: now, by, reason })
            }
            RequestState::Accepted { stands_until, .. } if now < stands_until => {
                Ok(RequestState::Rejected { at: now, by, reason })
            }
            other => other.refuse("rejected"),
        }
    }

    pub fn cancel(self, by: Name, now: Timestamp) -> Result<Self, WrongState> {
        if self.word().is_open() {
            Ok(RequestState::Cancelled { at: now, by })
        } else {
            self.refuse("cancelled")
        }
    }

    pub fn launch(self, deployment: i64, now: Timestamp) -> Result<Self, WrongState> {
        match self {
            RequestState::Accepted { stands_until, .. } if now < stands_until => {
                Ok(RequestState::Launched { at: now, stands_until, deployment })
            }
            other => other.refuse("launched"),
        }
    }

    /// The deployment was cancelled before it started: the approval is back
    /// while it stands (rules.md 10).
    pub fn reopen(self, accepted_at: Timestamp, now: Timestamp) -> Result<Self, WrongState> {
        match self {
            RequestState::Launched { stands_until, .. } if now < stands_until => {
                Ok(RequestState::Accepted { at: accepted_at, stands_until })
            }
            RequestState::Launched { .. } => Ok(RequestState::Expired { at: now }),
            other => other.refuse("opened again"),
        }
    }

    /// `None` while it is not due.
    pub fn expire(&self, now: Timestamp) -> Option<Self> {
        let due = match self {
            RequestState::AwaitingReview { until } => *until,
            RequestState::Accepted { stands_until, .. } => *stands_until,
            _ => return None,
        };
        (now >= due).then_some(RequestState::Expired { at: now })
    }

    /// A launched request becomes void too: its deployment waited in the queue (rules.md 9).
    pub fn void(self, cause: VoidCause, now: Timestamp) -> Result<Self, WrongState> {
        if self.word().is_open() || self.word() == RequestWord::Launched {
            Ok(RequestState::Void { at: now, cause })
        } else {
            self.refuse("voided")
        }
    }

    fn refuse(self, wanted: &'static str) -> Result<Self, WrongState> {
        Err(WrongState { state: self.word(), wanted })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// The slot begins later (the window is closed).
    Early,
    Unused,
    Used,
    Expired,
    Revoked,
}

/// The stored facts of a link; its state follows from them and the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkFacts {
    pub starts_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl LinkFacts {
    pub fn state(&self, now: Timestamp) -> LinkState {
        if self.used_at.is_some() {
            LinkState::Used
        } else if self.revoked_at.is_some_and(|at| at < self.expires_at) {
            LinkState::Revoked
        } else if now >= self.expires_at {
            LinkState::Expired
        } else if now < self.starts_at {
            LinkState::Early
        } else {
            LinkState::Unused
        }
    }
}

/// The slot of a link made now: it never outlives the approval.
pub fn slot(approval: &Approval, begins: Timestamp, stands_until: Timestamp) -> (Timestamp, Timestamp) {
    let end = begins + SignedDuration::from_mins(i64::from(approval.slot_minutes));
    (begins, end.min(stands_until))
}

pub fn hours(count: u32) -> SignedDuration {
    SignedDuration::from_hours(i64::from(count))
}
