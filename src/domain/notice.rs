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
    /// To the requester of an accepted request: it is held up, or no longer.
    FreezeTold { freeze: i64, request: i64 },
    /// To everybody concerned: somebody broke the glass.
    GlassBroken { deployment: i64 },
    /// To those who may sign it: nobody has.
    OverrideUnsigned { deployment: i64 },
}

impl Notice {
    pub fn kind(&self) -> &'static str {
        match self {
            Notice::ReviewAsked { .. } => "review_asked",
            Notice::RequestAccepted { .. } => "request_accepted",
            Notice::RequestEnded { .. } => "request_ended",
            Notice::DeploymentEnded { .. } => "deployment_ended",
            Notice::FreezeTold { .. } => "freeze_told",
            Notice::GlassBroken { .. } => "glass_broken",
            Notice::OverrideUnsigned { .. } => "override_unsigned",
        }
    }
}
