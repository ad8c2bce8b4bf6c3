//! How many paths differ between two trees, as far as a limit.
//!
//! A few small tree objects that hold each other many times over can describe more
//! paths than any machine has memory for. They are counted before anything is made
//! of each of them.

use std::collections::BTreeMap;

use git2::{ObjectType, Oid, Repository};

use super::error::RepoError;

/// Refuses when more than `limit` files and folders differ. `None` is the empty tree.
pub(super) fn check(
    repository: &Repository,
    old: Option<Oid>,
    new: Option<Oid>,
    limit: usize,
) -> Result<(), RepoError> {
    let mut count = 0;
    let mut ahead = vec![(old, new)];
    while let Some((old, new)) = ahead.pop() {
        let mut sides: BTreeMap<Vec<u8>, [Option<Entry>; 2]> = BTreeMap::new();
        for (side, tree) in [old, new].into_iter().enumerate() {
            let Some(tree) = tree else { continue };
            for entry in &repository.find_tree(tree)? {
                let is_tree = entry.kind() == Some(ObjectType::Tree);
                let entry_here = Entry { id: entry.id(), mode: entry.filemode_raw(), is_tree };
                sides.entry(entry.name_bytes().to_vec()).or_default()[side] = Some(entry_here);
            }
        }
        for [old, new] in sides.into_values().filter(|[old, new]| old != new) {
            count += 1;
            if count > limit {
                return Err(RepoError::TooLarge(format!("more than {limit} files and folders differ")));
            }
            let tree = |entry: Option<Entry>| entry.filter(|entry| entry.is_tree).map(|entry| entry.id);
            let trees = (tree(old), tree(new));
            if trees != (None, None) {
                ahead.push(trees);
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    id: Oid,
    mode: i32,
    is_tree: bool,
}
