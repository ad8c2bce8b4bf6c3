//! A clean tree of a commit, on disk, for rsync and the local scripts.
//!
//! Trees are kept, one per tree and second, and used again after a check of names,
//! kinds, modes, sizes and times. Files are written by us from the mirror's objects,
//! so that no filter, attribute or hook is ever asked.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{Read, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::{ffi::OsStr, io};

use git2::{Commit, Oid, Repository};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, syncfs, utimensat};
use sha2::{Digest, Sha256};

use super::commits::find;
use super::error::RepoError;
use super::git_program::Reading;
use super::tree_plan::{Plan, plan};
use super::tree_record::{Exception, ExceptionKind, TreeRecord};
use super::{Limits, Mirrors, mirror};
use crate::domain::manifest::{Entry, EntryKind, Manifest};
use crate::domain::name::{CommitId, Name};

/// A tree on disk that holds what the manifest says, and nothing else. It is shared:
/// whoever wants to change it works on a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    pub path: PathBuf,
    pub manifest: Manifest,
}

impl Mirrors {
    /// Exports `commit` without `.git`. Modes are 0644 and 0755, every time is the
    /// commit's. Submodules and LFS pointers are refused unless allowed; allowed, a
    /// submodule is left out and a pointer is an ordinary file.
    pub async fn export(
        &self,
        app: &Name,
        commit: &CommitId,
        allow_submodules_and_lfs: bool,
    ) -> Result<Tree, RepoError> {
        let (id, limits) = (commit.clone(), self.inner.limits);
        let (trees, name) = (self.inner.trees.clone(), app.clone());
        let inner = std::sync::Arc::clone(&self.inner);
        self.read(app, move |repository| {
            let large = |oid: Oid| inner.git.blob(repository.path(), &oid.to_string());
            let commit = find(repository, &id)?;
            mirror::make_private_folder(&trees)?;
            let folder = trees.join(name.as_str());
            mirror::make_private_folder(&folder)?;
            // One export per application at a time, in all processes.
            let lock = mirror::lock_file(&trees, name.as_str())?;
            lock.lock()?;
            let (tree, exception) = on_shelf(repository, &commit, &folder, &limits, &large)?;
            match exception {
                Some(Exception { path, kind }) if !allow_submodules_and_lfs => {
                    Err(RepoError::refused_path(&path, refusal(kind)))
                }
                _ => Ok(tree),
            }
        })
        .await
    }
}

fn refusal(kind: ExceptionKind) -> &'static str {
    match kind {
        ExceptionKind::Submodule => "is a submodule, which this application does not allow",
        ExceptionKind::LfsPointer => "is a Git LFS pointer, which this application does not allow",
    }
}

/// The finished tree of `commit`, made when it is not there or not whole.
fn on_shelf(
    repository: &Repository,
    commit: &Commit<'_>,
    shelf: &Path,
    limits: &Limits,
    large: LargeBlob<'_>,
) -> Result<(Tree, Option<Exception>), RepoError> {
    let seconds = file_time(commit);
    let place = shelf.join(name_of(commit));
    if let Some(record) = read_record(&place)
        && is_as_recorded(&place.join(FILES), &record.manifest, seconds)?
    {
        fs::write(used_mark(&place), "")?;
        return Ok((Tree { path: place.join(FILES), manifest: record.manifest }, record.exception));
    }
    mirror::remove_folder_if_there(&place)?;
    let unfinished = shelf.join(".unfinished");
    mirror::remove_folder_if_there(&unfinished)?;
    let written = plan(repository, commit.tree_id(), limits).and_then(|plan| {
        let record = write(repository, &plan, &unfinished, seconds, large)?;
        fs::write(used_mark(&unfinished), "")?;
        fs::rename(&unfinished, &place)?;
        Ok(record)
    });
    match written {
        Ok(record) => Ok((Tree { path: place.join(FILES), manifest: record.manifest }, record.exception)),
        Err(error) => {
            mirror::remove_folder_if_there(&unfinished)?;
            Err(error)
        }
    }
}

/// What its tree is called on the shelf.
pub(super) fn name_of(commit: &Commit<'_>) -> String {
    format!("{}.{}", commit.tree_id(), file_time(commit))
}

/// The file whose time says when a tree was last used.
pub(super) fn used_mark(place: &Path) -> PathBuf {
    place.join("used")
}

/// Reads a blob that is too large to be held in memory, which git2 would do.
type LargeBlob<'a> = &'a dyn Fn(Oid) -> Result<Reading, RepoError>;

const IN_MEMORY: usize = 64 << 20;

/// The folder of the tree and the record beside it, in one place so that one rename
/// finishes both.
const FILES: &str = "tree";
const RECORD: &str = "record";

/// Seconds since 1970 that every file system can hold.
fn file_time(commit: &Commit<'_>) -> i64 {
    commit.time().seconds().clamp(0, i64::from(u32::MAX))
}

fn read_record(place: &Path) -> Option<TreeRecord> {
    TreeRecord::parse(&fs::read_to_string(place.join(RECORD)).ok()?)
}

