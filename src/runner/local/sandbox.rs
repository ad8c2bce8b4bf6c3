//! Where a script of a repository runs (rules.md 26).
//!
//! Bubblewrap is the choice: the script has its own file system, processes and, unless
//! the configuration says otherwise, network, made for it and gone with it. It sees
//! the copy of the tree at `/release`, the system's programs, a temporary folder and
//! nothing else. Its own processes cannot outlive it, whatever they do. It is never
//! root in there, nor anybody who is root outside: to the kernel's settings below
//! `/proc/sys` and to files that only root may read, an owner needs no capability.
//! So a service that runs as root has its scripts run as `nobody`; any other maps
//! itself.
//!
//! `user:NAME` is for machines that forbid namespaces. Such a script cannot read what
//! only we may read, and that is all: it sees the machine's processes, network, sockets
//! and every file open to everybody, and shares the account with scripts of other
//! deployments. `none` keeps nothing from a script but our environment.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::facts::Facts;
use super::process::{Limits, Outcome, Program, Stdin, run, supervised};
use super::workplace::Workplace;
use super::{LANG, PATH};
use crate::config::{self, Config};
use crate::domain::event::{EventKind, StepId, StepOutcome};
use crate::domain::name::{CommitId, Name};
use crate::runner::output::Output;
use crate::runner::ssh::words::printable;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    kind: config::Sandbox,
    network: bool,
    /// Further folders that a script sees and may write to.
    paths: Vec<PathBuf>,
    private: Private,
    limits: Limits,
    /// Whether we are root.
    as_root: bool,
}

/// What no script may see, should it lie where scripts look: below `/usr`, or below
/// one of the further folders. Resolved paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Private {
    pub files: Vec<PathBuf>,
    pub folders: Vec<PathBuf>,
}

impl Private {
    pub fn of(config: &Config) -> Self {
        let mut files = vec![&config.auth_key, &config.enc_key, &config.ssh.identity];
        let database = config.database.expose_secret().strip_prefix("sqlite:").map(PathBuf::from);
        files.extend(&database);
        Self {
            files: files.into_iter().map(|file| resolved(file)).collect(),
            folders: vec![resolved(&config.data_dir)],
        }
    }

    /// The first of them that is `folder` or lies in it.
    pub fn first_in(&self, folder: &Path) -> Option<&Path> {
        self.all().find(|path| path.starts_with(folder))
    }

    fn all(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().chain(&self.folders).map(PathBuf::as_path)
    }
}

fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// Where a script sees the tree, and its temporary folder.
const TREE: &str = "/release";
const TEMPORARY: &str = "/tmp";

/// What a script sees of the system. What a machine lacks is left out.
const SYSTEM: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
const SETTINGS: [&str; 11] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
];
const NETWORK_SETTINGS: [&str; 4] = ["/etc/hosts", "/etc/protocols", "/etc/resolv.conf", "/etc/services"];

/// The account `nobody`, which every system has, and its group.
const NOBODY: &str = "65534";
const BECOME_NOBODY: [&str; 11] = [
    "setpriv",
    "--reuid",
    NOBODY,
    "--regid",
    NOBODY,
    "--clear-groups",
    "--inh-caps=-all",
    "--ambient-caps=-all",
    "--bounding-set=-all",
    "--no-new-privs",
    "--",
];

/// For `sh`: becomes the user of the first word, with that account's groups, for good.
const BECOME: &str = r#"user=$1
shift
if [ "$(id -u -- "$user")" = 0 ]; then
  echo "$user may do everything" >&2
  exit 1
fi
group=$(id -g -- "$user") || exit
exec setpriv --reuid "$user" --regid "$group" --init-groups --no-new-privs -- "$@""#;

impl Sandbox {
    pub fn of(config: &Config) -> Self {
        let runner = &config.runner;
        Self::new(runner.sandbox.clone(), runner.sandbox_network, &runner.sandbox_paths, Private::of(config))
    }

    pub fn new(kind: config::Sandbox, network: bool, paths: &[PathBuf], private: Private) -> Self {
        let paths = paths.iter().map(|path| resolved(path)).collect();
        let as_root = rustix::process::geteuid().is_root();
        Self { kind, network, paths, private, limits: Limits::default(), as_root }
    }

    /// As it would be for root, or for anybody else.
    #[must_use]
    pub fn for_root(mut self, as_root: bool) -> Self {
        self.as_root = as_root;
        self
    }

