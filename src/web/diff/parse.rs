//! From the bytes of our own `git diff` (no renames, full index, binary, three lines
//! of context) to files. It never fails: what it does not understand it passes over,
//! because a page that shows less is better than none, and the counts are git's.
//!
//! The length of a hunk is taken from its head, so that text which looks like a head
//! is text.

use super::{
    Body, Diff, FILE_LIMIT, FILE_LINES, FILE_MAXIMUM, File, Fold, Hunk, LINE_LIMIT, Line, LineKind,
    PATCH_LIMIT, Part, fold_of, path, words,
};
use crate::domain::diff::{FileStat, FileStatus};

/// `asked` is the number of a file that the reader wants to see whatever its size.
pub fn parse(patch: &[u8], asked: Option<usize>) -> Diff {
    let mut rest = Lines { bytes: patch };
    let mut files = Vec::new();
    while let Some(line) = rest.next() {
        if let Some(header) = line.strip_prefix(b"diff --git ") {
            let number = files.len() + 1;
            let small = patch.len() <= PATCH_LIMIT;
            files.push(file(number, header, &mut rest, small, asked == Some(number)));
        }
    }
    Diff { files, bytes: patch.len() }
}

#[derive(Clone)]
struct Lines<'a> {
    bytes: &'a [u8],
}

impl<'a> Lines<'a> {
    fn peek(&self) -> Option<&'a [u8]> {
        self.clone().next()
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.bytes.is_empty() {
            return None;
        }
        let end = self.bytes.iter().position(|byte| *byte == b'\n');
        let line = &self.bytes[..end.unwrap_or(self.bytes.len())];
        self.bytes = &self.bytes[end.map_or(self.bytes.len(), |end| end + 1)..];
        Some(line)
    }
}

#[derive(Default)]
struct Head {
    old_mode: Option<String>,
    new_mode: Option<String>,
    created: bool,
    deleted: bool,
    old_path: Option<String>,
    new_path: Option<String>,
    binary: Option<(Option<u64>, Option<u64>)>,
}

fn file(number: usize, header: &[u8], rest: &mut Lines<'_>, small: bool, asked: bool) -> File {
    let begin = rest.bytes.len();
    let head = head(rest);
    let hunks_begin = rest.clone();
    let counts = skip_hunks(rest);
    let bytes = begin - rest.bytes.len();

    let path = head.new_path.or(head.old_path).unwrap_or_else(|| path::of_header(header));
    let mode = match (&head.old_mode, &head.new_mode) {
        (Some(old), Some(new)) if old != new => Some(format!("{old} → {new}")),
        _ => None,
    };
    let kind = |mode: &Option<String>| mode.as_ref().map(|mode| mode[..mode.len().min(3)].to_owned());
    let status = if head.created {
        FileStatus::Added
    } else if head.deleted {
        FileStatus::Deleted
    } else if mode.is_some() && kind(&head.old_mode) != kind(&head.new_mode) {
        FileStatus::TypeChanged
    } else if mode.is_some() && counts.lines == 0 && head.binary.is_none() {
        FileStatus::ModeChanged
    } else {
        FileStatus::Modified
    };

    let large = bytes > FILE_LIMIT || counts.lines > FILE_LINES;
    let fold = fold_of(&path).or((large || !small).then_some(Fold::Large));
    let body = match head.binary {
        Some((new, old)) => Body::Binary { old, new },
        None if counts.lines == 0 => Body::NoLines,
        None if bytes > FILE_MAXIMUM => Body::TooLarge,
        None if !asked && (large || !small) => Body::OnDemand,
        None => Body::Lines(hunks(hunks_begin)),
    };
    let binary = matches!(body, Body::Binary { .. });
    let stat = FileStat { path, status, added: counts.added, deleted: counts.deleted, binary, mode };
    File { number, stat, body, fold, bytes, asked }
}

/// Reads up to the first hunk, or up to the end of a file without one.
fn head(rest: &mut Lines<'_>) -> Head {
    let mut head = Head::default();
    let text = |bytes: &[u8]| Some(String::from_utf8_lossy(bytes).into_owned());
    while let Some(line) = rest.peek() {
        if line.starts_with(b"@@ ") || line.starts_with(b"diff --git ") {
            break;
        }
        rest.next();
        if let Some(mode) = line.strip_prefix(b"old mode ") {
            head.old_mode = text(mode);
        } else if let Some(mode) = line.strip_prefix(b"new mode ") {
            head.new_mode = text(mode);
        } else if line.starts_with(b"new file mode ") {
            head.created = true;
        } else if line.starts_with(b"deleted file mode ") {
            head.deleted = true;
        } else if let Some(side) = line.strip_prefix(b"--- ") {
            head.old_path = path::of_side(side, "a/");
        } else if let Some(side) = line.strip_prefix(b"+++ ") {
            head.new_path = path::of_side(side, "b/");
        } else if line.starts_with(b"Binary files ") {
            head.binary = Some((None, None));
        } else if line == b"GIT binary patch" {
            head.binary = Some((binary_size(rest), binary_size(rest)));
        }
    }
    head
}

