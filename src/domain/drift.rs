//! Whether a host runs what the record says, decided from one reading after the other.
//!
//! A difference is drift only when it lasts: a reading may fall between two facts.
//! A host that does not answer is no drift, and does not end one either.

use jiff::{SignedDuration, Timestamp};

use super::live::{HostWord, LiveRow, LiveState};
use super::name::{CommitId, Name};
use super::request::release_words;

/// What a host said when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub application: Name,
    pub environment: Name,
    pub server: Name,
    pub word: HostWord,
    pub at: Timestamp,
    pub memory: Memory,
}

/// What is remembered from one reading to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    pub unreachable_since: Option<Timestamp>,
    /// Since when it is known to say something else than the record of now.
    pub differs_since: Option<Timestamp>,
    /// The difference outlived its grace, and that is on record.
    pub drifted: bool,
}

/// How a host stands to the record, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Never asked, or the record is newer than the answer.
    NotRead,
    /// Nothing is recorded that the host could differ from.
    NoRecord {
        read_at: Timestamp,
    },
    Agrees {
        read_at: Timestamp,
    },
    /// It differs, and not yet for long.
    Differs {
        since: Timestamp,
        says: String,
    },
    Drifted {
        since: Timestamp,
        says: String,
    },
    Unreachable {
        since: Timestamp,
        why: String,
    },
}

impl Standing {
    pub fn is_drift(&self) -> bool {
        matches!(self, Standing::Drifted { .. })
    }
}

/// What the record says a host runs; nothing while a run left it unsettled.
fn recorded(row: Option<&LiveRow>) -> Option<(&CommitId, Timestamp)> {
    let row = row.filter(|row| row.state == LiveState::Settled)?;
    row.commit.as_ref().map(|commit| (commit, row.at))
}

/// What the host says, where that is another thing than `recorded`.
fn difference(recorded: &CommitId, word: &HostWord) -> Option<String> {
    match word {
        HostWord::Runs { release, in_progress: true, .. } => {
            Some(format!("stands in the middle of a change to {}", release_words(release)))
        }
        HostWord::Runs { commit, release, .. } if commit != recorded => {
            let release = release_words(release);
            let short = commit.short();
            Some(if release == short { format!("says {short}") } else { format!("says {release} ({short})") })
        }
        HostWord::Nothing => Some("says nothing is there".to_owned()),
        HostWord::Runs { .. } | HostWord::Unreachable(_) => None,
    }
}

/// What to remember after a host said `word` at `now`.
pub fn remember(
    before: Memory,
    row: Option<&LiveRow>,
    word: &HostWord,
    now: Timestamp,
    grace: SignedDuration,
) -> Memory {
    if matches!(word, HostWord::Unreachable(_)) {
        return Memory { unreachable_since: Some(before.unreachable_since.unwrap_or(now)), ..before };
    }
    let Some((commit, recorded_at)) = recorded(row) else { return Memory::default() };
    if difference(commit, word).is_none() {
        return Memory::default();
    }
    // What differed from an older record says nothing about this one.
    let since = before.differs_since.filter(|since| *since >= recorded_at).unwrap_or(now);
    Memory {
        unreachable_since: None,
        differs_since: Some(since),
        drifted: now.duration_since(since) >= grace,
    }
}

/// The last reading beside the record of now.
pub fn standing(row: Option<&LiveRow>, reading: Option<&Reading>) -> Standing {
    let Some(reading) = reading else { return Standing::NotRead };
    let Memory { unreachable_since, differs_since, drifted } = reading.memory;
    if row.is_some_and(|row| row.at > reading.at) {
        return Standing::NotRead;
    }
    if let HostWord::Unreachable(why) = &reading.word {
        return Standing::Unreachable { since: unreachable_since.unwrap_or(reading.at), why: why.clone() };
    }
    let Some((commit, _)) = recorded(row) else { return Standing::NoRecord { read_at: reading.at } };
    match difference(commit, &reading.word) {
        None => Standing::Agrees { read_at: reading.at },
        Some(says) => {
            let since = differs_since.unwrap_or(reading.at);
            if drifted { Standing::Drifted { since, says } } else { Standing::Differs { since, says } }
        }
    }
}
