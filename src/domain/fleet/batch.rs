//! How many hosts are changed at a time.

use serde::{Deserialize, Serialize};

const WRONG: &str = "must be a number from 1, or a share like \"25%\"";

/// A number of hosts, or a share of them: `2`, `"25%"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BatchWords", into = "BatchWords")]
pub enum Batch {
    Count(u32),
    Percent(u8),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum BatchWords {
    Count(u32),
    Share(String),
}

impl Batch {
    /// Reads a share.
    pub fn share(text: &str) -> Result<Self, &'static str> {
        let percent = text.strip_suffix('%').and_then(|digits| digits.parse().ok());
        percent.filter(|percent| (1..=100).contains(percent)).map(Batch::Percent).ok_or(WRONG)
    }

    /// How many of `hosts` that is; at least one.
    pub fn of(self, hosts: usize) -> usize {
        match self {
            Batch::Count(count) => usize::try_from(count).unwrap_or(usize::MAX).max(1),
            Batch::Percent(percent) => (hosts * usize::from(percent)).div_ceil(100).max(1),
        }
    }
}

impl TryFrom<BatchWords> for Batch {
    type Error = &'static str;

    fn try_from(words: BatchWords) -> Result<Self, Self::Error> {
        match words {
            BatchWords::Count(count) if count > 0 => Ok(Batch::Count(count)),
            BatchWords::Count(_) => Err(WRONG),
            BatchWords::Share(text) => Batch::share(&text),
        }
    }
}

impl From<Batch> for BatchWords {
    fn from(batch: Batch) -> Self {
        match batch {
            Batch::Count(count) => BatchWords::Count(count),
            Batch::Percent(percent) => BatchWords::Share(format!("{percent}%")),
        }
    }
}
