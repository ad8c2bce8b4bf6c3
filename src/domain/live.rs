//! What is live: the record of each server, and what follows from it together
//! with what the hosts say (rules.md 7).

use jiff::Timestamp;

use super::name::{CommitId, Name};
use super::policy::LiveFacts;
use super::request::{from_words, release_words};
use super::words::words;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiveState {
    /// A run ended with this release there, verified.
    Settled,
    /// A run began to change it and did not come to an end.
    Unknown,
}

words!(LiveState { Settled => "settled", Unknown => "unknown" });

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRow {
    pub server: Name,
    /// The last settled release, also while the state is unknown.
    pub commit: Option<CommitId>,
    pub release: Option<String>,
    pub state: LiveState,
    pub deployment: Option<i64>,
    pub at: Timestamp,
}

/// What a host answered when it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostWord {
    Runs { commit: CommitId, release: String, in_progress: bool },
    Nothing,
    Unreachable(String),
}

/// The distinct commits of the record, of the servers that count.
pub fn recorded_commits<'a>(rows: &'a [LiveRow], servers: &[Name]) -> Vec<&'a CommitId> {
    let mut commits: Vec<&CommitId> = rows
        .iter()
        .filter(|row| servers.contains(&row.server))
        .filter_map(|row| row.commit.as_ref())
        .collect();
    commits.sort();
    commits.dedup();
    commits
}

/// The hosts' common answer where there is no record at all: adoption.
pub fn agreed(words: &[(Name, HostWord)]) -> Option<(&CommitId, &str)> {
    let mut agreed: Option<(&CommitId, &str)> = None;
    for (_, word) in words {
        let HostWord::Runs { commit, release, in_progress: false } = word else { return None };
        match agreed {
            Some((known, _)) if known != commit => return None,
            _ => agreed = Some((commit, release)),
        }
    }
    agreed
}

/// Record and hosts side by side. `base` is the recorded commit that is an
/// ancestor of all others, when several are live.
pub fn live_facts(
    rows: &[LiveRow],
    servers: &[Name],
    words: &[(Name, HostWord)],
    base: Option<&CommitId>,
) -> LiveFacts {
    let commits = recorded_commits(rows, servers);
    let row_of = |server: &Name| rows.iter().find(|row| &row.server == server);
    let mut facts = LiveFacts { mixed: commits.len() > 1, ..LiveFacts::default() };
    facts.from = base.or(commits.first().copied()).cloned();
    let release = facts.from.as_ref().and_then(|from| {
        rows.iter().find(|row| row.commit.as_ref() == Some(from)).and_then(|row| row.release.clone())
    });
    facts.from_words = from_words(release.as_deref(), facts.from.as_ref());
    let no_record = commits.is_empty();
    if no_record && let Some((commit, release)) = agreed(words) {
        facts.adopted = true;
        facts.from = Some(commit.clone());
        facts.from_words = release_words(release);
    }
    for (server, word) in words {
        let recorded = row_of(server).and_then(|row| row.commit.as_ref());
        match word {
            HostWord::Unreachable(why) => facts.unreachable.push(format!("{server}: {why}")),
            HostWord::Runs { release, in_progress: true, .. } => {
                facts
                    .drifted
                    .push(format!("{server} stands in the middle of a change to {}", release_words(release)));
            }
            HostWord::Runs { commit, release, .. } if !facts.adopted && Some(commit) != recorded => {
                facts.drifted.push(format!("{server} says {}", release_words(release)));
            }
            HostWord::Nothing if recorded.is_some() => {
                facts.drifted.push(format!("{server} says nothing is there"));
            }
            HostWord::Runs { .. } | HostWord::Nothing => {}
        }
    }
    facts.unknown = servers
        .iter()
        .filter(|server| row_of(server).is_some_and(|row| row.state == LiveState::Unknown))
        .cloned()
        .collect();
    facts
}
