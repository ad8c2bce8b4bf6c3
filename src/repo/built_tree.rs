//! The manifest of a tree that a build or a script made: read from the disk, under the
//! rules that an export keeps.
//!
//! Whoever wrote it is gone by now, but what they left is not to be trusted: nothing
//! is followed, and what is neither file, folder nor link is refused.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use super::Limits;
use super::error::RepoError;
use super::links::Links;
use super::plain_text;
use super::tree_plan::join;
use crate::domain::manifest::{Entry, EntryKind, Manifest};

/// Reads the whole tree below `root`; its entries come in the order of their paths.
pub async fn manifest_of(root: &Path, limits: Limits) -> Result<Manifest, RepoError> {
    let root = root.to_owned();
    let read = move || read(&root, &limits);
    tokio::task::spawn_blocking(read).await.map_err(RepoError::internal)?
}

fn read(root: &Path, limits: &Limits) -> Result<Manifest, RepoError> {
    let (mut manifest, mut links) = (Manifest::default(), Links::default());
    let (mut entries, mut bytes) = (0_usize, 0_u64);
    let mut ahead = vec![(root.to_owned(), Vec::new())];
    while let Some((folder, prefix)) = ahead.pop() {
        for found in fs::read_dir(&folder).map_err(|error| unreadable(&prefix, &error))? {
            let found = found?;
            let path = join(&prefix, found.file_name().as_bytes())?;
            // Of the link itself.
            let facts = found.metadata()?;
            entries += 1;
            if entries > limits.tree_entries {
                let most = limits.tree_entries;
                return Err(RepoError::TooLarge(format!("the tree has more than {most} entries")));
            }
            bytes += if facts.is_file() { facts.len() } else { 0 };
            if bytes > limits.tree_bytes {
                let most = limits.tree_bytes >> 20;
                return Err(RepoError::TooLarge(format!("the tree is larger than {most} MB")));
            }
            if facts.is_dir() {
                ahead.push((found.path(), path));
                continue;
            }
            let kind = if facts.is_symlink() {
                let target = fs::read_link(found.path())?.into_os_string().as_bytes().to_vec();
                links.insert(path.clone(), target.clone());
                EntryKind::Symlink { target }
            } else if facts.is_file() {
                file(&found.path(), &path, &facts)?
            } else {
                return Err(RepoError::refused_path(&path, "is a pipe, a socket or a device"));
            };
            manifest.entries.push(Entry { path, kind });
        }
    }
    if let Some((path, why)) = links.first_refused() {
        return Err(RepoError::refused_path(path, why));
    }
    manifest.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(manifest)
}

fn file(place: &Path, path: &[u8], facts: &Metadata) -> Result<EntryKind, RepoError> {
    if facts.mode() & 0o6000 != 0 {
        return Err(RepoError::refused_path(path, "would run as somebody else (setuid or setgid)"));
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(RepoError::internal)?;
    let file = File::options().read(true).custom_flags(flags).open(place);
    let (size, sha256) = file.and_then(digest).map_err(|error| unreadable(path, &error))?;
    Ok(EntryKind::File { executable: facts.mode() & 0o100 != 0, size, sha256 })
}

/// In pieces: a build may make files larger than memory.
fn digest(mut file: File) -> io::Result<(u64, [u8; 32])> {
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut part = vec![0; 128 << 10];
    loop {
        match file.read(&mut part)? {
            0 => return Ok((size, hash.finalize().into())),
            length => {
                hash.update(&part[..length]);
                size += length as u64;
            }
        }
    }
}

fn unreadable(path: &[u8], error: &io::Error) -> RepoError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => RepoError::refused_path(path, "cannot be read"),
        _ => RepoError::internal(io::Error::other(format!("{}: {error}", plain_text::line(path)))),
    }
}
