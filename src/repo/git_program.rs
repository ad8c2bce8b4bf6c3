//! The `git` program: for the network, and for patches that hold binary files.
//!
//! It gets an environment of our own making, so that nothing of the machine's or the
//! account's configuration counts, one transport, one SSH key, and a group of its
//! own, so that its end is the end of everything it started.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio_util::sync::CancellationToken;

use super::error::{RepoError, reason_of};
use crate::domain::repository_url::{RepositoryUrl, Transport};

/// From TERM to KILL.
const GRACE: Duration = Duration::from_secs(5);
/// Of what git says, only the end is kept.
const STDERR_KEPT: usize = 16 << 10;

const REFSPECS: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

pub(super) struct GitProgram {
    /// Holds nothing but our own configuration of git and ssh. Git works in it.
    home: PathBuf,
    ssh_configuration: String,
}

/// A path that the operator names may belong to another account. Only a configuration
/// file tells the git at the other end of a local fetch that this is meant.
const GIT_CONFIGURATION: &str = "[safe]\n\tdirectory = *\n";
const GIT_CONFIGURATION_FILE: &str = "gitconfig";

/// Git hands this to a shell, so it holds no word that is not ours; ssh is started in
/// the home folder, as git is.
const SSH_COMMAND: &str = "ssh -F ssh_config";
const SSH_CONFIGURATION_FILE: &str = "ssh_config";

impl GitProgram {
    pub(super) fn new(home: PathBuf, ssh_identity: &Path, known_hosts: &Path) -> Self {
        Self { home, ssh_configuration: ssh_configuration(ssh_identity, known_hosts) }
    }

    /// Brings branches and tags of the remote `origin` into `mirror` and drops those
    /// that are gone. Other refs of the mirror are left alone.
    ///
    /// Ends within `within` plus the grace between TERM and KILL, or that grace after
    /// `cancel`; whatever the way, no process is left.
    pub(super) async fn fetch(
        &self,
        mirror: &Path,
        url: &RepositoryUrl,
        within: Duration,
        cancel: &CancellationToken,
    ) -> Result<(), RepoError> {
        self.make_home()?;
        let mut command = self.command(mirror);
        command
            .env("GIT_ALLOW_PROTOCOL", protocol(url.transport()))
            .env("GIT_SSH_COMMAND", SSH_COMMAND)
            .env("GIT_SSH_VARIANT", "ssh")
            .args(["fetch", "--quiet", "--prune", "--no-tags", "--no-auto-gc", "--no-recurse-submodules"])
            .args(["--no-write-fetch-head", "--end-of-options", "origin"])
            .args(REFSPECS);
        let mut running = Running::start(command)?;
        let ended = tokio::select! {
            ended = running.wait() => Some(ended?),
            () = tokio::time::sleep(within) => None,
            () = cancel.cancelled() => None,
        };
        match ended {
            Some(status) if status.success() => Ok(()),
            Some(_) => Err(RepoError::Unreachable(reason_of(&running.said, url))),
            None => {
                running.stop().await;
                Err(RepoError::TimedOut { seconds: within.as_secs() })
            }
        }
    }

    /// Packs loose objects and many packs into one, when there are enough of them.
    /// Objects that nothing names go when they are two weeks old.
    pub(super) async fn keep_up(
        &self,
        mirror: &Path,
        within: Duration,
        cancel: &CancellationToken,
    ) -> Result<(), RepoError> {
        self.make_home()?;
        let mut command = self.command(mirror);
        command
            .args(["-c", "gc.auto=2000", "-c", "gc.autoPackLimit=20", "-c", "gc.autoDetach=false"])
            .args(["gc", "--auto", "--quiet"]);
        let mut running = Running::start(command)?;
        let ended = tokio::select! {
            ended = running.wait() => Some(ended?),
            () = tokio::time::sleep(within) => None,
            () = cancel.cancelled() => None,
        };
        match ended {
            Some(status) if status.success() => Ok(()),
            Some(_) => Err(RepoError::internal(io::Error::other("git gc failed"))),
            None => {
                running.stop().await;
                Err(RepoError::TimedOut { seconds: within.as_secs() })
            }
        }
    }

