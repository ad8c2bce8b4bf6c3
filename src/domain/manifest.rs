//! The manifest of a tree: what must be on a host when a release is there.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Entries in the byte order of their paths; folders are implied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative, without `.` and `..`; the bytes git holds, which need not be UTF-8.
    pub path: Vec<u8>,
    pub kind: EntryKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    File { executable: bool, size: u64, sha256: [u8; 32] },
    Symlink { target: Vec<u8> },
}

impl Manifest {
    /// SHA-256 over every entry, lower-case hexadecimal.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for entry in &self.entries {
            hash.update((entry.path.len() as u64).to_be_bytes());
            hash.update(&entry.path);
            match &entry.kind {
                EntryKind::File { executable, size, sha256 } => {
                    hash.update([b'f', u8::from(*executable)]);
                    hash.update(size.to_be_bytes());
                    hash.update(sha256);
                }
                EntryKind::Symlink { target } => {
                    hash.update(b"l");
                    hash.update((target.len() as u64).to_be_bytes());
                    hash.update(target);
                }
            }
        }
        hex(&hash.finalize())
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
