//! What the calendar says about one instant, for policy.

use jiff::Timestamp;

use super::calendar::Windows;
use super::fleet::Calendar;

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
    /// A calendar that cannot be read is closed: nothing starts by mistake.
    pub fn at(calendar: Option<&Calendar>, now: Timestamp) -> Self {
        let Some(calendar) = calendar else { return Window::Always };
        match Windows::of(calendar) {
            Err(error) => Window::Closed {
                opens: None,
                words: format!("The calendar {} cannot be read: {error}.", calendar.name),
            },
            Ok(windows) if windows.is_open(now) => {
                Window::Open { until: windows.closes_at(now), words: windows.words(now) }
            }
            Ok(windows) => Window::Closed { opens: windows.next_opening(now), words: windows.words(now) },
        }
    }

    pub fn is_open(&self) -> bool {
        !matches!(self, Window::Closed { .. })
    }
}
