//! Mirrors, tags, patches and trees, with real git throughout.

mod commits;
mod export;
mod fetch;
mod hostile;
mod names;
mod patch;
mod tags;

use std::path::Path;

use jiff::Timestamp;
use tempfile::TempDir;

use super::support::git::GitRepository;
use crate::domain::name::{CommitId, Name, TagName};
use crate::repo::{Limits, Mirrors, RepoError};

/// A repository of a developer's and the service's mirrors beside it.
struct World {
    folder: TempDir,
    git: GitRepository,
    mirrors: Mirrors,
    app: Name,
}

impl World {
    fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    fn with_limits(limits: Limits) -> Self {
        // No leading dot, which git refuses in a ref that a test makes of the path.
        let folder = tempfile::Builder::new().prefix("repo-").tempdir().unwrap();
        let git = GitRepository::init(folder.path().join("origin"));
        let mirrors = mirrors_at(folder.path(), limits);
        Self { folder, git, mirrors, app: Name::parse("shop").unwrap() }
    }

    async fn fetch(&self) {
        self.try_fetch(&self.git.address()).await.unwrap();
    }

    async fn try_fetch(&self, repository: &str) -> Result<(), RepoError> {
        self.mirrors.fetch(&self.app, repository, at(1)).await
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn mirror(&self) -> std::path::PathBuf {
        self.data().join("mirrors/shop.git")
    }

    /// The names of the tags as the service offers them.
    async fn tag_names(&self) -> Vec<String> {
        let list = self.mirrors.tags(&self.app, 100).await.unwrap();
        list.tags.iter().map(|tag| tag.name.to_string()).collect()
    }
}

fn mirrors_at(folder: &Path, limits: Limits) -> Mirrors {
    Mirrors::with_limits(&folder.join("data"), folder.join("no key"), folder.join("no hosts"), limits)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn id(text: &str) -> CommitId {
    CommitId::parse(text).unwrap()
}

fn tag(text: &str) -> TagName {
    TagName::parse(text).unwrap()
}
