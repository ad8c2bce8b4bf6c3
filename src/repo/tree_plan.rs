//! What an export will write, and what it refuses: everything that git allows in a
//! tree and that must not reach a server. Decided before anything is written.

use git2::{ObjectType, Oid, Repository};

use super::error::RepoError;
use super::links::{LONGEST_TARGET, Links};
use super::{Limits, plain_text};

/// What will be written, in the order of git's trees.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) folders: Vec<Vec<u8>>,
    pub(super) files: Vec<PlannedFile>,
    pub(super) links: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) submodule: Option<Vec<u8>>,
}

pub(super) struct PlannedFile {
    pub(super) path: Vec<u8>,
    pub(super) oid: Oid,
    pub(super) size: usize,
    pub(super) executable: bool,
}

/// Reads the whole tree and refuses what may not be deployed. Not recursive: how deep
/// folders lie is the repository's choice.
pub(super) fn plan(repository: &Repository, root: Oid, limits: &Limits) -> Result<Plan, RepoError> {
    let odb = repository.odb()?;
    let (mut plan, mut links) = (Plan::default(), Links::default());
    let (mut entries, mut bytes) = (0_usize, 0_u64);
    let mut ahead = vec![(Vec::new(), root)];
    while let Some((folder, oid)) = ahead.pop() {
        for entry in &repository.find_tree(oid)? {
            let path = join(&folder, entry.name_bytes())?;
            entries += 1;
            if entries > limits.tree_entries {
                let most = limits.tree_entries;
                return Err(RepoError::TooLarge(format!("the tree has more than {most} entries")));
            }
            match entry.filemode_raw() {
                0o040_000 => {
                    plan.folders.push(path.clone());
                    ahead.push((path, entry.id()));
                }
                0o120_000 => {
                    if odb.read_header(entry.id())?.0 > LONGEST_TARGET {
                        return Err(RepoError::refused_path(
                            &path,
                            "is a link with a target that is too long",
                        ));
                    }
                    let target = repository.find_blob(entry.id())?.content().to_vec();
                    links.insert(path.clone(), target.clone());
                    plan.links.push((path, target));
                }
                0o160_000 => plan.submodule = plan.submodule.into_iter().chain([path]).min(),
                mode @ (0o100_644 | 0o100_664 | 0o100_755) => {
                    let (size, kind) = odb.read_header(entry.id())?;
                    if kind != ObjectType::Blob {
                        return Err(RepoError::refused_path(&path, "is no file, although the tree says so"));
                    }
                    if size > limits.file_bytes {
                        let most = limits.file_bytes >> 20;
                        let path = plain_text::line(&path);
                        return Err(RepoError::TooLarge(format!("{path} is larger than {most} MB")));
                    }
                    bytes += size as u64;
                    let executable = mode == 0o100_755;
                    plan.files.push(PlannedFile { path, oid: entry.id(), size, executable });
                }
                _ => return Err(RepoError::refused_path(&path, "is of a kind that is not known")),
            }
        }
        if bytes > limits.tree_bytes {
            let most = limits.tree_bytes >> 20;
            return Err(RepoError::TooLarge(format!("the tree is larger than {most} MB")));
        }
    }
    match links.first_refused() {
        Some((path, why)) => Err(RepoError::refused_path(path, why)),
        None => Ok(plan),
    }
}

/// The path of an entry. Git's own tools write none of the names refused here; a
/// repository made by hand can hold them.
pub(super) fn join(folder: &[u8], name: &[u8]) -> Result<Vec<u8>, RepoError> {
    let path = if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() };
    let why = match name {
        b"" => "is an empty name",
        b"." | b".." => "is a name that leads elsewhere",
        _ if name.eq_ignore_ascii_case(b".git") => "is a name that only git itself may use",
        _ if name.iter().any(|&b| b == b'/' || b == 0) => "is a name that no file can have",
        _ if name.len() > 255 || path.len() > 3000 => "is too long",
        _ => return Ok(path),
    };
    Err(RepoError::refused_path(&path, why))
}
