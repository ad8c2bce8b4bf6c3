//! What of mirrors and trees may go, and upkeep of those that stay.
//!
//! A tree's last use is the time of a mark beside it, which every export renews; a
//! mirror's, its last fetch. Everything here takes the locks that fetches and exports
//! take, and does not wait for them: what is in use is not cleaned now.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::commits::find;
use super::error::RepoError;
use super::export::{name_of, used_mark};
use super::{Mirrors, mirror};
use crate::domain::name::{CommitId, Name};
use crate::domain::repository_url::RepositoryUrl;

/// For one repository.
const UPKEEP_LIMIT: Duration = Duration::from_mins(10);
/// How long a fetch under way may keep a mirror from its new name, or from going.
const PATIENCE: Duration = Duration::from_mins(1);

impl Mirrors {
    /// Removes the trees of `app` that were last used before `until`, but for those
    /// of the commits to keep. Gives how many went. When a commit to keep cannot be
    /// looked up, nothing goes.
    pub async fn clean_trees(
        &self,
        app: &Name,
        keep: Vec<CommitId>,
        until: Timestamp,
    ) -> Result<usize, RepoError> {
        let (trees, folder) = (self.inner.trees.clone(), self.inner.mirror(app));
        let name = app.clone();
        let work = move || {
            let of_app = trees.join(name.as_str());
            if !of_app.exists() {
                return Ok(0);
            }
            let lock = mirror::lock_file(&trees, name.as_str())?;
            if lock.try_lock().is_err() {
                return Ok(0);
            }
            let kept = names_to_keep(&folder, &keep)?;
            let mut gone = 0;
            for entry in fs::read_dir(&of_app)? {
                let place = entry?.path();
                let is_kept =
                    place.file_name().is_some_and(|name| kept.iter().any(|kept| name == kept.as_str()));
                if !is_kept && last_used(&place)? < until {
                    mirror::remove_folder_if_there(&place)?;
                    gone += 1;
                }
            }
            // The folder of an application that is gone goes with its last tree.
            let _ = fs::remove_dir(&of_app);
            Ok(gone)
        };
        tokio::task::spawn_blocking(work).await.map_err(RepoError::internal)?
    }

    /// The applications that have a mirror or trees here.
    pub async fn list_known(&self) -> Result<Vec<Name>, RepoError> {
        let (mirrors, trees) = (self.inner.mirrors.clone(), self.inner.trees.clone());
        let work = move || {
            let mut known = names_in(&mirrors, ".git")?;
            known.extend(names_in(&trees, "")?);
            known.sort();
            known.dedup();
            Ok(known)
        };
        tokio::task::spawn_blocking(work).await.map_err(RepoError::internal)?
    }

    /// Removes the mirror of `app` when it was last fetched before `until`.
    pub async fn remove_mirror(&self, app: &Name, until: Timestamp) -> Result<bool, RepoError> {
        let Ok(lane) = Arc::clone(&self.inner.lane(app).last).try_lock_owned() else { return Ok(false) };
        let (mirrors, folder, name) = (self.inner.mirrors.clone(), self.inner.mirror(app), app.clone());
        let work = move || {
            let _lane = lane;
            if !folder.exists() {
                return Ok(false);
            }
            let lock = mirror::lock_file(&mirrors, name.as_str())?;
            let used = match mirror::fetched_at(&folder) {
                Some(at) => at,
                None => time_of(&folder)?,
            };
            if used >= until || lock.try_lock().is_err() {
                return Ok(false);
            }
            // First out of the way, so that nobody finds half of it.
            let gone = mirrors.join(format!(".{name}.gone"));
            mirror::remove_folder_if_there(&gone)?;
            fs::rename(&folder, &gone)?;
            mirror::remove_folder_if_there(&gone)?;
            Ok(true)
        };
        tokio::task::spawn_blocking(work).await.map_err(RepoError::internal)?
    }

