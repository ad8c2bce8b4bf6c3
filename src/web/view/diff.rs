//! What changes between two releases: files riskiest first, or the commits.

use askama::Template;

use super::{Link, Section, Shell, Size};
use crate::domain::diff::CommitInfo;
use crate::web::diff::{Body, Diff};
use crate::web::html::filters;

#[derive(Debug, Template)]
#[template(path = "diff.html")]
pub struct DiffPage {
    pub shell: Shell,
    pub application: String,
    pub environment: Option<String>,
    /// Tag or short commit; `None`: compared with nothing, every file is new.
    pub from: Option<String>,
    pub to: String,
    /// The seal's, when this is the diff of a request.
    pub fingerprint: Option<String>,
    /// To the request or review that led here.
    pub back: Option<Link>,
    /// The page's own address with its query, without `view` and `file`.
    pub href: String,
    pub view: DiffView,
    pub size: Size,
}

#[derive(Debug)]
pub enum DiffView {
    Files(Diff),
    /// Newest first.
    Commits(Vec<CommitInfo>),
}

impl DiffPage {
    /// `too_large`: nothing is shown at once, each file when asked for.
    fn state(&self) -> &'static str {
        match &self.view {
            DiffView::Files(diff) if diff.files.is_empty() => "empty",
            DiffView::Files(diff) if diff.is_too_large() => "too_large",
            DiffView::Commits(commits) if commits.is_empty() => "empty",
            DiffView::Files(_) | DiffView::Commits(_) => "ready",
        }
    }

    fn shows_commits(&self) -> bool {
        matches!(self.view, DiffView::Commits(_))
    }

    /// The address with one more parameter.
    fn with(&self, parameter: &str) -> String {
        let joint = if self.href.contains('?') { '&' } else { '?' };
        format!("{}{joint}{parameter}", self.href)
    }

    fn file_href(&self, number: usize) -> String {
        format!("{}#f{number}", self.with(&format!("file={number}")))
    }
}
