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
    /// To owners, requester and those always told.
    DeploymentEnded { deployment: i64, audit_count: i64, audit_mac: String },
}

impl Notice {
    pub fn kind(&self) -> &'static str {
        match self {
            Notice::ReviewAsked { .. } => "review_asked",
            Notice::RequestAccepted { .. } => "request_accepted",
            Notice::RequestEnded { .. } => "request_ended",
            Notice::DeploymentEnded { .. } => "deployment_ended",
        }
    }
}
