//! What the service knows of an application's repository: a bare mirror of its
//! branches and tags, and clean trees exported from it.
//!
//! The network part is the `git` program, because it has the transports and can be
//! killed; reading is done by git2, off the async threads. Nothing of a repository
//! ever runs here: no hooks, filters, attributes or submodules, and no text from
//! outside reaches git's revision syntax. A ref is looked up by its full name, a
//! commit by its full id.

mod branches;
mod built_tree;
mod changed_paths;
mod clean;
mod commits;
mod error;
mod export;
mod fetch;
mod git_program;
mod links;
mod mirror;
mod patch;
mod plain_text;
mod tags;
mod tree_plan;
mod tree_record;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::name::Name;

pub use built_tree::manifest_of;
pub use error::RepoError;
pub use export::Tree;

/// The mirrors and trees of all applications under one data folder. Cheap to clone.
///
/// Several processes may share the folder: writers take a file lock per application.
#[derive(Clone)]
pub struct Mirrors {
    inner: Arc<Inner>,
}

struct Inner {
    mirrors: PathBuf,
    trees: PathBuf,
    git: git_program::GitProgram,
    limits: Limits,
    lanes: Mutex<HashMap<Name, Arc<fetch::Lane>>>,
}

/// What one repository may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a fetch into a mirror that exists.
    pub fetch_for: Duration,
    /// For the first fetch, which brings everything.
    pub clone_for: Duration,
    /// Bytes of one patch, which is held in memory.
    pub patch_bytes: usize,
    /// Files, links and folders of one tree, or those that differ between two.
    pub tree_entries: usize,
    /// Bytes of one file of an exported tree.
    pub file_bytes: usize,
    /// Bytes of one exported tree.
    pub tree_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fetch_for: Duration::from_mins(1),
            clone_for: Duration::from_mins(10),
            patch_bytes: 256 << 20,
            tree_entries: 1_000_000,
            file_bytes: 8 << 30,
            tree_bytes: 16 << 30,
        }
    }
}

impl Mirrors {
    /// Mirrors live in `data_dir/mirrors`, trees in `data_dir/trees`; both are made
    /// when first needed. `ssh_identity` and `known_hosts` are the only key and the
    /// only host keys that a fetch by ssh uses.
    pub fn new(data_dir: &Path, ssh_identity: PathBuf, known_hosts: PathBuf) -> Self {
        Self::with_limits(data_dir, ssh_identity, known_hosts, Limits::default())
    }

    pub fn with_limits(data_dir: &Path, ssh_identity: PathBuf, known_hosts: PathBuf, limits: Limits) -> Self {
        let absolute = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        let mirrors = absolute.join("mirrors");
        let git = git_program::GitProgram::new(mirrors.join(".home"), &ssh_identity, &known_hosts);
        Self {
            inner: Arc::new(Inner {
                trees: absolute.join("trees"),
                mirrors,
                git,
                limits,
                lanes: Mutex::new(HashMap::new()),
            }),
        }
    }

    /// Reads the mirror of `app` on a thread that may block.
    async fn read<T, F>(&self, app: &Name, work: F) -> Result<T, RepoError>
    where
        T: Send + 'static,
        F: FnOnce(&git2::Repository) -> Result<T, RepoError> + Send + 'static,
    {
        let folder = self.inner.mirror(app);
        let work = move || work(&mirror::open(&folder)?);
        tokio::task::spawn_blocking(work).await.map_err(RepoError::internal)?
    }
}

impl Inner {
    /// Names start with a letter or digit, so what starts with `.` in these folders
    /// is never an application's.
    fn mirror(&self, app: &Name) -> PathBuf {
        self.mirrors.join(format!("{app}.git"))
    }

    fn lane(&self, app: &Name) -> Arc<fetch::Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(app.clone()).or_default())
    }
}
