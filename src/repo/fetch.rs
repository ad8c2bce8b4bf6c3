//! Bringing a mirror up to date. One git at a time works on a mirror, and whoever
//! asks while one is at work shares the next one with everybody else who waits.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::error::RepoError;
use super::{Inner, Mirrors, mirror};
use crate::domain::name::Name;
use crate::domain::repository_url::RepositoryUrl;

/// The queue of one application.
#[derive(Default)]
pub(super) struct Lane {
    /// How many fetches have begun.
    begun: AtomicU64,
    /// Held while a fetch is at work.
    pub(super) last: Arc<Mutex<Option<Finished>>>,
}

pub(super) struct Finished {
    number: u64,
    url: RepositoryUrl,
    result: Result<(), RepoError>,
}

impl Mirrors {
    /// Brings the mirror of `app` up to date with `repository`, and makes it if there
    /// is none. A call that waits is answered by a fetch that began after it asked,
    /// its failure included. Dropping the future stops the git it started.
    pub async fn fetch(&self, app: &Name, repository: &str, now: Timestamp) -> Result<(), RepoError> {
        let url = RepositoryUrl::parse(repository)?;
        let lane = self.inner.lane(app);
        let begun_before = lane.begun.load(Ordering::Acquire);
        let mut last = Arc::clone(&lane.last).lock_owned().await;
        if let Some(done) = &*last
            && done.number > begun_before
            && done.url == url
        {
            return done.result.clone();
        }
        let number = lane.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let cancel = CancellationToken::new();
        let _cancelled_when_dropped = cancel.clone().drop_guard();
        let (inner, app) = (Arc::clone(&self.inner), app.clone());
        // A task of its own: it ends git and clears up even when nobody waits any
        // more, and keeps the lane until then.
        let task = tokio::spawn(async move {
            let result = inner.fetch_once(&app, &url, now, &cancel).await;
            if !cancel.is_cancelled() {
                *last = Some(Finished { number, url, result: result.clone() });
            }
            result
        });
        task.await.map_err(RepoError::internal)?
    }

    /// When the last successful fetch was asked for; `None` before the first one and
    /// after a change of the repository's address.
    pub async fn fetched_at(&self, app: &Name) -> Option<Timestamp> {
        let folder = self.inner.mirror(app);
        tokio::task::spawn_blocking(move || mirror::fetched_at(&folder)).await.ok()?
    }

    /// The same, and `None` where what was fetched came from another address.
    pub async fn fetched_from(&self, app: &Name, repository: &str) -> Option<Timestamp> {
        let (folder, url) = (self.inner.mirror(app), RepositoryUrl::parse(repository).ok()?);
        let read = move || mirror::is_from(&folder, &url).then(|| mirror::fetched_at(&folder)).flatten();
        tokio::task::spawn_blocking(read).await.ok()?
    }

    /// How many fetches of `app` have begun, for the suite.
    #[cfg(test)]
    pub(crate) fn fetches_begun(&self, app: &Name) -> u64 {
        self.inner.lane(app).begun.load(Ordering::Acquire)
    }
}

impl Inner {
    async fn fetch_once(
        &self,
        app: &Name,
        url: &RepositoryUrl,
        now: Timestamp,
        cancel: &CancellationToken,
    ) -> Result<(), RepoError> {
        mirror::make_private_folder(&self.mirrors)?;
        let file = mirror::lock_file(&self.mirrors, app.as_str())?;
        let longest = self.limits.clone_for;
        tokio::select! {
            locked = mirror::lock(&file) => locked?,
            () = tokio::time::sleep(longest) => return Err(timed_out(longest)),
            () = cancel.cancelled() => return Err(timed_out(longest)),
        }
        let (folder, url) = (self.mirror(app), url.clone());
        if !folder.exists() {
            return self.first_fetch(app, url, now, cancel).await;
        }
        let (place, address) = (folder.clone(), url.clone());
        blocking(move || {
            mirror::remove_stale_locks(&place)?;
            mirror::follow(&place, &address)
        })
        .await?;
        self.git.fetch(&folder, &url, self.limits.fetch_for, cancel).await?;
        Ok(mirror::note_fetched(&folder, now)?)
    }

    /// The mirror is made beside its place and moved there when it is whole.
    async fn first_fetch(
        &self,
        app: &Name,
        url: RepositoryUrl,
        now: Timestamp,
        cancel: &CancellationToken,
    ) -> Result<(), RepoError> {
        let folder = self.mirrors.join(format!(".{app}.new"));
        let (place, address) = (folder.clone(), url.clone());
        blocking(move || {
            mirror::remove_folder_if_there(&place)?;
            mirror::create(&place, &address)
        })
        .await?;
        let fetched = self.git.fetch(&folder, &url, self.limits.clone_for, cancel).await;
        if let Err(error) = fetched {
            blocking(move || Ok(mirror::remove_folder_if_there(&folder)?)).await?;
            return Err(error);
        }
        mirror::note_fetched(&folder, now)?;
        Ok(fs::rename(folder, self.mirror(app))?)
    }
}

async fn blocking(work: impl FnOnce() -> Result<(), RepoError> + Send + 'static) -> Result<(), RepoError> {
    tokio::task::spawn_blocking(work).await.map_err(RepoError::internal)?
}

fn timed_out(after: Duration) -> RepoError {
    RepoError::TimedOut { seconds: after.as_secs() }
}
