//! What can go wrong with GitHub, in words for the person who waits.

use jiff::Timestamp;

use crate::domain::name::is_deceptive;

/// Never holds a token, a code or a secret, so it may be logged and shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitHubError {
    #[error("GitHub cannot be reached ({0}). Try again in a few minutes.")]
    Unreachable(String),
    #[error("GitHub did not answer in time. Try again in a few minutes.")]
    TimedOut,
    #[error("GitHub limits how often we may ask{}.", reset_words(*.until))]
    RateLimited {
        /// When GitHub answers again, if it said so.
        until: Option<Timestamp>,
    },
    #[error("GitHub no longer accepts this sign-in. Sign in again.")]
    Revoked,
    #[error("GitHub refused: {0}")]
    Refused(String),
    #[error("GitHub gave an answer that makes no sense here: {0}")]
    Unexpected(String),
}

impl GitHubError {
    /// Nothing was learned: the last known fact may still be used (rules.md 30).
    /// The other errors are facts themselves.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TimedOut | Self::RateLimited { .. })
    }
}

fn reset_words(until: Option<Timestamp>) -> String {
    match until {
        Some(at) => format!("; it answers again at {}", at.strftime("%H:%M:%S UTC on %-d %b %Y")),
        None => "; try again in a few minutes".to_owned(),
    }
}

/// Words of the other side, fit to be shown: one line, no deceptive characters,
/// at most 200 characters.
pub(super) fn plain_words(text: &str) -> String {
    let visible: String = text.chars().map(|c| if is_deceptive(c) { ' ' } else { c }).collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(200).collect()
}
