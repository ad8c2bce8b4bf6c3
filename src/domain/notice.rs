//! What somebody is to be told, as ids. The mail itself is written when it is
//! sent, from what is true then.

use serde::{Deserialize, Serialize};

use super::words::words;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// To the review list, with the review link.
    ReviewAsked { request: i64, link: i64 },
    /// To the requester, with the launch link.
    RequestAccepted { request: i64, link: i64 },
    /// To the requester: rejected, expired, void or cancelled.
    RequestEnded { request: i64 },
    /// To the requester: a reviewer wants to know something.
    QuestionAsked { request: i64, question: i64 },
    /// To those who asked.
    QuestionAnswered { request: i64, answer: i64 },
    /// To the review list: nobody decided yet, or the time is nearly over.
    ReviewReminder { request: i64, is_last: bool },
    /// To the requester: the slot is nearly over, and nothing was started.
    SlotReminder { request: i64, link: i64 },
    /// To the requester: somebody else revoked the launch link.
    LinkRevoked { request: i64, link: i64 },
    /// To the review list of before: who approves in a place has changed. The facts are
    /// those of the audit row.
    ApprovalChanged { audit: i64 },
    /// To owners, requester and those always told.
    DeploymentEnded { deployment: i64, audit_count: i64, audit_mac: String },
    /// To the requester of an accepted request: it is held up, or no longer. `released`:
    /// the freeze was changed, and lets it go on though it is not over.
    FreezeTold {
        freeze: i64,
        request: i64,
        #[serde(default)]
        released: bool,
    },
    /// To everybody concerned: somebody broke the glass.
    GlassBroken { deployment: i64 },
    /// To those who may sign it: nobody has.
    OverrideUnsigned { deployment: i64 },
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Request(i64),
    Deployment(i64),
    /// A row of the audit trail.
    Audit(i64),
}

impl std::fmt::Display for About {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            About::Request(id) => write!(f, "request {id}"),
            About::Deployment(id) => write!(f, "deployment {id}"),
            About::Audit(seq) => write!(f, "audit row {seq}"),
        }
    }
}

impl Notice {
    pub fn about(&self) -> About {
        match self {
            Notice::ReviewAsked { request, .. }
            | Notice::RequestAccepted { request, .. }
            | Notice::RequestEnded { request }
            | Notice::FreezeTold { request, .. }
            | Notice::QuestionAsked { request, .. }
            | Notice::QuestionAnswered { request, .. }
            | Notice::ReviewReminder { request, .. }
            | Notice::LinkRevoked { request, .. }
            | Notice::SlotReminder { request, .. } => About::Request(*request),
            Notice::ApprovalChanged { audit } => About::Audit(*audit),
            Notice::DeploymentEnded { deployment, .. }
            | Notice::GlassBroken { deployment }
            | Notice::OverrideUnsigned { deployment } => About::Deployment(*deployment),
        }
    }

    /// To people, with whom it goes to.
    pub fn words(&self) -> &'static str {
        match self {
            Notice::ReviewAsked { .. } => "A review is asked for, to the review list",
            Notice::RequestAccepted { .. } => "The launch link, to the requester",
            Notice::RequestEnded { .. } => "The request ended, to the requester",
            Notice::QuestionAsked { .. } => "A question, to the requester",
            Notice::QuestionAnswered { .. } => "The answer to a question, to who asked",
            Notice::ReviewReminder { .. } => "A reminder, to the review list",
            Notice::LinkRevoked { .. } => "The launch link was revoked, to the requester",
            Notice::SlotReminder { .. } => "A slot is nearly over, to the requester",
            Notice::ApprovalChanged { .. } => "Approval has changed, to the review list of before",
            Notice::DeploymentEnded { .. } => "The deployment ended, to owners and requester",
            Notice::FreezeTold { .. } => "A freeze holds the request up or is over, to the requester",
            Notice::GlassBroken { .. } => "Somebody broke the glass, to everybody concerned",
            Notice::OverrideUnsigned { .. } => "Nobody has signed the override, to who may",
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Notice::ReviewAsked { .. } => "review_asked",
            Notice::RequestAccepted { .. } => "request_accepted",
            Notice::RequestEnded { .. } => "request_ended",
            Notice::QuestionAsked { .. } => "question_asked",
            Notice::QuestionAnswered { .. } => "question_answered",
            Notice::ReviewReminder { .. } => "review_reminder",
            Notice::LinkRevoked { .. } => "link_revoked",
            Notice::SlotReminder { .. } => "slot_reminder",
            Notice::ApprovalChanged { .. } => "approval_changed",
            Notice::DeploymentEnded { .. } => "deployment_ended",
            Notice::FreezeTold { .. } => "freeze_told",
            Notice::GlassBroken { .. } => "glass_broken",
            Notice::OverrideUnsigned { .. } => "override_unsigned",
        }
    }
}

/// How far a notice has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be delivered, now or at the next try.
    Waiting,
    Delivered,
    /// No further try is made unless somebody asks for it.
    GivenUp,
    /// Somebody had it sent again with a new link.
    Replaced,
}

words!(DeliveryState {
    Waiting => "waiting",
    Delivered => "delivered",
    GivenUp => "given_up",
    Replaced => "replaced",
});
