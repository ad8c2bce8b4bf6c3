//! How much of a patch a mail shows, and what it attaches.
//!
//! Up to 60 KB stand in the mail. Up to 1 MB the whole is attached, byte for
//! byte what was sealed. Above, stat, hash and link must do (rules.md 50).

use super::super::letter::Attachment;
use super::super::text::{count, visible};
use super::parts::Change;
use crate::domain::diff::{DiffStat, Patch};

const INLINE_LIMIT: usize = 60 * 1024;
const ATTACHED_LIMIT: usize = 1024 * 1024;
const FILES_SHOWN: usize = 15;

/// Consecutive lines of one kind.
pub(super) struct Run {
    /// A class of the style sheet, or empty.
    pub(super) class: &'static str,
    pub(super) text: String,
}

/// What the mail shows of the patch.
pub(super) struct Shown {
    /// Empty when the patch is too large to be shown.
    pub(super) text: String,
    /// What is missing, and where it is.
    pub(super) notice: Option<String>,
}

pub(super) fn shown(patch: &Patch) -> Shown {
    let size = patch.bytes.len();
    if size > ATTACHED_LIMIT {
        let notice = format!(
            "The patch is too large for a mail ({}). Its SHA-256 is {}; read it on the page.",
            size_words(size),
            patch.sha256
        );
        return Shown { text: String::new(), notice: Some(notice) };
    }
    let text = String::from_utf8_lossy(&patch.bytes[..size.min(INLINE_LIMIT)]).into_owned();
    if size <= INLINE_LIMIT {
        let notice = if size == 0 { Some("Nothing differs.".to_owned()) } else { None };
        return Shown { text, notice };
    }
    // To the last whole line, if there is one.
    let end = text.rfind('\n').map_or(text.len(), |end| end + 1);
    let notice = format!(
        "Shortened to {} of {}. The whole patch is attached.",
        size_words(INLINE_LIMIT),
        size_words(size)
    );
    Shown { text: text[..end].to_owned(), notice: Some(notice) }
}

pub(super) fn attachment(patch: &Patch, change: &Change) -> Option<Attachment> {
    if patch.bytes.is_empty() || patch.bytes.len() > ATTACHED_LIMIT {
        return None;
    }
    let from = change.from.as_deref().unwrap_or("nothing");
    Some(Attachment {
        file_name: format!("{}-{from}-{}.patch", change.application, change.to),
        kind: "text/x-diff",
        bytes: patch.bytes.clone(),
    })
}

/// The lines to colour. Only inside a hunk do `+` and `-` mean a change.
pub(super) fn runs(patch: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut in_hunk = false;
    // Before the escaper, which drops what a patch has to show.
    for line in visible(patch, false).split_inclusive('\n') {
        if line.starts_with("diff --git ") {
            in_hunk = false;
        } else if line.starts_with("@@ ") {
            in_hunk = true;
        }
        let class = match line.as_bytes().first() {
            Some(b'+') if in_hunk => "letter-add",
            Some(b'-') if in_hunk => "letter-del",
            _ => "",
        };
        match runs.last_mut() {
            Some(run) if run.class == class => run.text.push_str(line),
            _ => runs.push(Run { class, text: line.to_owned() }),
        }
    }
    runs
}

/// ` +34  −21  src/checkout/payment.py`, a line a file, the first ones.
pub(super) fn stat_lines(stat: &DiffStat) -> Vec<String> {
    let mut lines: Vec<String> = stat
        .files
        .iter()
        .take(FILES_SHOWN)
        .map(|file| {
            let path: String = file.path.chars().map(|c| if c == '\n' { '␊' } else { c }).collect();
            let mode = file.mode.as_ref().map(|mode| format!(" ({mode})")).unwrap_or_default();
            if file.binary {
                format!("{:>13}  {path}{mode}", "binary")
            } else {
                let (added, deleted) = (format!("+{}", file.added), format!("−{}", file.deleted));
                format!("{added:>6} {deleted:>6}  {path}{mode}")
            }
        })
        .collect();
    let more = stat.files.len().saturating_sub(FILES_SHOWN);
    let all = format!("+{} −{} in all", stat.added(), stat.deleted());
    lines.push(if more == 0 { all } else { format!("and {}, {all}", count(more, "more file")) });
    lines
}

fn size_words(bytes: usize) -> String {
    if bytes >= 1024 * 1024 {
        format!("{}.{} MB", bytes / (1024 * 1024), bytes % (1024 * 1024) * 10 / (1024 * 1024))
    } else {
        format!("{} KB", bytes.div_ceil(1024))
    }
}
