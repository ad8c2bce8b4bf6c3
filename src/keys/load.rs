//! Loads the key files, and refuses what is not a key or not a secret.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretBox;

use super::{Keys, Ring};

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{} does not exist; `countersign keys` makes it", path.display())]
    Missing { path: PathBuf },
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{} is open to other people (mode {mode:03o}); `chmod 600` it", path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{} must hold exactly {wanted} bytes, not {found}", path.display())]
    Length { path: PathBuf, wanted: usize, found: String },
    #[error("{} cannot be made: {error}", path.display())]
    Unwritable { path: PathBuf, error: io::Error },
    #[error("{0}")]
    SshKeygen(String),
}

impl Keys {
    /// Loads both keys and the older ones beside them (`auth.key.1`, `.2` …),
    /// or says everything that is wrong with them.
    pub fn load(auth: &Path, enc: &Path) -> Result<Keys, Vec<KeyError>> {
        let mut errors = Vec::new();
        let auth = load_ring(auth, &mut errors);
        let enc = load_ring(enc, &mut errors);
        match (auth, enc) {
            (Some(auth), Some(enc)) if errors.is_empty() => Ok(Keys { auth, enc }),
            _ => Err(errors),
        }
    }
}

fn load_ring<const BYTES: usize>(path: &Path, errors: &mut Vec<KeyError>) -> Option<Ring<BYTES>> {
    let newest = load_key(path).map_err(|error| errors.push(error)).ok();
    let names = older_files(path).map_err(|error| errors.push(error)).unwrap_or_default();
    let mut older = Vec::new();
    for file in names {
        match load_key(&file) {
            Ok(key) => older.push((file, key)),
            Err(error) => errors.push(error),
        }
    }
    Some(Ring { newest: newest?, older })
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `auth.key.1`, `auth.key.2` … beside `auth.key`, in the order of their numbers.
fn older_files(path: &Path) -> Result<Vec<PathBuf>, KeyError> {
    let unreadable = |error| KeyError::Unreadable { path: path.to_owned(), error };
    let folder = folder_of(path);
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
    let mut numbered = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // Then the newest is missing too, and said to be.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let file = entry.file_name();
        let number =
            file.to_str().and_then(|file| file.strip_prefix(name)?.strip_prefix('.')?.parse::<u32>().ok());
        // Spelled as we spell it: `auth.key.01` is somebody's own file.
        let number = number.filter(|number| file.to_str() == Some(&format!("{name}.{number}")));
        numbered.extend(number.map(|number| (number, entry.path())));
    }
    numbered.sort();
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

fn load_key<const BYTES: usize>(path: &Path) -> Result<SecretBox<[u8; BYTES]>, KeyError> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => KeyError::Missing { path: path.to_owned() },
        _ => KeyError::Unreadable { path: path.to_owned(), error },
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed { path: path.to_owned(), mode });
    }
    let wrong_length = |found: String| KeyError::Length { path: path.to_owned(), wanted: BYTES, found };
    if metadata.len() != BYTES as u64 {
        return Err(wrong_length(metadata.len().to_string()));
    }
    let mut key = Box::new([0; BYTES]);
    (&file).read_exact(key.as_mut_slice()).map_err(unreadable)?;
    Ok(SecretBox::new(key))
}
