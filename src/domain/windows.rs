//! What the calendar says about one instant.

use jiff::Timestamp;

/// When a launch may start: the calendar, asked at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// No calendar: always open (rules.md 51).
    Always,
    Open {
        until: Option<Timestamp>,
        words: String,
    },
    Closed {
        opens: Option<Timestamp>,
        words: String,
    },
}

impl Window {
    pub fn is_open(&self) -> bool {
        !matches!(self, Window::Closed { .. })
    }
}
