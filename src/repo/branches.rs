//! Branches of a mirror and where they lead.

use super::commits::describe;
use super::error::RepoError;
use super::{Mirrors, plain_text};
use crate::domain::diff::BranchInfo;
use crate::domain::name::Name;

const PREFIX: &str = "refs/heads/";

impl Mirrors {
    /// All of them, by name. A name that is not what it shows is left out: nothing
    /// can be configured to deploy from it.
    pub async fn branches(&self, app: &Name) -> Result<Vec<BranchInfo>, RepoError> {
        self.read(app, |repository| {
            let mut branches = Vec::new();
            for reference in repository.references_glob("refs/heads/*")? {
                let reference = reference?;
                let name = plain_text::line(&reference.name_bytes()[PREFIX.len()..]);
                let is_plain = name.as_bytes() == &reference.name_bytes()[PREFIX.len()..];
                let Some(commit) = reference.target().filter(|_| is_plain) else { continue };
                branches.push(BranchInfo { name, commit: describe(&repository.find_commit(commit)?)? });
            }
            branches.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(branches)
        })
        .await
    }
}
