//! What is mailed: one file for each kind of mail, each a struct of facts with
//! one function that makes the letter.

mod deployment_ended;
mod freeze_told;
mod glass_broken;
mod parts;
mod patch;
mod question_asked;
mod request_accepted;
mod request_ended;
mod request_rejected;
mod review_asked;

pub use deployment_ended::{AuditHead, DeploymentEnded, HostLine};
pub use freeze_told::FreezeTold;
pub use glass_broken::GlassBroken;
pub use parts::{Change, Moment, Thread};
pub use question_asked::QuestionAsked;
pub use request_accepted::RequestAccepted;
pub use request_ended::{Difference, Ending, RequestEnded};
pub use request_rejected::RequestRejected;
pub use review_asked::{ReviewAsked, Risk};
