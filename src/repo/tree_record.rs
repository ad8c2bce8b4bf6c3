//! The record beside an exported tree: its manifest and what the export let through,
//! so that a finished tree is used again without reading the mirror.

use std::fmt::Write as _;
use std::str::FromStr;

use crate::domain::manifest::{Entry, EntryKind, Manifest, hex};

const FIRST_LINE: &str = "countersign tree 1";

pub(super) struct TreeRecord {
    pub(super) manifest: Manifest,
    pub(super) exception: Option<Exception>,
}

/// The first path that only an application which allows it may deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exception {
    pub(super) path: Vec<u8>,
    pub(super) kind: ExceptionKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExceptionKind {
    Submodule,
    LfsPointer,
}

impl ExceptionKind {
    fn word(self) -> &'static str {
        match self {
            Self::Submodule => "submodule",
            Self::LfsPointer => "lfs",
        }
    }
}

impl TreeRecord {
    /// One line an entry, bytes in hexadecimal; the last line is the manifest's digest,
    /// so that a record cut short is not believed.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        if let Some(Exception { path, kind }) = &self.exception {
            let _ = writeln!(text, "{} {}", kind.word(), hex(path));
        }
        for Entry { path, kind } in &self.manifest.entries {
            let path = hex(path);
            let _ = match kind {
                EntryKind::File { executable, size, sha256 } => {
                    let kind = if *executable { "program" } else { "file" };
                    writeln!(text, "{kind} {path} {size} {}", hex(sha256))
                }
                EntryKind::Symlink { target } => writeln!(text, "link {path} {}", hex(target)),
            };
        }
        let _ = writeln!(text, "digest {}", self.manifest.digest());
        text
    }

    /// `None` for anything but the whole of what `to_text` wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut record = Self { manifest: Manifest::default(), exception: None };
        for line in lines {
            let mut words = line.split(' ');
            let kind = words.next()?;
            if kind == "digest" {
                return (words.next()? == record.manifest.digest()).then_some(record);
            }
            let path = unhex(words.next()?)?;
            match kind {
                "submodule" => {
                    record.exception = Some(Exception { path, kind: ExceptionKind::Submodule });
                }
                "lfs" => record.exception = Some(Exception { path, kind: ExceptionKind::LfsPointer }),
                "file" | "program" => {
                    let size = u64::from_str(words.next()?).ok()?;
                    let sha256 = unhex(words.next()?)?.try_into().ok()?;
                    let kind = EntryKind::File { executable: kind == "program", size, sha256 };
                    record.manifest.entries.push(Entry { path, kind });
                }
                "link" => {
                    let kind = EntryKind::Symlink { target: unhex(words.next()?)? };
                    record.manifest.entries.push(Entry { path, kind });
                }
                _ => return None,
            }
        }
        None
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}
