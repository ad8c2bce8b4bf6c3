//! What changed between two commits, as values to show.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::name::{CommitId, TagName};

/// A tag of the mirror, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagInfo {
    pub name: TagName,
    pub commit: CommitId,
    /// The id of the tag object; `None` for a lightweight tag.
    pub object: Option<CommitId>,
    /// The tagger's time, or the commit's for a lightweight tag.
    pub at: Timestamp,
    pub author: String,
    /// The annotated message, or the commit's summary. First line only.
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitInfo {
    pub id: CommitId,
    pub author: String,
    pub author_mail: String,
    pub at: Timestamp,
    /// First line of the message.
    pub summary: String,
}

/// A branch of the mirror and the commit at its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchInfo {
    pub name: String,
    pub commit: CommitInfo,
}

/// The tags of a mirror.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagList {
    /// Newest version first, names that are no versions after them.
    pub tags: Vec<TagInfo>,
    /// Tags that can never be released, in the order of their names.
    pub refused: Vec<RefusedTag>,
    /// How many tags with a usable name there are, listed or not.
    pub total: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedTag {
    /// Lossy UTF-8 with deceptive characters replaced; for reading only.
    pub name: String,
    pub why: String,
}

/// The commits that one has and another has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitRange {
    pub total: usize,
    /// Newest first, children before their parents.
    pub commits: Vec<CommitInfo>,
}

/// How one commit stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    Same,
    /// The other is a strict ancestor: this one is newer.
    Newer,
    /// This one is a strict ancestor of the other.
    Older,
    Diverged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    Added,
    Deleted,
    Modified,
    ModeChanged,
    TypeChanged,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStat {
    /// Lossy UTF-8 of git's bytes; may hold anything.
    pub path: String,
    pub status: FileStatus,
    pub added: u64,
    pub deleted: u64,
    pub binary: bool,
    /// `100644 → 100755` and the like, when it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffStat {
    pub files: Vec<FileStat>,
}

impl DiffStat {
    pub fn added(&self) -> u64 {
        self.files.iter().map(|file| file.added).sum()
    }

    pub fn deleted(&self) -> u64 {
        self.files.iter().map(|file| file.deleted).sum()
    }
}

/// The patch as it is sealed: no renames, full index, binary, three lines of
/// context (rules.md 8). Computed once and never again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    pub bytes: Vec<u8>,
    /// Lower-case hexadecimal.
    pub sha256: String,
    pub stat: DiffStat,
}
