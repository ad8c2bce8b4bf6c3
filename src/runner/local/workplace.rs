//! Where the scripts of one deployment work: a copy of the tree and a temporary folder.
//!
//! The exported tree is shared by every deployment of its commit, and a script may
//! write into the files that it finds, so hard links to them would not do.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::process::Command;

use super::PATH;
use super::sandbox::Sandbox;
use crate::runner::ssh::words::printable;

/// Removed when it is dropped, or earlier and off the async threads by `remove`.
#[derive(Debug)]
pub struct Workplace {
    root: PathBuf,
    tree: PathBuf,
    tmp: PathBuf,
}

impl Workplace {
    /// A workplace below `base`, which is made when it is missing, with a copy of `tree`.
    ///
    /// Another account could not come to a folder of ours, so where the sandbox is
    /// `user:NAME`, it lies below the system's temporary folder.
    pub async fn with_copy_of(tree: &Path, sandbox: &Sandbox, base: &Path) -> Result<Self, String> {
        let place = Self::make(sandbox, base).map_err(|error| words(&error))?;
        working_copy(tree, &place.tree).await?;
        place.furnished(sandbox).await
    }

    /// The same with an empty tree.
    pub async fn empty(sandbox: &Sandbox, base: &Path) -> Result<Self, String> {
        let place = Self::make(sandbox, base).map_err(|error| words(&error))?;
        fs::create_dir(&place.tree).map_err(|error| words(&error))?;
        place.furnished(sandbox).await
    }

    /// What a script may change, and what is deployed afterwards.
    pub fn tree(&self) -> &Path {
        &self.tree
    }

    pub fn tmp(&self) -> &Path {
        &self.tmp
    }

    pub async fn remove(self) {
        // Its drop does the work.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }

    fn make(sandbox: &Sandbox, base: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let (base, mode) = match sandbox.user() {
            // It passes through, and lists nothing.
            Some(_) => (std::env::temp_dir(), 0o711),
            None => (std::path::absolute(base)?, 0o700),
        };
        fs::create_dir_all(&base)?;
        let root = loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let root = base.join(format!("{PREFIX}{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&root) {
                Ok(()) => break root,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        };
        let place = Self { tree: root.join("tree"), tmp: root.join("tmp"), root };
        fs::set_permissions(&place.root, Permissions::from_mode(mode))?;
        fs::create_dir(&place.tmp)?;
        fs::create_dir(place.tmp.join("home"))?;
        Ok(place)
    }

    /// Gives tree and temporary folder to whoever will work there.
    async fn furnished(self, sandbox: &Sandbox) -> Result<Self, String> {
        let private = Permissions::from_mode(0o700);
        fs::set_permissions(&self.tmp, private).map_err(|error| words(&error))?;
        if let Some(owner) = sandbox.owner() {
            let mut chown = Command::new("chown");
            chown.args(["-hR", &owner, "--"]).arg(&self.tree).arg(&self.tmp);
            ended_well("chown", chown).await?;
        }
        Ok(self)
    }
}

/// Of folders that may lie beside those of others.
const PREFIX: &str = "countersign-scripts-";

impl Drop for Workplace {
    fn drop(&mut self) {
        remove_whole(&self.root);
    }
}

/// A script may have locked folders even against their owner.
fn remove_whole(folder: &Path) {
    if fs::remove_dir_all(folder).is_ok() {
        return;
    }
    let mut unlock = std::process::Command::new("chmod");
    unlock.args(["-R", "u+rwX", "--"]).arg(folder);
    let _ = unlock.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if let Err(error) = fs::remove_dir_all(folder) {
        tracing::warn!(folder = %folder.display(), %error, "a workplace could not be removed");
    }
}

/// Removes what processes that are gone left behind. To be called once at start.
pub fn remove_stale(base: &Path) {
    for base in [base.to_owned(), std::env::temp_dir()] {
        let Ok(entries) = fs::read_dir(base) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
            let Some((process, _)) = process else { continue };
            let ours = std::process::id().to_string() == process;
            let is_alive = ours || Path::new("/proc").join(process).exists();
            if process.parse::<u32>().is_ok() && !is_alive {
                remove_whole(&entry.path());
            }
        }
    }
}

/// A copy of `tree` at `into`, which must not exist: modes, times and symbolic links
/// are kept, and nothing is shared with it that writing could change.
pub async fn working_copy(tree: &Path, into: &Path) -> Result<(), String> {
    let mut copy = Command::new("cp");
    copy.args(["--archive", "--reflink=auto", "--no-target-directory", "--"]).arg(tree).arg(into);
    ended_well("cp", copy).await
}

async fn ended_well(name: &str, mut command: Command) -> Result<(), String> {
    command.env_clear().env("PATH", PATH).env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).kill_on_drop(true);
    let Output { status, stderr, .. } =
        command.output().await.map_err(|error| format!("{name} cannot be run: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&stderr);
    let first = stderr.lines().find(|line| !line.trim().is_empty()).map(printable);
    Err(first.unwrap_or_else(|| format!("{name} failed")))
}

fn words(error: &io::Error) -> String {
    format!("there is no place for the scripts to work: {error}")
}
