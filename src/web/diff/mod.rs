//! The patch of `git diff` as files, hunks and lines to show. The patch is what was
//! sealed, so the page shows that and nothing computed anew; only the order of the
//! files (riskiest first) and the marked words are ours.
//!
//! A patch may be as large as a repository. What is folded or too large keeps its
//! counts but not its lines, until a reader asks for that file.

mod parse;
mod path;
mod words;

use crate::domain::diff::{FileStat, FileStatus};
use crate::domain::risk::{FileRisk, risk_of, riskiness};
use crate::web::html::{counted, file_size};

pub use parse::parse;

/// Above this a page shows files only one at a time.
pub const PATCH_LIMIT: usize = 2_000_000;
/// Above one of these a file is shown only when asked for.
pub const FILE_LIMIT: usize = 200_000;
pub const FILE_LINES: u64 = 2_000;
/// Above this it is not shown at all.
pub const FILE_MAXIMUM: usize = 4_000_000;
/// What is shown of one line.
pub const LINE_LIMIT: usize = 2_000;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// In the patch's own order, which numbers them.
    pub files: Vec<File>,
    /// The size of the whole patch.
    pub bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its place in the patch, from 1: the same in every link to it.
    pub number: usize,
    pub stat: FileStat,
    pub body: Body,
    /// Why it is closed at first.
    pub fold: Option<Fold>,
    /// The size of its part of the patch.
    pub bytes: usize,
    /// The reader asked for it.
    pub asked: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Lines(Vec<Hunk>),
    /// No line changed: an empty file, or only its mode.
    NoLines,
    /// The sizes before and after, where the patch tells them.
    Binary {
        old: Option<u64>,
        new: Option<u64>,
    },
    /// Shown when the reader asks for this file.
    OnDemand,
    TooLarge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    LockFile,
    Vendored,
    Generated,
    Large,
}

impl Fold {
    pub fn words(self) -> &'static str {
        match self {
            Fold::LockFile => "lock file",
            Fold::Vendored => "vendored",
            Fold::Generated => "generated",
            Fold::Large => "large",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The first line of the hunk, in the new file (in the old one where all is deleted).
    pub line: u32,
    /// What git found above it: a function's name, say.
    pub heading: String,
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub kind: LineKind,
    pub old: Option<u32>,
    pub new: Option<u32>,
    pub parts: Vec<Part>,
    /// Bytes that are not shown.
    pub cut: usize,
    pub no_newline: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    Context,
    Added,
    Deleted,
}

/// A piece of a line; changed words are marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub changed: bool,
    pub text: String,
}

impl Diff {
    /// Riskiest first, then largest, then as in the patch.
    pub fn by_risk(&self) -> Vec<&File> {
        let mut files: Vec<&File> = self.files.iter().collect();
        files.sort_by_key(|file| std::cmp::Reverse(riskiness(&file.stat)));
        files
    }

    pub fn is_too_large(&self) -> bool {
        self.bytes > PATCH_LIMIT
    }

    pub fn added(&self) -> u64 {
        self.files.iter().map(|file| file.stat.added).sum()
    }

    pub fn deleted(&self) -> u64 {
        self.files.iter().map(|file| file.stat.deleted).sum()
    }
}

impl File {
    pub fn is_open(&self) -> bool {
        self.fold.is_none() || self.asked
    }

    pub fn risk(&self) -> Option<FileRisk> {
        risk_of(&self.stat)
    }

    /// `A`, `D`, `M`, `T`.
    pub fn letter(&self) -> &'static str {
        match self.stat.status {
            FileStatus::Added => "A",
            FileStatus::Deleted => "D",
            FileStatus::Modified | FileStatus::ModeChanged => "M",
            FileStatus::TypeChanged => "T",
        }
    }

    pub fn status_words(&self) -> &'static str {
        match self.stat.status {
            FileStatus::Added => "added",
            FileStatus::Deleted => "deleted",
            FileStatus::Modified => "modified",
            FileStatus::ModeChanged => "mode changed",
            FileStatus::TypeChanged => "type changed",
        }
    }

    /// The tone of the letter.
    pub fn tone(&self) -> &'static str {
        match self.stat.status {
            FileStatus::Added => "yes",
            FileStatus::Deleted | FileStatus::TypeChanged => "no",
            FileStatus::Modified | FileStatus::ModeChanged => "plain",
        }
    }

    /// How wide the added part of a bar of 40 is.
    pub fn added_width(&self) -> u64 {
        let all = u128::from(self.stat.added) + u128::from(self.stat.deleted);
        let width = (u128::from(self.stat.added) * 40).checked_div(all).unwrap_or(0);
        u64::try_from(width).unwrap_or(40)
    }

    /// How large it is, for a reader who decides whether to open it.
    pub fn size_words(&self) -> String {
        let lines = counted(self.stat.added + self.stat.deleted, "changed line", "changed lines");
        format!("{lines}, {}", file_size(self.bytes as u64))
    }

    pub fn binary_words(&self) -> Option<String> {
        let Body::Binary { old, new } = self.body else { return None };
        let size = |bytes: Option<u64>| bytes.map_or("nothing".to_owned(), file_size);
        (old.is_some() || new.is_some()).then(|| format!("{} → {}", size(old), size(new)))
    }
}

impl Line {
    /// `R12` or, where it is deleted, `L12`.
    pub fn anchor(&self) -> String {
        match (self.new, self.old) {
            (Some(new), _) => format!("R{new}"),
            (None, Some(old)) => format!("L{old}"),
            (None, None) => String::new(),
        }
    }

    pub fn class(&self) -> &'static str {
        match self.kind {
            LineKind::Context => "",
            LineKind::Added => "add",
            LineKind::Deleted => "del",
        }
    }
}

/// Whether a path is one that people rarely read.
pub fn fold_of(path: &str) -> Option<Fold> {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let within = |folders: &[&str]| lower.split('/').any(|part| folders.contains(&part));
    let lock = name.ends_with("-lock.json")
        || name.ends_with("-lock.yaml")
        || extension == "lock"
        || matches!(name, "go.sum" | "npm-shrinkwrap.json");
    if lock {
        Some(Fold::LockFile)
    } else if within(&["vendor", "node_modules", "third_party", "third-party"]) {
        Some(Fold::Vendored)
    } else if within(&["dist", "generated", "__generated__", "__snapshots__"])
        || [".min.js", ".min.css", ".pb.go", "_pb2.py", ".map"].iter().any(|end| name.ends_with(end))
        || extension == "snap"
    {
        Some(Fold::Generated)
    } else {
        None
    }
}