/// Writes the tree and its record below `place`, which must not exist.
///
/// Everything is made anew and nothing is followed: an entry that the tree holds twice
/// fails here, and links come last, so that nothing is written through one.
fn write(
    repository: &Repository,
    plan: &Plan,
    place: &Path,
    seconds: i64,
    large: LargeBlob<'_>,
) -> Result<TreeRecord, RepoError> {
    let root = place.join(FILES);
    let folder = || {
        let mut builder = DirBuilder::new();
        builder.mode(0o755);
        builder
    };
    folder().create(place)?;
    folder().create(&root)?;
    let mut entries = Vec::with_capacity(plan.files.len() + plan.links.len());
    let mut pointer: Option<&[u8]> = None;
    for path in &plan.folders {
        folder().create(at(&root, path)).map_err(|error| twice(path, error))?;
    }
    for planned in &plan.files {
        let place = at(&root, &planned.path);
        let is_large = planned.size > IN_MEMORY;
        let (size, sha256) = if is_large {
            let mut reading = large(planned.oid)?;
            let written = write_file(&place, &mut reading.stdout, planned.executable, seconds)
                .map_err(|error| twice(&planned.path, error))?;
            reading.ended_well()?;
            written
        } else {
            let blob = repository.find_blob(planned.oid)?;
            let content = blob.content();
            if is_lfs_pointer(content) && pointer.is_none_or(|first| planned.path.as_slice() < first) {
                pointer = Some(&planned.path);
            }
            write_file(&place, &mut &*content, planned.executable, seconds)
                .map_err(|error| twice(&planned.path, error))?
        };
        if size != planned.size as u64 {
            return Err(RepoError::internal(io::Error::other("an object of the mirror is not whole")));
        }
        let kind = EntryKind::File { executable: planned.executable, size, sha256 };
        entries.push(Entry { path: planned.path.clone(), kind });
    }
    for (path, target) in &plan.links {
        let link = at(&root, path);
        symlink(OsStr::from_bytes(target), &link).map_err(|error| twice(path, error))?;
        set_time(&link, seconds)?;
        entries.push(Entry { path: path.clone(), kind: EntryKind::Symlink { target: target.clone() } });
    }
    // Folders last: writing into one changes its time.
    for path in plan.folders.iter().map(|path| at(&root, path)).chain([root.clone()]) {
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        set_time(&path, seconds)?;
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let exception = match (&plan.submodule, pointer) {
        (Some(path), _) => Some(Exception { path: path.clone(), kind: ExceptionKind::Submodule }),
        (None, Some(path)) => Some(Exception { path: path.to_vec(), kind: ExceptionKind::LfsPointer }),
        (None, None) => None,
    };
    let record = TreeRecord { manifest: Manifest { entries }, exception };
    fs::write(place.join(RECORD), record.to_text())?;
    // Before the rename, so that a finished tree is whole after a power cut too.
    syncfs(File::open(place)?).map_err(io::Error::from)?;
    Ok(record)
}

fn at(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}

fn twice(path: &[u8], error: io::Error) -> RepoError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => RepoError::refused_path(path, "is in the tree twice"),
        _ => error.into(),
    }
}

/// Gives the size and the SHA-256 of what was written.
fn write_file(
    path: &Path,
    content: &mut dyn Read,
    executable: bool,
    seconds: i64,
) -> io::Result<(u64, [u8; 32])> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut part = vec![0; 128 << 10];
    loop {
        let length = content.read(&mut part)?;
        if length == 0 {
            break;
        }
        file.write_all(&part[..length])?;
        hash.update(&part[..length]);
        size += length as u64;
    }
    // Not left to the umask.
    file.set_permissions(Permissions::from_mode(if executable { 0o755 } else { 0o644 }))?;
    drop(file);
    set_time(path, seconds)?;
    Ok((size, hash.finalize().into()))
}

/// Of the file, folder or link itself.
fn set_time(path: &Path, seconds: i64) -> io::Result<()> {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>: less than 1024 bytes,
/// and the version comes first.
fn is_lfs_pointer(content: &[u8]) -> bool {
    const VERSIONS: [&[u8]; 2] =
        [b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/"];
    content.len() < 1024 && VERSIONS.iter().any(|version| content.starts_with(version))
}

/// A check without reading a file: everything recorded is there with its kind, mode,
/// size and time, and nothing else is.
fn is_as_recorded(root: &Path, manifest: &Manifest, seconds: i64) -> io::Result<bool> {
    let mut missing: HashMap<&[u8], &EntryKind> =
        manifest.entries.iter().map(|entry| (entry.path.as_slice(), &entry.kind)).collect();
    let mut ahead = vec![(root.to_owned(), Vec::new())];
    while let Some((folder, prefix)) = ahead.pop() {
        let Ok(listed) = fs::read_dir(&folder) else { return Ok(false) };
        for found in listed {
            let found = found?;
            let name = found.file_name();
            let path = match prefix.as_slice() {
                b"" => name.as_bytes().to_vec(),
                prefix => [prefix, b"/", name.as_bytes()].concat(),
            };
            let facts = found.metadata()?;
            if facts.is_dir() {
                ahead.push((found.path(), path));
                continue;
            }
            let is_right = match missing.remove(path.as_slice()) {
                Some(EntryKind::File { executable, size, .. }) => {
                    let mode = if *executable { 0o755 } else { 0o644 };
                    facts.is_file() && facts.len() == *size && facts.mode() & 0o7777 == mode
                }
                Some(EntryKind::Symlink { target }) => {
                    facts.is_symlink() && fs::read_link(found.path())?.as_os_str().as_bytes() == target
                }
                None => false,
            };
            if !is_right || facts.mtime() != seconds || facts.mtime_nsec() != 0 {
                return Ok(false);
            }
        }
    }
    Ok(missing.is_empty())
}
