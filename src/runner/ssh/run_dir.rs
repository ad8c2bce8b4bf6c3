//! A private folder for one run's control sockets, `known_hosts` files and logs.
//!
//! The path of a unix socket holds some 108 bytes, and `ssh` adds 17 of its own
//! while it makes one; where the data folder lies too deep, the folder is made
//! below the system's temporary folder instead.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const LONGEST_PATH: usize = 70;

/// Removed when it is dropped.
#[derive(Debug)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// A new folder with mode 0700 below `base`, which is made when it is missing.
    pub fn create(base: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let base = usable_base(base)?;
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = base.join(format!("{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what processes that are gone left behind. To be called once at start,
/// before the first run.
pub fn remove_stale(base: &Path) -> io::Result<()> {
    for entry in fs::read_dir(usable_base(base)?)?.flatten() {
        let name = entry.file_name();
        let Some((process, _)) = name.to_str().and_then(|name| name.split_once('-')) else { continue };
        let alive = process != std::process::id().to_string() && Path::new("/proc").join(process).exists();
        if process.parse::<u32>().is_ok() && !alive {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn usable_base(base: &Path) -> io::Result<PathBuf> {
    let base = std::path::absolute(base)?;
    if base.as_os_str().len() <= LONGEST_PATH {
        fs::create_dir_all(&base)?;
        fs::set_permissions(&base, fs::Permissions::from_mode(0o700))?;
        return Ok(base);
    }
    // In a folder that everybody may write to: take it only if it is ours alone.
    let me = fs::metadata("/proc/self")?.uid();
    let shared = std::env::temp_dir().join(format!("countersign-{me}"));
    match DirBuilder::new().mode(0o700).create(&shared) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&shared)?;
    if found.is_dir() && found.uid() == me && found.mode() & 0o777 == 0o700 {
        Ok(shared)
    } else {
        Err(io::Error::other(format!("{} is not a private folder of ours", shared.display())))
    }
}
