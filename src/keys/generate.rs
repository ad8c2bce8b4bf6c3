//! Makes the keys that are missing, and never touches one that is there: a key
//! that is lost takes every seal and the audit trail with it.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::load::folder_of;
use super::{AUTH_KEY_BYTES, ENC_KEY_BYTES, KeyError};

/// What became of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    Written(PathBuf),
    /// It was there before, and is as it was.
    Kept(PathBuf),
}

impl std::fmt::Display for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Made::Written(path) => write!(f, "wrote {}", path.display()),
            Made::Kept(path) => write!(f, "kept {}: it exists", path.display()),
        }
    }
}

/// Makes `auth`, `enc` and the SSH pair `identity`, `identity.pub`, where they are missing.
pub fn generate(auth: &Path, enc: &Path, identity: &Path) -> Result<Vec<Made>, KeyError> {
    Ok(vec![random_key::<AUTH_KEY_BYTES>(auth)?, random_key::<ENC_KEY_BYTES>(enc)?, ssh_pair(identity)?])
}

fn random_key<const BYTES: usize>(path: &Path) -> Result<Made, KeyError> {
    let unwritable = |error: io::Error| KeyError::Unwritable { path: path.to_owned(), error };
    if exists(path)? {
        return Ok(Made::Kept(path.to_owned()));
    }
    let mut key = [0; BYTES];
    getrandom::fill(&mut key).map_err(|error| unwritable(io::Error::other(error.to_string())))?;
    let workshop = Workshop::beside(path)?;
    let draft = workshop.0.join("key");
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
            file.write_all(&key)?;
            file.sync_all()
        });
    written.map_err(unwritable)?;
    put(&draft, path)
}

fn ssh_pair(identity: &Path) -> Result<Made, KeyError> {
    let public = public_part(identity);
    if exists(identity)? {
        return Ok(Made::Kept(identity.to_owned()));
    }
    if exists(&public)? {
        let words = format!("{} exists without its private key; move it away first", public.display());
        return Err(KeyError::SshKeygen(words));
    }
    let workshop = Workshop::beside(identity)?;
    let draft = workshop.0.join("id");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "countersign", "-f"])
        .arg(&draft)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| KeyError::SshKeygen(format!("ssh-keygen cannot be run: {error}")))?;
    if !made.status.success() {
        let words = String::from_utf8_lossy(&made.stderr).trim().to_owned();
        return Err(KeyError::SshKeygen(format!("ssh-keygen failed: {words}")));
    }
    // The public part first: a private key without it would be kept for ever after.
    put(&public_part(&draft), &public)?;
    put(&draft, identity)
}

fn public_part(identity: &Path) -> PathBuf {
    let mut name = identity.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Moves a finished file to its place, in one step that fails if something is there.
fn put(draft: &Path, path: &Path) -> Result<Made, KeyError> {
    let placed =
        fs::set_permissions(draft, Permissions::from_mode(0o600)).and_then(|()| fs::hard_link(draft, path));
    match placed {
        Ok(()) => Ok(Made::Written(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Made::Kept(path.to_owned())),
        Err(error) => Err(KeyError::Unwritable { path: path.to_owned(), error }),
    }
}

/// Whether there is anything at `path`, be it a link to nowhere.
fn exists(path: &Path) -> Result<bool, KeyError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(KeyError::Unreadable { path: path.to_owned(), error }),
    }
}

/// A private folder on the same file system, gone when the work is done.
struct Workshop(PathBuf);

impl Workshop {
    fn beside(path: &Path) -> Result<Self, KeyError> {
        let unwritable = |error| KeyError::Unwritable { path: path.to_owned(), error };
        let folder = folder_of(path);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unwritable)?;
        let name = getrandom::u64().map_err(|error| unwritable(io::Error::other(error.to_string())))?;
        let workshop = folder.join(format!(".countersign-keys-{name:x}"));
        DirBuilder::new().mode(0o700).create(&workshop).map_err(unwritable)?;
        Ok(Self(workshop))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "a temporary folder with a key stays behind");
        }
    }
}