    /// The mirror of an application that has another name now goes with it, and with it
    /// the commits that nothing but our own refs keeps (rules.md 14). One that was made
    /// for the new name meanwhile holds no more than a fetch brings again.
    pub async fn rename(&self, from: &Name, to: &Name) -> Result<(), RepoError> {
        let mirrors = self.inner.mirrors.clone();
        let (folder, new) = (self.inner.mirror(from), self.inner.mirror(to));
        if !folder.exists() {
            return Ok(());
        }
        let locks = [self.locked(from).await?, self.locked(to).await?];
        let gone = mirrors.join(format!(".{to}.gone"));
        let work = move || {
            let _locks = locks;
            mirror::remove_folder_if_there(&gone)?;
            if new.exists() {
                fs::rename(&new, &gone)?;
            }
            fs::rename(&folder, &new)?;
            mirror::remove_folder_if_there(&gone)?;
            Ok(())
        };
        tokio::task::spawn_blocking(work).await.map_err(RepoError::internal)?
    }

    /// For an application that is made: the mirror of one of its name that was removed is
    /// its own only where both are of one repository; else it goes.
    pub async fn begin(&self, app: &Name, repository: &str) -> Result<(), RepoError> {
        let (folder, url) = (self.inner.mirror(app), RepositoryUrl::parse(repository)?);
        if !folder.exists() {
            return Ok(());
        }
        let lock = self.locked(app).await?;
        let gone = self.inner.mirrors.join(format!(".{app}.gone"));
        let work = move || {
            let _lock = lock;
            if mirror::is_from(&folder, &url) {
                return Ok(());
            }
            mirror::remove_folder_if_there(&gone)?;
            fs::rename(&folder, &gone)?;
            Ok(mirror::remove_folder_if_there(&gone)?)
        };
        tokio::task::spawn_blocking(work).await.map_err(RepoError::internal)?
    }

    /// The lock that fetches of every process take, once they let it go.
    async fn locked(&self, app: &Name) -> Result<fs::File, RepoError> {
        let lock = mirror::lock_file(&self.inner.mirrors, app.as_str())?;
        let locked = tokio::time::timeout(PATIENCE, mirror::lock(&lock)).await;
        locked.map_err(|_| RepoError::TimedOut { seconds: PATIENCE.as_secs() })??;
        Ok(lock)
    }

    /// Packs what many fetches left, when there is enough of it; not while one is at work.
    pub async fn keep_up(&self, app: &Name, cancel: &CancellationToken) -> Result<(), RepoError> {
        let Ok(_lane) = Arc::clone(&self.inner.lane(app).last).try_lock_owned() else { return Ok(()) };
        let folder = self.inner.mirror(app);
        if !folder.exists() {
            return Ok(());
        }
        let lock = mirror::lock_file(&self.inner.mirrors, app.as_str())?;
        if lock.try_lock().is_err() {
            return Ok(());
        }
        self.inner.git.keep_up(&folder, UPKEEP_LIMIT, cancel).await
    }
}

fn names_to_keep(folder: &Path, keep: &[CommitId]) -> Result<Vec<String>, RepoError> {
    if keep.is_empty() {
        return Ok(Vec::new());
    }
    let repository = mirror::open(folder)?;
    keep.iter().map(|id| Ok(name_of(&find(&repository, id)?))).collect()
}

/// What is called like an application, with that ending.
fn names_in(folder: &Path, ending: &str) -> Result<Vec<Name>, RepoError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(ending));
        names.extend(name.and_then(|name| Name::parse(name).ok()));
    }
    Ok(names)
}

/// One without a mark was made by an older version, or never finished.
fn last_used(place: &Path) -> Result<Timestamp, RepoError> {
    let mark: PathBuf = used_mark(place);
    time_of(if mark.exists() { &mark } else { place })
}

/// When a file or folder was last written, by the file system's clock.
fn time_of(path: &Path) -> Result<Timestamp, RepoError> {
    let modified = fs::metadata(path)?.modified()?;
    Timestamp::try_from(modified).map_err(RepoError::internal)
}
