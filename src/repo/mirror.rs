//! One mirror on disk: a bare repository with a configuration of our own, and a
//! note of when it was last brought up to date.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git2::{ConfigLevel, Repository, RepositoryInitOptions};
use jiff::Timestamp;

use super::error::RepoError;
use crate::domain::repository_url::RepositoryUrl;

/// The file in the mirror that holds the time of the last successful fetch.
const FETCHED: &str = "countersign-fetched";

/// How often a lock that another process holds is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(100);

pub(super) fn open(folder: &Path) -> Result<Repository, RepoError> {
    Repository::open_bare(folder).map_err(|error| match error.code() {
        git2::ErrorCode::NotFound => RepoError::NoMirror,
        _ => RepoError::internal(error),
    })
}

/// An empty mirror, without hooks; its configuration outranks that of the
/// account and the machine, which git2 reads too.
pub(super) fn create(folder: &Path, url: &RepositoryUrl) -> Result<(), RepoError> {
    let mut options = RepositoryInitOptions::new();
    // HEAD names a branch that no mirror has, so that no branch is special.
    options.bare(true).no_reinit(true).external_template(false).initial_head("countersign/none");
    let repository = Repository::init_opts(folder, &options)?;
    remove_folder_if_there(&folder.join("hooks"))?;
    let mut config = repository.config()?;
    for (key, value) in [
        ("core.hooksPath", "/dev/null"),
        ("core.attributesFile", "/dev/null"),
        ("gc.auto", "0"),
        ("diff.context", "3"),
        ("diff.interHunkContext", "0"),
        ("diff.noprefix", "false"),
        ("diff.mnemonicPrefix", "false"),
        ("diff.indentHeuristic", "true"),
    ] {
        config.set_str(key, value)?;
    }
    point_at(&repository, url)
}

/// Makes the mirror follow `url`.
pub(super) fn follow(folder: &Path, url: &RepositoryUrl) -> Result<(), RepoError> {
    let repository = open(folder)?;
    let current = repository.config()?.get_string(ADDRESS);
    if current.is_ok_and(|current| current != url.to_string()) {
        // What is there came from elsewhere, so its age says nothing any more.
        remove_if_there(&folder.join(FETCHED))?;
    }
    point_at(&repository, url)
}

/// Whether the mirror was last pointed at this address.
pub(super) fn is_from(folder: &Path, url: &RepositoryUrl) -> bool {
    let address = open(folder).and_then(|repository| Ok(repository.config()?.get_string(ADDRESS)?));
    address.is_ok_and(|address| address == url.to_string())
}

const ADDRESS: &str = "remote.origin.url";
const HEADER: &str = "http.extraHeader";

/// The login goes into the mirror's configuration, which only this account can read.
/// In the address git would give it to the programs it starts as an argument, for
/// everybody on the machine to see.
fn point_at(repository: &Repository, url: &RepositoryUrl) -> Result<(), RepoError> {
    let mut config = repository.config()?.open_level(ConfigLevel::Local)?;
    let mut set = |key: &str, wanted: Option<String>| {
        let current = config.get_string(key).ok();
        match wanted {
            wanted if wanted == current => Ok(()),
            Some(wanted) => config.set_str(key, &wanted),
            None => config.remove(key),
        }
    };
    set(ADDRESS, Some(url.to_string()))?;
    let basic = url.login().map(|login| format!("Authorization: Basic {}", STANDARD.encode(login)));
    Ok(set(HEADER, basic)?)
}

pub(super) fn fetched_at(folder: &Path) -> Option<Timestamp> {
    fs::read_to_string(folder.join(FETCHED)).ok()?.trim().parse().ok()
}

pub(super) fn note_fetched(folder: &Path, now: Timestamp) -> io::Result<()> {
    let next = folder.join(format!("{FETCHED}.next"));
    let mut file = File::create(&next)?;
    write!(file, "{now}")?;
    fs::rename(next, folder.join(FETCHED))
}

/// Removes lock files that a killed git left. Only under the mirror's lock, when no
/// git can be at work; refs of ours are written without it and are left alone.
pub(super) fn remove_stale_locks(folder: &Path) -> io::Result<()> {
    for name in ["packed-refs.lock", "HEAD.lock", "config.lock", "shallow.lock"] {
        remove_if_there(&folder.join(name))?;
    }
    let mut folders = vec![folder.join("refs/heads"), folder.join("refs/tags")];
    while let Some(next) = folders.pop() {
        let entries = match fs::read_dir(&next) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|extension| extension == "lock") {
                remove_if_there(&entry.path())?;
            }
        }
    }
    Ok(())
}

pub(super) fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn remove_folder_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a folder that only this account can look into: it holds other people's source.
pub(super) fn make_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The file whose lock lets one process at a time write; it is never removed.
pub(super) fn lock_file(parent: &Path, name: &str) -> io::Result<File> {
    let path: PathBuf = parent.join(format!(".{name}.lock"));
    File::options().create(true).truncate(false).write(true).open(path)
}

/// Waits for the lock without holding a thread, so that the wait can be given up.
pub(super) async fn lock(file: &File) -> io::Result<()> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_RETRY).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
