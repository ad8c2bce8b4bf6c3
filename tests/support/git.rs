//! Real repositories, made with the git program, for the suites and the demo.
//!
//! Works on a machine without any git identity or configuration, and is not changed
//! by one that has them.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository with a work tree, in a folder of the caller's. Every method panics
/// with git's own words when it fails.
#[derive(Debug, Clone)]
pub struct GitRepository {
    folder: PathBuf,
    /// Name and address of whoever commits and tags from now on.
    author: (String, String),
}

impl GitRepository {
    /// An empty repository whose branch is `main`. `folder` is made.
    pub fn init(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let author = ("Dana Dev".to_owned(), "dana@example.com".to_owned());
        let repository = Self { folder, author };
        repository.git(["init", "--quiet"]);
        repository.git(["symbolic-ref", "HEAD", "refs/heads/main"]);
        repository
    }

    #[must_use]
    pub fn by(mut self, name: &str, mail: &str) -> Self {
        self.author = (name.to_owned(), mail.to_owned());
        self
    }

    /// The same repository, with what somebody else commits.
    pub fn as_author(&self, name: &str, mail: &str) -> Self {
        Self { folder: self.folder.clone(), author: (name.to_owned(), mail.to_owned()) }
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// As the service is told it: an absolute path.
    pub fn address(&self) -> String {
        self.folder.to_string_lossy().into_owned()
    }

    /// Writes files of the work tree. The next commit takes them.
    pub fn write(&self, path: impl AsRef<OsStr>, content: impl AsRef<[u8]>) -> &Self {
        let file = self.place(path.as_ref());
        done(&file, fs::write(&file, content));
        self
    }

    pub fn write_executable(&self, path: impl AsRef<OsStr>, content: impl AsRef<[u8]>) -> &Self {
        self.write(path.as_ref(), content);
        self.set_executable(path, true)
    }

    pub fn set_executable(&self, path: impl AsRef<OsStr>, executable: bool) -> &Self {
        let file = self.place(path.as_ref());
        let mode = if executable { 0o755 } else { 0o644 };
        done(&file, fs::set_permissions(&file, Permissions::from_mode(mode)));
        self
    }

    pub fn link(&self, path: impl AsRef<OsStr>, target: impl AsRef<OsStr>) -> &Self {
        let link = self.place(path.as_ref());
        done(&link, symlink(target.as_ref(), &link));
        self
    }

    pub fn remove(&self, path: impl AsRef<OsStr>) -> &Self {
        let file = self.place(path.as_ref());
        let facts = fs::symlink_metadata(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let removed = if facts.is_dir() { fs::remove_dir_all(&file) } else { fs::remove_file(&file) };
        done(&file, removed);
        self
    }

    /// Commits the work tree as it is, at `at` seconds since 1970; gives the commit's id.
    pub fn commit(&self, message: &str, at: i64) -> String {
        self.git(["add", "--all", "--force"]);
        self.commit_index(message, at)
    }

    /// Commits the index, for trees that no work tree can hold.
    pub fn commit_index(&self, message: &str, at: i64) -> String {
        let arguments = ["commit", "--quiet", "--allow-empty", "--allow-empty-message", "-m", message];
        self.run(arguments, b"", at);
        self.git(["rev-parse", "HEAD"])
    }

    /// A commit of any tree object, on no branch until a ref names it.
    pub fn commit_tree(&self, tree: &str, parents: &[&str], message: &str, at: i64) -> String {
        let mut arguments = vec!["commit-tree", tree, "-m", message];
        arguments.extend(parents.iter().flat_map(|parent| ["-p", *parent]));
        self.run(arguments, b"", at)
    }

    /// A tree object from raw entries, which git's own tools would refuse to make.
    pub fn raw_tree(&self, entries: &[(&str, &[u8], &str)]) -> String {
        let mut tree = Vec::new();
        for (mode, name, object) in entries {
            tree.extend_from_slice(mode.as_bytes());
            tree.push(b' ');
            tree.extend_from_slice(name);
            tree.push(0);
            tree.extend((0..object.len()).step_by(2).map(|at| {
                u8::from_str_radix(&object[at..at + 2], 16)
                    .unwrap_or_else(|error| panic!("{object}: {error}"))
            }));
        }
        self.run(["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &tree, 0)
    }

    pub fn blob(&self, content: impl AsRef<[u8]>) -> String {
        self.run(["hash-object", "-w", "--stdin"], content.as_ref(), 0)
    }

    /// A lightweight tag; one of that name is moved.
    pub fn tag(&self, name: &str, commit: &str) -> &Self {
        self.set_ref(&format!("refs/tags/{name}"), commit)
    }

    /// An annotated tag; one of that name is moved. Gives the id of the tag object.
    pub fn annotated_tag(&self, name: &str, commit: &str, message: &str, at: i64) -> String {
        self.run(["tag", "--force", "--annotate", "-m", message, "--", name, commit], b"", at);
        self.git(["rev-parse".to_owned(), format!("refs/tags/{name}")])
    }

    pub fn delete_tag(&self, name: &str) -> &Self {
        self.delete_ref(&format!("refs/tags/{name}"))
    }

    /// Makes or moves a branch that is not checked out.
    pub fn branch(&self, name: &str, commit: &str) -> &Self {
        self.set_ref(&format!("refs/heads/{name}"), commit)
    }

    pub fn delete_branch(&self, name: &str) -> &Self {
        self.delete_ref(&format!("refs/heads/{name}"))
    }

    /// Moves the current branch, its work tree with it, as before a force-push.
    pub fn reset(&self, commit: &str) -> &Self {
        self.git(["reset", "--quiet", "--hard", commit]);
        self
    }

    /// Any ref by its full name, without a look at whether git would like it.
    pub fn set_ref(&self, name: &str, object: &str) -> &Self {
        self.git(["update-ref", name, object]);
        self
    }

    pub fn delete_ref(&self, name: &str) -> &Self {
        self.git(["update-ref", "-d", name]);
        self
    }

    /// Runs git here and gives what it printed, without the last line end.
    pub fn git<I>(&self, arguments: I) -> String
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.run(arguments, b"", 0)
    }

    fn run<I>(&self, arguments: I, input: &[u8], at: i64) -> String
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let (name, mail) = &self.author;
        let date = format!("@{at} +0000");
        let mut command = git_at(&self.folder);
        command.args(arguments);
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), name);
            command.env(format!("GIT_{role}_EMAIL"), mail);
            command.env(format!("GIT_{role}_DATE"), &date);
        }
        let printed = output_of(command, input);
        String::from_utf8_lossy(&printed).trim_end_matches('\n').to_owned()
    }

    /// Where a file of the work tree is; its folder is made.
    fn place(&self, path: &OsStr) -> PathBuf {
        let file = self.folder.join(path);
        if let Some(parent) = file.parent() {
            done(parent, fs::create_dir_all(parent));
        }
        file
    }
}

/// A git command in a folder (a work tree or a bare repository), with no
/// configuration but the repository's own.
pub fn git_at(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_DEFAULT_HASH", "sha1")
        .args(["-c", "init.defaultBranch=main", "-c", "core.autocrlf=false", "-c", "gc.auto=0"])
        .current_dir(folder);
    command
}

/// Runs a command to its end and gives its output; panics with its words if it fails.
pub fn output_of(mut command: Command, input: &[u8]) -> Vec<u8> {
    let shown: Vec<OsString> = command.get_args().map(OsStr::to_owned).collect();
    let mut run = || {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input)?;
        }
        child.wait_with_output()
    };
    let output = run().unwrap_or_else(|error| panic!("git {shown:?}: {error}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {shown:?}: {words}");
    output.stdout
}

fn done(path: &Path, result: std::io::Result<()>) {
    result.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
