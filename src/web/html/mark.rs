//! The marks of states: on every page one word has one icon and one name.

use crate::domain::deployment::DeploymentState;
use crate::domain::request::RequestWord;
use crate::domain::words::words;

/// Everything that a page marks with tone, icon and word: the states of the domain,
/// and those in which a page itself can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    AwaitingReview,
    Accepted,
    Launched,
    Rejected,
    Cancelled,
    Expired,
    Void,
    Queued,
    Running,
    Succeeded,
    Failed,
    Interrupted,
    /// A host or step that was not begun.
    Waiting,
    Done,
    Unknown,
    Skipped,
    Warned,
    /// Remarks of the service itself.
    Info,
    Ready,
    Blocked,
    Used,
    Revoked,
    Foreign,
    Gone,
    Changed,
    NotPermitted,
    OwnRequest,
}

words!(Mark {
    AwaitingReview => "awaiting_review",
    Accepted => "accepted",
    Launched => "launched",
    Rejected => "rejected",
    Cancelled => "cancelled",
    Expired => "expired",
    Void => "void",
    Queued => "queued",
    Running => "running",
    Succeeded => "succeeded",
    Failed => "failed",
    Interrupted => "interrupted",
    Waiting => "waiting",
    Done => "done",
    Unknown => "unknown",
    Skipped => "skipped",
    Warned => "warned",
    Info => "info",
    Ready => "ready",
    Blocked => "blocked",
    Used => "used",
    Revoked => "revoked",
    Foreign => "foreign",
    Gone => "gone",
    Changed => "changed",
    NotPermitted => "not_permitted",
    OwnRequest => "own_request",
});

impl Mark {
    /// The icon of `static/icons.svg`.
    pub fn icon(self) -> &'static str {
        match self {
            Mark::AwaitingReview => "s-awaiting_review",
            Mark::Accepted | Mark::Ready => "s-accepted",
            Mark::Rejected => "s-rejected",
            Mark::Expired => "s-expired",
            Mark::Void | Mark::Changed | Mark::Gone => "s-void",
            Mark::Queued => "s-queued",
            Mark::Running => "s-running",
            Mark::Succeeded | Mark::Done => "check",
            Mark::Failed => "s-failed",
            Mark::Cancelled | Mark::Revoked | Mark::Skipped => "s-cancelled",
            Mark::Interrupted | Mark::Unknown => "s-interrupted",
            Mark::Launched | Mark::Used => "s-launched",
            Mark::NotPermitted | Mark::Foreign => "lock",
            Mark::Blocked => "clock",
            Mark::OwnRequest => "user",
            Mark::Waiting => "s-waiting",
            Mark::Warned => "bang",
            Mark::Info => "info",
        }
    }

    /// What people read: `Awaiting review`.
    pub fn words(self) -> String {
        match self {
            Mark::Launched => "Started".to_owned(),
            Mark::Ready => "Ready to start".to_owned(),
            Mark::Foreign => "Not yours".to_owned(),
            Mark::Blocked => "Not now".to_owned(),
            Mark::OwnRequest => "Your own request".to_owned(),
            Mark::Changed => "Changed since the mail".to_owned(),
            plain => sentence_case(plain.word()),
        }
    }
}

impl From<RequestWord> for Mark {
    fn from(state: RequestWord) -> Self {
        match state {
            RequestWord::AwaitingReview => Mark::AwaitingReview,
            RequestWord::Accepted => Mark::Accepted,
            RequestWord::Launched => Mark::Launched,
            RequestWord::Rejected => Mark::Rejected,
            RequestWord::Cancelled => Mark::Cancelled,
            RequestWord::Expired => Mark::Expired,
            RequestWord::Void => Mark::Void,
        }
    }
}

impl From<DeploymentState> for Mark {
    fn from(state: DeploymentState) -> Self {
        match state {
            DeploymentState::Queued => Mark::Queued,
            DeploymentState::Running => Mark::Running,
            DeploymentState::Succeeded => Mark::Succeeded,
            DeploymentState::Failed => Mark::Failed,
            DeploymentState::Cancelled => Mark::Cancelled,
            DeploymentState::Interrupted => Mark::Interrupted,
        }
    }
}

/// `not_permitted` as `Not permitted`.
pub fn sentence_case(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str().replace('_', " "))
}
