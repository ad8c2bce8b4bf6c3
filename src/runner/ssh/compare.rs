//! What a sync would add to a host and delete from it, asked of rsync itself
//! before anything is changed.
//!
//! In a run contents are not compared: that is the sync's work. What counts there is
//! what a wrong target or a wrong tree would do, and that shows in what is deleted.
//! A preview compares them too.

use std::ffi::OsString;
use std::process::Stdio;

use tokio_util::sync::CancellationToken;

use super::connection::{Connection, program};
use super::remote::Stopped;
use super::sync::{Way, dry_run_args, preview_args};
use super::words;
use crate::domain::preview::Changes;

/// How many files a host would get and lose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    pub added: u64,
    pub deleted: u64,
    /// Files that the host has now.
    pub files: u64,
    /// The first of those that would go.
    pub sample: Vec<String>,
}

/// Paths that are shown.
const SAMPLE: usize = 20;

/// Fewer than this are never too many (rules.md 25).
const ALWAYS_ALLOWED: u64 = 20;

impl Comparison {
    /// Whether more goes than the environment allows without being asked.
    pub fn exceeds(&self, percent: u8) -> bool {
        exceeds(self.deleted, self.files, percent)
    }

    /// Reads what rsync printed: `%i %n` for each entry, then its statistics.
    pub fn parse(text: &str) -> Self {
        let mut comparison = Self::default();
        let mut source_files = 0;
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("*deleting") {
                let path = path.trim_start();
                if path.ends_with('/') {
                    continue;
                }
                comparison.deleted += 1;
                if comparison.sample.len() < SAMPLE {
                    comparison.sample.push(words::printable(path));
                }
            } else if line.starts_with("<f+++") || line.starts_with("cL+++") {
                comparison.added += 1;
            } else if let Some(counts) = line.strip_prefix("Number of files: ") {
                source_files = count_of(counts, "reg: ") + count_of(counts, "link: ");
            }
        }
        comparison.files = (source_files + comparison.deleted).saturating_sub(comparison.added);
        comparison
    }
}

fn exceeds(deleted: u64, files: u64, percent: u8) -> bool {
    deleted > ALWAYS_ALLOWED && deleted * 100 > files * u64::from(percent)
}

/// What would be added, changed and deleted, from the same form of answer.
pub fn parse_changes(text: &str, delete_threshold: u8) -> Changes {
    let mut changes = Changes::default();
    let mut source_files = 0;
    let note = |paths: &mut Vec<String>, path: &str| {
        if paths.len() < SAMPLE {
            paths.push(words::printable(path));
        }
    };
    for line in text.lines() {
        let Some((what, path)) = line.split_once(' ') else { continue };
        let path = path.trim_start();
        if what == "*deleting" {
            if !path.ends_with('/') {
                changes.deleted += 1;
                note(&mut changes.deleted_paths, path);
            }
        } else if let Some(counts) = line.strip_prefix("Number of files: ") {
            source_files = count_of(counts, "reg: ") + count_of(counts, "link: ");
        } else if what.len() == 11 && (what.starts_with("<f") || what.starts_with("cL")) {
            if what[2..].starts_with("+++") {
                changes.added += 1;
                note(&mut changes.added_paths, path);
            } else {
                changes.changed += 1;
                note(&mut changes.changed_paths, path);
            }
        }
    }
    changes.files = (source_files + changes.deleted).saturating_sub(changes.added);
    changes.beyond_threshold = exceeds(changes.deleted, changes.files, delete_threshold);
    changes
}

/// `1,234` after the word.
fn count_of(text: &str, word: &str) -> u64 {
    let Some((_, rest)) = text.split_once(word) else { return 0 };
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    digits.replace(',', "").parse().unwrap_or(0)
}

pub async fn compare(
    connection: &Connection,
    way: Way<'_>,
    cancel: &CancellationToken,
) -> Result<Comparison, Stopped> {
    let args = dry_run_args(way, &connection.socket);
    Ok(Comparison::parse(&answer(connection, args, cancel).await?))
}

/// All that would change, for a preview.
pub async fn changes(
    connection: &Connection,
    way: Way<'_>,
    deletes: bool,
    delete_threshold: u8,
    cancel: &CancellationToken,
) -> Result<Changes, Stopped> {
    let args = preview_args(way, deletes, &connection.socket);
    Ok(parse_changes(&answer(connection, args, cancel).await?, delete_threshold))
}

/// What a dry run prints.
async fn answer(
    connection: &Connection,
    args: Vec<OsString>,
    cancel: &CancellationToken,
) -> Result<String, Stopped> {
    let local = |error: std::io::Error| Stopped::from(words::local("rsync", &error));
    let _slot = connection.slots.acquire().await.map_err(|_| words::connection_lost())?;
    let child = program("rsync", &connection.folder)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(local)?;
    let output = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(Stopped::Cancelled),
        output = child.wait_with_output() => output.map_err(local)?,
    };
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(words::rsync_failure(output.status.code(), &stderr).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
