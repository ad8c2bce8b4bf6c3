//! The rules of ARCHITECTURE.md, kept by reading the sources.
//!
//! A rule that only stands in a document is kept until the first busy day. These
//! are cheap to check by text, so the suite checks them, names every violation at
//! once, and shows for each rule a snippet that breaks it.

mod rules;
mod snippets;
pub mod source;
mod text;

use std::path::{Path, PathBuf};

use source::Source;

#[test]
fn the_sources_keep_the_rules_of_the_house() {
    let mut found = Vec::new();
    let mut unreadable = Vec::new();
    for (file, text) in files_of_the_repository() {
        found.extend(text::check_places(&file, &text));
        if is_rust(&file) {
            match Source::read(&file, &text) {
                Ok(source) => found.extend(rules::check(&source)),
                Err(error) => unreadable.push(error),
            }
        } else if file.starts_with("templates/") {
            found.extend(text::check_template(&file, &text));
        }
    }
    found.sort();
    let lines: Vec<String> = found.iter().map(ToString::to_string).chain(unreadable).collect();
    assert!(lines.is_empty(), "{} violations:\n{}\n", lines.len(), lines.join("\n"));
}

#[test]
fn the_scanner_sees_the_whole_repository() {
    let files: Vec<String> = files_of_the_repository().into_iter().map(|(file, _)| file).collect();
    for known in ["src/lib.rs", "src/domain/name.rs", "migrations/src/lib.rs", "tests/rooms.rs", "Makefile"] {
        assert!(files.iter().any(|file| file == known), "{known} was not read");
    }
}

pub fn is_rust(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "rs")
}

/// Every text file, by its path from the root. What git ignores is left out.
pub fn files_of_the_repository() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(root, root, &mut files);
    files.sort();
    files
}

const NOT_OURS: [&str; 8] =
    [".git", "target", "data", "keys", "node_modules", "config.json", "Cargo.lock", "proptest-regressions"];

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        if NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            files.push((name, text));
        }
    }
}
