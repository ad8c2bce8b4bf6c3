//! What is mailed: one file for each kind of mail, each a struct of facts with
//! one function that makes the letter.

mod approval_changed;
mod deployment_ended;
mod freeze_told;
mod glass_broken;
mod link_revoked;
mod parts;
mod patch;
mod question_answered;
mod question_asked;
mod request_accepted;
mod request_ended;
mod request_rejected;
mod review_asked;
mod review_reminder;
mod slot_reminder;

pub use approval_changed::ApprovalChanged;
pub use deployment_ended::{AuditHead, DeploymentEnded, HostLine};
pub use freeze_told::FreezeTold;
pub use glass_broken::GlassBroken;
pub use link_revoked::LinkRevoked;
pub use parts::{Change, Moment, Thread};
pub use question_answered::{Question, QuestionAnswered};
pub use question_asked::QuestionAsked;
pub use request_accepted::RequestAccepted;
pub use request_ended::{Difference, Ending, RequestEnded};
pub use request_rejected::RequestRejected;
pub use review_asked::{ReviewAsked, Risk};
pub use review_reminder::ReviewReminder;
pub use slot_reminder::SlotReminder;