    /// Hides one more file, such as the configuration that was read.
    #[must_use]
    pub fn hiding(mut self, file: &Path) -> Self {
        self.private.files.push(resolved(file));
        self
    }

    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The account that scripts run as outside any namespace, where it is not ours.
    pub(super) fn user(&self) -> Option<&str> {
        match &self.kind {
            config::Sandbox::User(user) => Some(user),
            config::Sandbox::Bubblewrap | config::Sandbox::None => None,
        }
    }

    /// Whom tree and temporary folder must belong to, in the words of `chown`.
    pub(super) fn owner(&self) -> Option<String> {
        match &self.kind {
            config::Sandbox::User(user) => Some(format!("{user}:")),
            config::Sandbox::Bubblewrap if self.as_root => Some(format!("{NOBODY}:{NOBODY}")),
            config::Sandbox::Bubblewrap | config::Sandbox::None => None,
        }
    }

    /// `bash SCRIPT ARGUMENTS` in `tree`, with `tmp` for its temporary folder and home. Both
    /// must be a `Workplace`'s.
    pub fn program(
        &self,
        tree: &Path,
        tmp: &Path,
        script: &str,
        arguments: &[&str],
        facts: &Facts,
    ) -> Program {
        let script = ["bash", script].into_iter().chain(arguments.iter().copied()).map(OsString::from);
        let supervised = supervised(&self.limits, script);
        let (argv, env, folder) = match &self.kind {
            config::Sandbox::Bubblewrap => {
                let mut argv = self.walls(tree, tmp);
                for (name, value) in environment(facts, Path::new(TEMPORARY)) {
                    argv.extend(["--setenv".into(), name, value]);
                }
                argv.push("--".into());
                if self.as_root {
                    argv.extend(BECOME_NOBODY.map(Into::into));
                }
                argv.extend(supervised);
                (argv, vec![("PATH".into(), PATH.into())], Path::new("/"))
            }
            config::Sandbox::User(user) => {
                let mut argv: Vec<OsString> =
                    ["sh", "-c", BECOME, "countersign", user].map(Into::into).into();
                argv.extend(supervised);
                (argv, environment(facts, tmp), tree)
            }
            config::Sandbox::None => (supervised, environment(facts, tmp), tree),
        };
        let is_walled = self.kind == config::Sandbox::Bubblewrap;
        Program {
            argv,
            env,
            folder: folder.to_owned(),
            stdin: Stdin::Lifeline,
            limits: self.limits,
            // The name of the temporary folder is this run's alone.
            mark: (!is_walled).then(|| joined("TMPDIR=", tmp)),
        }
    }