/// The size that one half of a binary patch tells: the new file's, then the old one's.
fn binary_size(rest: &mut Lines<'_>) -> Option<u64> {
    let line = rest.next()?;
    let size = line.strip_prefix(b"literal ").and_then(|size| std::str::from_utf8(size).ok()?.parse().ok());
    for line in rest.by_ref() {
        if line.is_empty() {
            break;
        }
    }
    size
}

#[derive(Default)]
struct Counts {
    lines: u64,
    added: u64,
    deleted: u64,
}

fn skip_hunks(rest: &mut Lines<'_>) -> Counts {
    let mut counts = Counts::default();
    while let Some(range) = rest.peek().and_then(hunk_head) {
        rest.next();
        each_line(rest, &range, |read| {
            let Read::Line(kind, _) = read else { return };
            counts.lines += 1;
            counts.added += u64::from(kind == LineKind::Added);
            counts.deleted += u64::from(kind == LineKind::Deleted);
        });
    }
    counts
}

fn hunks(mut rest: Lines<'_>) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    while let Some(range) = rest.peek().and_then(hunk_head) {
        rest.next();
        let (mut old, mut new) = (range.old_start, range.new_start);
        let mut lines: Vec<Line> = Vec::new();
        each_line(&mut rest, &range, |read| match read {
            Read::NoNewline => {
                if let Some(last) = lines.last_mut() {
                    last.no_newline = true;
                }
            }
            Read::Line(kind, text) => {
                lines.push(line(kind, text, old, new));
                old = old.saturating_add(u32::from(kind != LineKind::Added));
                new = new.saturating_add(u32::from(kind != LineKind::Deleted));
            }
        });
        words::mark(&mut lines);
        let line = if range.new_lines == 0 { range.old_start } else { range.new_start };
        hunks.push(Hunk { line, heading: range.heading, lines });
    }
    hunks
}

fn line(kind: LineKind, text: &[u8], old: u32, new: u32) -> Line {
    let shown = &text[..text.len().min(LINE_LIMIT)];
    Line {
        kind,
        old: (kind != LineKind::Added).then_some(old),
        new: (kind != LineKind::Deleted).then_some(new),
        parts: vec![Part { changed: false, text: String::from_utf8_lossy(shown).into_owned() }],
        cut: text.len() - shown.len(),
        no_newline: false,
    }
}

struct Range {
    old_start: u32,
    old_lines: u32,
    new_start: u32,
    new_lines: u32,
    heading: String,
}

/// `@@ -12,7 +12,9 @@ fn open()`.
fn hunk_head(line: &[u8]) -> Option<Range> {
    let text = String::from_utf8_lossy(line);
    let (ranges, heading) = text.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let numbers = |side: &str| -> Option<(u32, u32)> {
        let (start, lines) = side.split_once(',').unwrap_or((side, "1"));
        Some((start.parse().ok()?, lines.parse().ok()?))
    };
    let ((old_start, old_lines), (new_start, new_lines)) = (numbers(old)?, numbers(new)?);
    let heading = heading.trim().chars().take(120).collect();
    Some(Range { old_start, old_lines, new_start, new_lines, heading })
}

enum Read<'a> {
    Line(LineKind, &'a [u8]),
    /// The line before it does not end in a newline.
    NoNewline,
}

/// Hands over as many lines as the head of the hunk promises.
fn each_line(rest: &mut Lines<'_>, range: &Range, mut with: impl FnMut(Read<'_>)) {
    let (mut old, mut new) = (range.old_lines, range.new_lines);
    loop {
        if rest.peek().is_some_and(|line| line.starts_with(b"\\")) {
            rest.next();
            with(Read::NoNewline);
            continue;
        }
        if old == 0 && new == 0 {
            return;
        }
        let Some(line) = rest.next() else { return };
        let kind = match line.first() {
            Some(b'+') => LineKind::Added,
            Some(b'-') => LineKind::Deleted,
            _ => LineKind::Context,
        };
        old = old.saturating_sub(u32::from(kind != LineKind::Added));
        new = new.saturating_sub(u32::from(kind != LineKind::Deleted));
        with(Read::Line(kind, line.get(1..).unwrap_or_default()));
    }
}
