//! What somebody is to be told, as ids. The mail itself is written when it is
//! sent, from what is true then.

use serde::{Deserialize, Serialize};

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
    /// To the review list of before: who approves in a place has changed. The facts are
    /// those of the audit row.
    ApprovalChanged { audit: i64 },
    /// To owners, requester and those always told.
    DeploymentEnded { deployment: i64, audit_count: i64, audit_mac: String },
}

impl Notice {
    pub fn kind(&self) -> &'static str {
        match self {
            Notice::ReviewAsked { .. } => "review_asked",
            Notice::RequestAccepted { .. } => "request_accepted",
            Notice::RequestEnded { .. } => "request_ended",
            Notice::QuestionAsked { .. } => "question_asked",
            Notice::QuestionAnswered { .. } => "question_answered",
            Notice::ReviewReminder { .. } => "review_reminder",
            Notice::SlotReminder { .. } => "slot_reminder",
            Notice::ApprovalChanged { .. } => "approval_changed",
            Notice::DeploymentEnded { .. } => "deployment_ended",
        }
    }
}