    fn walls(&self, tree: &Path, tmp: &Path) -> Vec<OsString> {
        let mut argv: Vec<OsString> = vec!["bwrap".into()];
        argv.extend(
            ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"].map(Into::into),
        );
        if !self.network {
            argv.push("--unshare-net".into());
        }
        argv.extend(["--cap-drop", "ALL"].map(Into::into));
        if self.as_root {
            // For setpriv, which gives them up.
            for capability in ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"] {
                argv.extend(["--cap-add", capability].map(Into::into));
            }
        } else {
            argv.extend(["--unshare-user", "--uid", NOBODY, "--gid", NOBODY].map(Into::into));
        }
        argv.extend(["--die-with-parent", "--new-session", "--clearenv"].map(Into::into));
        // Folders that bubblewrap makes on the way to others are for root alone.
        for folder in ["/etc", "/etc/pki", "/etc/pki/tls", "/etc/ssl"] {
            argv.extend(["--dir", folder].map(Into::into));
        }
        let network = NETWORK_SETTINGS.iter().filter(|_| self.network);
        for path in SYSTEM.iter().chain(&SETTINGS).chain(network) {
            argv.extend(["--ro-bind-try", path, path].map(Into::into));
        }
        argv.extend(["--proc", "/proc", "--dev", "/dev"].map(Into::into));
        bind(&mut argv, tmp, TEMPORARY);
        bind(&mut argv, tmp, "/dev/shm");
        for path in &self.paths {
            let mut way: Vec<&Path> = path.ancestors().skip(1).collect();
            way.pop();
            argv.extend(way.into_iter().rev().flat_map(|folder| ["--dir".into(), folder.into()]));
            bind(&mut argv, path, path);
        }
        self.hide(&mut argv);
        bind(&mut argv, tree, TREE);
        argv.extend(["--chdir", TREE].map(Into::into));
        argv
    }

    /// Puts emptiness where something private would be seen.
    fn hide(&self, argv: &mut Vec<OsString>) {
        let seen: Vec<&Path> =
            SYSTEM.iter().map(Path::new).chain(self.paths.iter().map(PathBuf::as_path)).collect();
        let is_seen = |path: &&PathBuf| seen.iter().any(|seen| path.starts_with(seen));
        for folder in self.private.folders.iter().filter(is_seen) {
            argv.extend(["--tmpfs".into(), folder.into()]);
        }
        for file in self.private.files.iter().filter(is_seen) {
            argv.extend(["--ro-bind".into(), "/dev/null".into(), file.into()]);
        }
    }

    /// Whether scripts can run here, by running one; else why not. It uses `base` as
    /// a deployment would.
    pub async fn ready(&self, base: &Path) -> Result<(), String> {
        if let config::Sandbox::User(user) = &self.kind {
            may_become(user)?;
        }
        for path in &self.paths {
            if let Some(private) = self.private.first_in(path) {
                let (path, private) = (path.display(), private.display());
                return Err(format!("runner.sandbox_paths has {path}, which holds {private}"));
            }
        }
        let place = Workplace::empty(self, base).await?;
        tokio::fs::write(place.tree().join(TRIAL), TRIAL_SCRIPT)
            .await
            .map_err(|error| format!("a file for trial could not be written: {error}"))?;
        let sandbox = self.clone().with_limits(Limits { time: Some(TRIAL_LIMIT), ..self.limits });
        let program = sandbox.program(place.tree(), place.tmp(), TRIAL, &[], &facts_of_trial()?);
        tried(&program).await
    }
}

fn bind(argv: &mut Vec<OsString>, from: &Path, to: impl AsRef<OsStr>) {
    argv.extend(["--bind".into(), from.into(), to.as_ref().to_owned()]);
}

fn joined(text: &str, path: &Path) -> OsString {
    let mut joined = OsString::from(text);
    joined.push(path);
    joined
}

/// The whole environment of a script.
fn environment(facts: &Facts, tmp: &Path) -> Vec<(OsString, OsString)> {
    let mut environment: Vec<(OsString, OsString)> = vec![
        ("PATH".into(), PATH.into()),
        ("HOME".into(), tmp.join("home").into()),
        ("LANG".into(), LANG.into()),
        ("TMPDIR".into(), tmp.into()),
    ];
    environment.extend(facts.variables().into_iter().map(|(name, value)| (name.into(), value.into())));
    environment
}

fn may_become(user: &str) -> Result<(), String> {
    if user == "root" {
        return Err("runner.sandbox is user:root, who may do everything".to_owned());
    }
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(format!("runner.sandbox is user:{user}, and only root can become another user"))
}

const TRIAL: &str = "trial.sh";
const TRIAL_SCRIPT: &str = "touch written && touch \"$TMPDIR/written\" && cd \"$HOME\"";
const TRIAL_LIMIT: Duration = Duration::from_secs(20);

fn facts_of_trial() -> Result<Facts, String> {
    let name = || Name::parse("trial").map_err(|error| error.to_string());
    Ok(Facts {
        deployment: 0,
        application: name()?,
        environment: name()?,
        release: "trial".to_owned(),
        commit: CommitId::parse(&"0".repeat(40)).map_err(|error| error.to_string())?,
        host: String::new(),
    })
}

async fn tried(program: &Program) -> Result<(), String> {
    let (events, mut said) = mpsc::channel(16);
    let out = Output::new(events, StepId(0), None);
    let cancel = CancellationToken::new();
    let run = async move { run(program, &out, &cancel).await };
    let listen = async {
        let mut last = None;
        while let Some(event) = said.recv().await {
            if let EventKind::Output { text, .. } = event
                && !text.trim().is_empty()
            {
                last = Some(printable(&text));
            }
        }
        last
    };
    let (outcome, last): (Outcome, Option<String>) = tokio::join!(run, listen);
    match outcome.judged("a script for trial") {
        StepOutcome::Failed { why } => Err(last.map(|last| format!("{why}: {last}")).unwrap_or(why)),
        _ => Ok(()),
    }
}