    /// The patch between two tree objects, given by their full ids; `None` when it is
    /// larger than `limit` bytes.
    pub(super) async fn diff(
        &self,
        mirror: &Path,
        trees: [String; 2],
        limit: usize,
        within: Duration,
    ) -> Result<Option<Vec<u8>>, RepoError> {
        self.make_home()?;
        let mut command = self.command(mirror);
        command
            .args(["diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index"])
            .args(["--binary", "--unified=3", "--inter-hunk-context=0", "--diff-algorithm=myers"])
            .args(["--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--end-of-options"])
            .args(trees)
            .arg("--")
            .stdout(Stdio::piped());
        let mut running = Running::start(command)?;
        let mut printed = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let stdout = running.child.stdout.take();
        let read = async {
            match stdout {
                Some(stdout) => stdout.take(most).read_to_end(&mut printed).await,
                None => Ok(0),
            }
        };
        let both = async { tokio::join!(read, running.listen()).0 };
        let ended = tokio::time::timeout(within, both).await;
        if printed.len() > limit || !matches!(ended, Ok(Ok(_))) {
            running.stop().await;
        }
        match ended {
            _ if printed.len() > limit => Ok(None),
            Err(_) => Err(RepoError::TimedOut { seconds: within.as_secs() }),
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(_)) if running.wait().await?.success() => Ok(Some(printed)),
            Ok(Ok(_)) => Err(RepoError::internal(io::Error::other("git diff failed"))),
        }
    }

    /// The content of an object, given by its full id, as it is read. To be called
    /// where one may block.
    pub(super) fn blob(&self, mirror: &Path, id: &str) -> Result<Reading, RepoError> {
        self.make_home()?;
        let mut command = self.command(mirror);
        command.args(["cat-file", "blob", id]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.into_std().spawn()?;
        match child.stdout.take() {
            Some(stdout) => Ok(Reading { child, stdout }),
            None => Err(RepoError::internal(io::Error::other("git has no output"))),
        }
    }

    fn command(&self, mirror: &Path) -> Command {
        let mut command = Command::new("git");
        let mut git_dir = OsStr::new("--git-dir=").to_owned();
        git_dir.push(mirror);
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", self.home.join(GIT_CONFIGURATION_FILE))
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "none")
            .arg(git_dir)
            .args(["-c", "protocol.version=2", "-c", "core.hooksPath=/dev/null"])
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    fn make_home(&self) -> io::Result<()> {
        fs::create_dir_all(&self.home)?;
        write_whole(&self.home.join(GIT_CONFIGURATION_FILE), GIT_CONFIGURATION)?;
        write_whole(&self.home.join(SSH_CONFIGURATION_FILE), &self.ssh_configuration)
    }
}

/// Writes a file that another process may be reading: it is never seen in part.
fn write_whole(file: &Path, text: &str) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    if fs::read_to_string(file).is_ok_and(|current| current == text) {
        return Ok(());
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let unfinished = file.with_extension(format!("{}-{number}", std::process::id()));
    fs::write(&unfinished, text)?;
    fs::rename(unfinished, file)
}

/// Only the transport that the address names, so that no redirect leads to another.
fn protocol(transport: Transport) -> &'static str {
    match transport {
        Transport::Https => "https",
        Transport::Ssh => "ssh",
        Transport::Path => "file",
    }
}

/// A git that prints. It ends when nobody reads any more.
pub(super) struct Reading {
    child: std::process::Child,
    pub(super) stdout: std::process::ChildStdout,
}

impl Reading {
    /// Once all was read.
    pub(super) fn ended_well(mut self) -> Result<(), RepoError> {
        drop(self.stdout);
        if self.child.wait()?.success() {
            Ok(())
        } else {
            Err(RepoError::internal(io::Error::other("git cat-file failed")))
        }
    }
}

/// A running git and everything it started.
struct Running {
    child: Child,
    stderr: Option<ChildStderr>,
    said: Vec<u8>,
}

impl Running {
    fn start(mut command: Command) -> io::Result<Self> {
        let mut child = command.spawn()?;
        Ok(Self { stderr: child.stderr.take(), child, said: Vec::new() })
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.listen().await;
        self.child.wait().await
    }

    /// Until the last process that could say something is gone.
    async fn listen(&mut self) {
        let Some(stderr) = &mut self.stderr else { return };
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = stderr.read(&mut part).await {
            self.said.extend_from_slice(&part[..length]);
            let surplus = self.said.len().saturating_sub(STDERR_KEPT);
            self.said.drain(..surplus);
        }
    }

    /// TERM lets git remove its lock files; KILL comes before the child is reaped,
    /// while its process id cannot belong to anybody else.
    async fn stop(&mut self) {
        self.signal(Signal::TERM);
        let _ = tokio::time::timeout(GRACE, self.listen()).await;
        self.signal(Signal::KILL);
        let _ = self.child.wait().await;
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(Pid::from_raw) {
            // The only failure is that the group is gone, which is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    }
}

/// What ssh may do: sign in with our key to hosts that we know, and nothing else.
fn ssh_configuration(identity: &Path, known_hosts: &Path) -> String {
    let (identity, known_hosts) = (ssh_path(identity), ssh_path(known_hosts));
    format!(
        "IdentityFile {identity}
UserKnownHostsFile {known_hosts}
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
UpdateHostKeys no
BatchMode yes
IdentitiesOnly yes
IdentityAgent none
ForwardAgent no
ClearAllForwardings yes
PermitLocalCommand no
ControlPath none
ConnectTimeout 20
ServerAliveInterval 15
ServerAliveCountMax 3
"
    )
}

/// One file name in ssh's own syntax, where spaces part words and `%` expands.
fn ssh_path(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text = absolute.to_string_lossy().replace('%', "%%");
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}
