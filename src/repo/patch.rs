//! The patch that is reviewed and sealed: byte for byte what
//! `git diff --no-renames --full-index --binary` prints.
//!
//! git2 is the faster of the two and gives the hunks and the counts; the header of
//! each file is written here, because its headers differ from git's for names with
//! spaces and for empty files. It packs binary files in another way than git does, so
//! a patch with any of those is printed by the git program.

use std::io::Write as _;

use git2::{Delta, DiffDelta, DiffFile, DiffFormat, DiffLineType, DiffOptions, FileMode, Oid, Repository};
use sha2::{Digest, Sha256};

use super::commits::find;
use super::error::RepoError;
use super::{Limits, Mirrors, changed_paths};
use crate::domain::diff::{DiffStat, FileStat, FileStatus, Patch};
use crate::domain::manifest::hex;
use crate::domain::name::{CommitId, Name};

/// Git knows the empty tree without having it.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

impl Mirrors {
    /// What changes from one commit to another; from the empty tree without a `from`.
    pub async fn patch(
        &self,
        app: &Name,
        from: Option<&CommitId>,
        to: &CommitId,
    ) -> Result<Patch, RepoError> {
        let (from, to) = (from.cloned(), to.clone());
        let limits = self.inner.limits;
        let read = move |repository: &Repository| {
            let old = match from {
                Some(from) => find(repository, &from)?.tree_id(),
                None => Oid::from_str(EMPTY_TREE)?,
            };
            let new = find(repository, &to)?.tree_id();
            Ok((old, new, between(repository, old, new, &limits)?))
        };
        let (old, new, Writer { bytes, files, .. }) = self.read(app, read).await?;
        let bytes = if files.iter().any(|file| file.binary) {
            let mirror = self.inner.mirror(app);
            let trees = [old.to_string(), new.to_string()];
            let printed = self.inner.git.diff(&mirror, trees, limits.patch_bytes, limits.fetch_for).await?;
            printed.ok_or_else(|| too_large(limits.patch_bytes))?
        } else {
            bytes
        };
        let sha256 = hex(&Sha256::digest(&bytes));
        Ok(Patch { bytes, sha256, stat: DiffStat { files } })
    }
}

fn too_large(limit: usize) -> RepoError {
    RepoError::TooLarge(format!("the patch is larger than {} MB", limit >> 20))
}

/// Stat and text of what changes between two trees; binary files are only marked.
fn between(repository: &Repository, old: Oid, new: Oid, limits: &Limits) -> Result<Writer, RepoError> {
    let limit = limits.patch_bytes;
    let [old, new] = [old, new].map(|oid| Some(oid).filter(|oid| oid.to_string() != EMPTY_TREE));
    changed_paths::check(repository, old, new, limits.tree_entries)?;
    let tree = |oid: Option<Oid>| oid.map(|oid| repository.find_tree(oid)).transpose();
    let (old, new) = (tree(old)?, tree(new)?);
    let mut options = DiffOptions::new();
    options.context_lines(3).interhunk_lines(0).indent_heuristic(true);
    let diff = repository.diff_tree_to_tree(old.as_ref(), new.as_ref(), Some(&mut options))?;
    let mut writer = Writer::default();
    let printed = diff.print(DiffFormat::Patch, |delta, _, line| {
        writer.line(&delta, line.origin_value(), line.content());
        writer.bytes.len() <= limit
    });
    if writer.bytes.len() > limit {
        return Err(too_large(limit));
    }
    printed?;
    Ok(writer)
}

/// Text and stat grow together in one pass.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    files: Vec<FileStat>,
    /// The `---` and `+++` lines of the file at hand, until its first hunk.
    names: Option<Vec<u8>>,
    /// The mode of the last file that was deleted.
    deleted_mode: u32,
}

impl Writer {
    fn line(&mut self, delta: &DiffDelta<'_>, kind: DiffLineType, content: &[u8]) {
        match kind {
            DiffLineType::FileHeader => {
                self.begin_file(delta);
                return;
            }
            DiffLineType::HunkHeader => {
                let names = self.names.take().unwrap_or_default();
                self.bytes.extend(names);
            }
            DiffLineType::Addition => self.bytes.push(b'+'),
            DiffLineType::Deletion => self.bytes.push(b'-'),
            DiffLineType::Context => self.bytes.push(b' '),
            DiffLineType::Binary => {
                if let Some(file) = self.files.last_mut() {
                    file.binary = true;
                }
                return;
            }
            DiffLineType::ContextEOFNL | DiffLineType::AddEOFNL | DiffLineType::DeleteEOFNL => {}
        }
        self.bytes.extend_from_slice(content);
        let Some(file) = self.files.last_mut() else { return };
        match kind {
            DiffLineType::Addition => file.added += 1,
            DiffLineType::Deletion => file.deleted += 1,
            _ => {}
        }
    }

