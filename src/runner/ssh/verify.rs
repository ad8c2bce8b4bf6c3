//! Compares what is on a host with what was approved.

use super::words::printable;
use crate::domain::manifest::{Entry, EntryKind, hex};

/// Differences that are named one by one.
const NAMED: usize = 5;

/// The paths, as `commands::list` reads them. The `./` keeps a leading dash harmless.
pub fn question(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(b"./");
        bytes.extend_from_slice(&entry.path);
        bytes.push(0);
    }
    bytes
}

/// Compares the answer of `commands::list`; an error names what differs.
pub fn compare(entries: &[Entry], answer: &[u8]) -> Result<(), String> {
    let records = answer.split(|byte| *byte == 0).filter(|record| !record.is_empty());
    let (kinds, hashes): (Vec<&[u8]>, Vec<&[u8]>) =
        records.partition(|record| record[0].is_ascii_uppercase());
    let files = kinds.iter().filter(|kind| matches!(kind[0], b'X' | b'F')).count();
    if kinds.len() != entries.len() || hashes.len() != files {
        return Err("not every file there could be read".to_owned());
    }
    let mut hashes = hashes.into_iter();
    let mut differing = Vec::new();
    for (entry, kind) in entries.iter().zip(kinds) {
        let hash = if matches!(kind[0], b'X' | b'F') { hashes.next() } else { None };
        if let Some(how) = difference(entry, kind, hash.unwrap_or_default()) {
            differing.push(format!("{} ({how})", printable(&String::from_utf8_lossy(&entry.path))));
        }
    }
    match differing.len() {
        0 => Ok(()),
        count => {
            let named = differing.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
            Err(format!("what is there is not what was approved: {named}{more}"))
        }
    }
}

fn difference(entry: &Entry, kind: &[u8], hash: &[u8]) -> Option<&'static str> {
    match (&entry.kind, kind[0]) {
        (_, b'M') => Some("missing"),
        (EntryKind::Symlink { target }, b'L') => (kind[1..] != target[..]).then_some("leads elsewhere"),
        (EntryKind::File { executable, sha256, .. }, found @ (b'X' | b'F')) => {
            // A backslash before the hash says that the printed name is escaped.
            let hash = hash.strip_prefix(b"\\").unwrap_or(hash);
            if hash.trim_ascii_end() != hex(sha256).as_bytes() {
                Some("other content")
            } else if *executable && found == b'F' {
                Some("not executable")
            } else if !*executable && found == b'X' {
                Some("executable")
            } else {
                None
            }
        }
        _ => Some("another kind of file"),
    }
}
