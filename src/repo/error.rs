//! What can go wrong with a repository, in words for the person who asked.

use std::error::Error;
use std::sync::Arc;

use super::plain_text;
use crate::domain::name::CommitId;
use crate::domain::repository_url::{RepositoryUrl, RepositoryUrlError};

/// Cheap to clone: everybody who waited for the same fetch gets the same error.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RepoError {
    #[error("the repository address {0}")]
    Refused(#[from] RepositoryUrlError),
    /// With the line of git's that says why.
    #[error("the repository could not be fetched: {0}")]
    Unreachable(String),
    #[error("the repository did not answer in full within {seconds} s")]
    TimedOut { seconds: u64 },
    #[error("the repository has not been fetched yet")]
    NoMirror,
    #[error("the repository has no commit {0}")]
    NoSuchCommit(CommitId),
    #[error("the repository has no branch {0}")]
    NoSuchBranch(String),
    #[error("{0}")]
    TooLarge(String),
    /// The tree holds something that is never brought to a server.
    #[error("{path}: {why}")]
    RefusedTree { path: String, why: &'static str },
    /// The cause is for the log, not for the person.
    #[error("the service could not read its copy of the repository")]
    Internal(#[source] Arc<dyn Error + Send + Sync>),
}

impl RepoError {
    pub(super) fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Internal(Arc::new(cause))
    }

    /// Names the path of a tree that must not be deployed.
    pub(super) fn refused_path(path: &[u8], why: &'static str) -> Self {
        Self::RefusedTree { path: plain_text::line(path), why }
    }
}

impl From<git2::Error> for RepoError {
    fn from(cause: git2::Error) -> Self {
        Self::internal(cause)
    }
}

impl From<std::io::Error> for RepoError {
    fn from(cause: std::io::Error) -> Self {
        Self::internal(cause)
    }
}

/// The last line of git's that says why, without credentials and control characters.
pub(super) fn reason_of(stderr: &[u8], url: &RepositoryUrl) -> String {
    // What git and ssh print after the line that matters.
    const ADVICE: [&str; 4] = [
        "Please make sure you have the correct access rights",
        "and the repository exists.",
        "fatal: Could not read from remote repository.",
        "fatal: early EOF",
    ];
    let lines: Vec<&[u8]> = stderr
        .split(|&b| b == b'\n' || b == b'\r')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .collect();
    let is_advice = |line: &&&[u8]| ADVICE.iter().any(|advice| advice.as_bytes() == **line);
    let last = lines.iter().rev().find(|line| !is_advice(line)).or(lines.last());
    let Some(last) = last else { return "git gave no reason".to_owned() };
    let mut reason = String::from_utf8_lossy(last).into_owned();
    let login = url.login().unwrap_or_default();
    for secret in String::from_utf8_lossy(&login).split(':').filter(|secret| secret.len() > 3) {
        reason = reason.replace(secret, "…");
    }
    let reason = plain_text::line(without_logins(&reason).as_bytes());
    let told = ["fatal: ", "error: ", "remote: "]
        .iter()
        .fold(reason.as_str(), |text, prefix| text.strip_prefix(prefix).unwrap_or(text));
    told.to_owned()
}

/// `https://user:secret@host/` becomes `https://host/`.
fn without_logins(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after.find(|c: char| c == '/' || c == '\'' || c == '"' || c.is_whitespace());
        let authority = &after[..end.unwrap_or(after.len())];
        let login = authority.rfind('@').map_or(0, |at| at + 1);
        rest = &after[login..];
    }
    clean.push_str(rest);
    clean
}
