//! Why a use case did nothing. One value with two faces: the page and, later, the
//! problem document. Internal text goes to the log, never to a person.

use jiff::SignedDuration;

use crate::db::DbError;
use crate::domain::gate::{Gate, Verdict};
use crate::domain::request::WrongState;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("sign in first")]
    SignedOut,
    /// It does not exist, or may not be read: nobody learns which.
    #[error("not found")]
    NotFound,
    #[error("{0}")]
    Forbidden(String),
    /// Gates stand in the way; all of them are given, the passing ones too.
    #[error("{}", first_stop(.0))]
    Stopped(Vec<Gate>),
    #[error("{}", .0.words)]
    Gone(Box<Gone>),
    #[error("the form has mistakes")]
    Invalid(Vec<FieldError>),
    #[error("{0}")]
    Conflict(String),
    #[error("{words}")]
    TooMany {
        words: String,
        /// After how long it is worth to try again.
        wait: SignedDuration,
    },
    /// Something outside does not answer; trying again may help.
    #[error("{0}")]
    Unavailable(String),
    #[error("internal: {0}")]
    Internal(String),
}

/// A link that no longer works, and why.
#[derive(Debug, Clone)]
pub struct Gone {
    /// `used`, `expired`, `revoked` … for `data-state`.
    pub state: &'static str,
    pub words: String,
    pub request: i64,
    pub deployment: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub field: &'static str,
    pub message: String,
}

impl FieldError {
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}

impl Refusal {
    pub fn field(field: &'static str, message: impl Into<String>) -> Self {
        Refusal::Invalid(vec![FieldError { field, message: message.into() }])
    }

    pub fn too_many(words: impl Into<String>, wait: SignedDuration) -> Self {
        Refusal::TooMany { words: words.into(), wait }
    }

    /// The HTTP status of rules.md 46.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::SignedOut => 401,
            Refusal::NotFound => 404,
            Refusal::Forbidden(_) => 403,
            Refusal::Stopped(gates) => status_of(gates),
            Refusal::Gone(_) => 410,
            Refusal::Invalid(_) => 422,
            Refusal::Conflict(_) => 409,
            Refusal::TooMany { .. } => 429,
            Refusal::Unavailable(_) => 503,
            Refusal::Internal(_) => 500,
        }
    }
}

/// The gravest of the gates that stop: rights before form before state.
fn status_of(gates: &[Gate]) -> u16 {
    let stops = |code: &str| gates.iter().any(|gate| gate.verdict == Verdict::Stop && gate.code == code);
    if ["permission", "impersonation", "own_request", "requester", "break_glass"].into_iter().any(stops) {
        403
    } else if ["release_allowed", "newer_than_live"].into_iter().any(stops) {
        422
    } else if ["request_limit", "request_rate"].into_iter().any(stops) {
        429
    } else {
        409
    }
}

fn first_stop(gates: &[Gate]) -> String {
    let stop = gates.iter().find(|gate| gate.verdict == Verdict::Stop);
    stop.map_or_else(|| "stopped".to_owned(), |gate| format!("{}: {}", gate.title, gate.remedy))
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Conflict(what) => {
                Refusal::Conflict(format!("Somebody else was faster: {what}. Load the page again."))
            }
            other => Refusal::Internal(other.to_string()),
        }
    }
}

impl From<WrongState> for Refusal {
    fn from(error: WrongState) -> Self {
        Refusal::Conflict(format!(
            "It is {} and cannot be {}.",
            error.state.word().replace('_', " "),
            error.wanted
        ))
    }
}
