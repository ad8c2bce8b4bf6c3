//! The file `.git_release` in a target folder: what a host says that it runs.
//!
//! Four lines (ref, commit, UTC time, path) and a fifth, `in progress`, while a
//! deployment is changing the folder. The form is older than this program; other
//! tools on the hosts read it.

use jiff::Timestamp;

use super::name::CommitId;

pub const FILE_NAME: &str = ".git_release";

const IN_PROGRESS: &str = "in progress";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRelease {
    pub release: String,
    pub commit: CommitId,
    pub at: String,
    pub path: String,
    pub in_progress: bool,
}

impl GitRelease {
    pub fn new(release: &str, commit: &CommitId, now: Timestamp, path: &str, in_progress: bool) -> Self {
        let at = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        Self { release: release.to_owned(), commit: commit.clone(), at, path: path.to_owned(), in_progress }
    }

    /// The whole file, with its last line end.
    pub fn text(&self) -> String {
        let mark = if self.in_progress { "in progress\n" } else { "" };
        format!("{}\n{}\n{}\n{}\n{mark}", self.release, self.commit, self.at, self.path)
    }

    /// `None` when the text is no such file; the host then counts as running nothing known.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut next = || lines.next().map(str::to_owned);
        let (release, commit) = (next()?, CommitId::parse(next()?.trim()).ok()?);
        let (at, path) = (next()?, next()?);
        let in_progress = next().is_some_and(|line| line.trim() == IN_PROGRESS);
        Some(Self { release, commit, at, path, in_progress })
    }
}
