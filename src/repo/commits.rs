//! Commits of a mirror: what they are, how they stand to each other, and which ones
//! must never be lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::Duration;

use git2::{Commit, ErrorCode, Oid, Reference, Repository, Revwalk, Sort};
use jiff::Timestamp;

use super::error::RepoError;
use super::{Mirrors, mirror, plain_text};
use crate::domain::diff::{CommitInfo, CommitRange, Relation};
use crate::domain::name::{CommitId, Name};

impl Mirrors {
    /// `None` when the mirror has no such object, or one that is no commit.
    pub async fn commit(&self, app: &Name, id: &CommitId) -> Result<Option<CommitInfo>, RepoError> {
        let id = id.clone();
        self.read(app, move |repository| match find(repository, &id) {
            Ok(commit) => Ok(Some(describe(&commit)?)),
            Err(RepoError::NoSuchCommit(_)) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// The newest `limit` commits of a branch, newest first.
    pub async fn branch_commits(
        &self,
        app: &Name,
        branch: &str,
        limit: usize,
    ) -> Result<Vec<CommitInfo>, RepoError> {
        let branch = branch.to_owned();
        self.read(app, move |repository| {
            let mut walk = repository.revwalk()?;
            walk.push(branch_head(repository, &branch)?)?;
            walk.set_sorting(Sort::TIME)?;
            list(repository, walk, limit)
        })
        .await
    }

    /// Whether `commit` is the head of `branch` or an ancestor of it.
    pub async fn is_reachable(&self, app: &Name, commit: &CommitId, branch: &str) -> Result<bool, RepoError> {
        let (id, branch) = (commit.clone(), branch.to_owned());
        self.read(app, move |repository| {
            let head = branch_head(repository, &branch)?;
            match find(repository, &id) {
                Ok(commit) => Ok(head == commit.id() || repository.graph_descendant_of(head, commit.id())?),
                Err(RepoError::NoSuchCommit(_)) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// How `of` stands to `to`: `Newer` when it strictly descends from it.
    pub async fn relation(&self, app: &Name, of: &CommitId, to: &CommitId) -> Result<Relation, RepoError> {
        let (of, to) = (of.clone(), to.clone());
        self.read(app, move |repository| {
            let (of, to) = (find(repository, &of)?.id(), find(repository, &to)?.id());
            if of == to {
                return Ok(Relation::Same);
            }
            match repository.merge_base(of, to) {
                Ok(base) if base == to => Ok(Relation::Newer),
                Ok(base) if base == of => Ok(Relation::Older),
                Ok(_) => Ok(Relation::Diverged),
                Err(error) if error.code() == ErrorCode::NotFound => Ok(Relation::Diverged),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// The commits that `to` has and `from` has not; all of them without a `from`.
    /// The count is complete, the list holds the newest `limit`.
    pub async fn commits_between(
        &self,
        app: &Name,
        from: Option<&CommitId>,
        to: &CommitId,
        limit: usize,
    ) -> Result<CommitRange, RepoError> {
        let (from, to) = (from.cloned(), to.clone());
        self.read(app, move |repository| {
            let mut walk = repository.revwalk()?;
            walk.push(find(repository, &to)?.id())?;
            if let Some(from) = from {
                walk.hide(find(repository, &from)?.id())?;
            }
            walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
            let ids = walk.collect::<Result<Vec<Oid>, _>>()?;
            let newest = ids.iter().take(limit);
            let commits = newest
                .map(|&id| describe(&repository.find_commit(id)?))
                .collect::<Result<Vec<_>, RepoError>>()?;
            Ok(CommitRange { total: ids.len(), commits })
        })
        .await
    }

    /// The mail addresses of everybody who wrote one of those commits, in lower case.
    /// They are what the commits claim.
    pub async fn author_mails(
        &self,
        app: &Name,
        from: Option<&CommitId>,
        to: &CommitId,
    ) -> Result<BTreeSet<String>, RepoError> {
        let (from, to) = (from.cloned(), to.clone());
        self.read(app, move |repository| {
            let mut walk = repository.revwalk()?;
            walk.push(find(repository, &to)?.id())?;
            if let Some(from) = from {
                walk.hide(find(repository, &from)?.id())?;
            }
            let mut mails = BTreeSet::new();
            for id in walk {
                let commit = repository.find_commit(id?)?;
                let mail = plain_text::line(commit.author().email_bytes());
                mails.insert(mail.trim().to_lowercase());
            }
            Ok(mails)
        })
        .await
    }

    /// Makes sure that `commit` survives a force-push, pruning and `git gc`, by a ref
    /// under `refs/countersign/`. Keeping it again changes nothing.
    pub async fn keep(&self, app: &Name, commit: &CommitId) -> Result<(), RepoError> {
        let (folder, id) = (self.inner.mirror(app), commit.clone());
        let work = move || keep_in(&folder, &id);
        tokio::task::spawn_blocking(work).await.map_err(RepoError::internal)?
    }
}

/// Looks a commit up by its full id; a tag, tree or blob of that id is no commit.
pub(super) fn find<'repo>(repository: &'repo Repository, id: &CommitId) -> Result<Commit<'repo>, RepoError> {
    // Mirrors hold SHA-1 repositories, so an id of 64 digits is never in them.
    let Ok(oid) = Oid::from_str(id.as_str()) else {
        return Err(RepoError::NoSuchCommit(id.clone()));
    };
    repository.find_commit(oid).map_err(|error| match error.code() {
        ErrorCode::NotFound => RepoError::NoSuchCommit(id.clone()),
        _ => error.into(),
    })
}

pub(super) fn id_of(oid: Oid) -> Result<CommitId, RepoError> {
    CommitId::parse(&oid.to_string()).map_err(RepoError::internal)
}

pub(super) fn describe(commit: &Commit<'_>) -> Result<CommitInfo, RepoError> {
    let author = commit.author();
    Ok(CommitInfo {
        id: id_of(commit.id())?,
        author: plain_text::line(author.name_bytes()),
        author_mail: plain_text::line(author.email_bytes()),
        at: timestamp(commit.time()),
        summary: plain_text::first_line(commit.message_bytes()),
    })
}

/// A commit may claim any second; what no calendar holds becomes the nearest that it does.
pub(super) fn timestamp(time: git2::Time) -> Timestamp {
    let nearest = if time.seconds() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(time.seconds()).unwrap_or(nearest)
}

fn list(repository: &Repository, walk: Revwalk<'_>, limit: usize) -> Result<Vec<CommitInfo>, RepoError> {
    walk.take(limit).map(|id| describe(&repository.find_commit(id?)?)).collect()
}

fn branch_head(repository: &Repository, branch: &str) -> Result<Oid, RepoError> {
    let missing = || RepoError::NoSuchBranch(plain_text::line(branch.as_bytes()));
    let name = format!("refs/heads/{branch}");
    if !Reference::is_valid_name(&name) {
        return Err(missing());
    }
    match repository.find_reference(&name) {
        Ok(reference) => reference.target().ok_or_else(missing),
        Err(error) if error.code() == ErrorCode::NotFound => Err(missing()),
        Err(error) => Err(error.into()),
    }
}

fn keep_in(folder: &Path, id: &CommitId) -> Result<(), RepoError> {
    const TRIES: u32 = 50;
    let repository = mirror::open(folder)?;
    let oid = find(&repository, id)?.id();
    let name = format!("refs/countersign/{id}");
    for attempt in 0.. {
        match repository.reference(&name, oid, true, "kept") {
            Ok(_) => return Ok(()),
            Err(error) if error.code() != ErrorCode::Locked => return Err(error.into()),
            Err(_) if attempt < TRIES => thread::sleep(Duration::from_millis(10)),
            // Its writer died. Every writer of this ref writes the same, so the lock
            // protects nothing.
            Err(_) if attempt == TRIES => mirror::remove_if_there(&folder.join(format!("{name}.lock")))?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
