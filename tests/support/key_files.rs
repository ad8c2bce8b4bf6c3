//! The renaming of key files, as the administrator does it.

use std::fs;
use std::path::Path;

/// Moves a key and the ones before it one place back: `auth.key` becomes
/// `auth.key.1`. Who calls this makes the new one.
pub fn move_back(folder: &Path, name: &str) {
    for number in (1..9).rev() {
        let from = folder.join(format!("{name}.{number}"));
        if from.exists() {
            fs::rename(from, folder.join(format!("{name}.{}", number + 1))).unwrap();
        }
    }
    fs::rename(folder.join(name), folder.join(format!("{name}.1"))).unwrap();
}