    fn begin_file(&mut self, delta: &DiffDelta<'_>) {
        let (old, new) = (delta.old_file(), delta.new_file());
        let (old_name, new_name) = (name("a/", &old), name("b/", &new));
        let out = &mut self.bytes;
        // Writing to a Vec cannot fail.
        let _ = out.write_all(&[b"diff --git ", &*old_name, b" ", &*new_name, b"\n"].concat());
        let (old_mode, new_mode) = (mode(&old), mode(&new));
        let _ = match delta.status() {
            Delta::Added => writeln!(out, "new file mode {new_mode:06o}"),
            Delta::Deleted => writeln!(out, "deleted file mode {old_mode:06o}"),
            _ if old_mode != new_mode => {
                writeln!(out, "old mode {old_mode:06o}\nnew mode {new_mode:06o}")
            }
            _ => Ok(()),
        };
        if old.id() != new.id() {
            let _ = write!(out, "index {}..{}", old.id(), new.id());
            let _ = if old_mode == new_mode { writeln!(out, " {new_mode:06o}") } else { writeln!(out) };
        }
        let missing = b"/dev/null".to_vec();
        let old_line = if delta.status() == Delta::Added { missing.clone() } else { old_name };
        let new_line = if delta.status() == Delta::Deleted { missing } else { new_name };
        self.names = Some([b"--- ", &*ended(old_line), b"+++ ", &*ended(new_line)].concat());
        self.count_file(delta, old_mode, new_mode);
    }

    fn count_file(&mut self, delta: &DiffDelta<'_>, old_mode: u32, new_mode: u32) {
        let path = delta.new_file().path_bytes().or(delta.old_file().path_bytes()).unwrap_or_default();
        let path = String::from_utf8_lossy(path).into_owned();
        // A file that becomes a link, say, is a deletion followed by an addition.
        if delta.status() == Delta::Added
            && let Some(last) = self.files.last_mut()
            && last.status == FileStatus::Deleted
            && last.path == path
        {
            last.status = FileStatus::TypeChanged;
            last.mode = Some(format!("{:06o} → {new_mode:06o}", self.deleted_mode));
            return;
        }
        let status = match delta.status() {
            Delta::Added => FileStatus::Added,
            Delta::Deleted => FileStatus::Deleted,
            _ if delta.old_file().id() == delta.new_file().id() => FileStatus::ModeChanged,
            _ => FileStatus::Modified,
        };
        let stays = matches!(status, FileStatus::Modified | FileStatus::ModeChanged);
        let mode = (stays && old_mode != new_mode).then(|| format!("{old_mode:06o} → {new_mode:06o}"));
        self.deleted_mode = old_mode;
        self.files.push(FileStat { path, status, added: 0, deleted: 0, binary: false, mode });
    }
}

fn mode(file: &DiffFile<'_>) -> u32 {
    match file.mode() {
        FileMode::Unreadable => 0,
        FileMode::Tree => 0o040_000,
        FileMode::Blob => 0o100_644,
        FileMode::BlobGroupWritable => 0o100_664,
        FileMode::BlobExecutable => 0o100_755,
        FileMode::Link => 0o120_000,
        FileMode::Commit => 0o160_000,
    }
}

/// Git ends a name that holds a space with a tab, so that tools find its end.
fn ended(mut name: Vec<u8>) -> Vec<u8> {
    if name.contains(&b' ') {
        name.push(b'\t');
    }
    name.push(b'\n');
    name
}

/// The name as git prints it: as it is, or in quotes with C's escapes.
fn name(prefix: &str, file: &DiffFile<'_>) -> Vec<u8> {
    let path = file.path_bytes().unwrap_or_default();
    let is_plain = |b: u8| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\';
    let mut text = prefix.as_bytes().to_vec();
    if path.iter().all(|&b| is_plain(b)) {
        text.extend_from_slice(path);
        return text;
    }
    text.insert(0, b'"');
    for &byte in path {
        let short = match byte {
            7 => b'a',
            8 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            11 => b'v',
            12 => b'f',
            b'\r' => b'r',
            b'"' | b'\\' => byte,
            _ if is_plain(byte) => {
                text.push(byte);
                continue;
            }
            _ => {
                let _ = write!(text, "\\{byte:03o}");
                continue;
            }
        };
        text.extend([b'\\', short]);
    }
    text.push(b'"');
    text
}
