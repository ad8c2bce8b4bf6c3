//! One authenticated connection to one host, for everything that a run does there.
//!
//! `ssh` is started here with an argument list of our own, because nothing of a
//! machine's or person's configuration may take part: no config file, no agent,
//! no other known keys. It runs one command that waits on our pipe; when this
//! process dies, the pipe ends, the command ends, and so does the connection.
//! Commands and rsync go through its control socket.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use super::commands;
use super::words::{self, Failure};
use crate::domain::name::Name;
use crate::domain::plan::HostFacts;
use crate::domain::target::{HostAddress, HostKey, RemoteUser};

/// How to connect, the same for every host.
#[derive(Debug, Clone)]
pub struct SshSettings {
    /// The private key.
    pub identity: PathBuf,
    pub connect_timeout_s: u32,
    /// Where control sockets live; made with mode 0700.
    pub control_dir: PathBuf,
}

/// A host that may be connected to: parsed, and with its pinned key.
#[derive(Debug, Clone)]
pub struct HostTarget {
    pub name: Name,
    pub address: HostAddress,
    pub port: u16,
    pub user: RemoteUser,
    pub key: HostKey,
}

impl HostTarget {
    pub fn parse(host: &HostFacts, remote_user: &str) -> Result<Self, String> {
        let key = host.host_key.as_deref().ok_or("no host key is pinned; nothing was sent")?;
        Ok(Self {
            name: host.server.clone(),
            address: HostAddress::parse(&host.host).map_err(|error| format!("host: {error}"))?,
            port: host.port,
            user: RemoteUser::parse(remote_user).map_err(|error| format!("remote_user: {error}"))?,
            key: HostKey::parse(key).map_err(|error| format!("host_key: {error}"))?,
        })
    }
}

/// sshd allows ten sessions on a connection by default; one holds it open.
const SESSIONS: usize = 8;

/// After the key exchange has begun, a host may take this much longer to log us in.
const LOGIN_LIMIT: Duration = Duration::from_secs(15);

/// How long a connection may take to close.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Connection {
    pub(super) name: Name,
    /// Where `ssh` and `rsync` run; the socket is named relative to it.
    pub(super) folder: PathBuf,
    pub(super) socket: String,
    pub(super) session: openssh::Session,
    pub(super) slots: Semaphore,
    master: Mutex<Child>,
}

impl Connection {
    /// Connects and authenticates. `folder` is private to the run, `number` to the connection.
    pub async fn open(
        settings: &SshSettings,
        folder: &Path,
        number: usize,
        target: &HostTarget,
    ) -> Result<Self, Failure> {
        let socket = format!("s{number}");
        let log = folder.join(format!("{socket}.log"));
        let mut args: Vec<OsString> = vec!["-M".into(), "-S".into(), socket.clone().into()];
        args.extend(ssh_args(settings, folder, target)?);
        args.push(commands::hold().into());
        let log_file = File::create(&log).map_err(|error| words::local("ssh", &error))?;
        let mut master = program("ssh", folder)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .map_err(|error| words::local("ssh", &error))?;
        let limit = Duration::from_secs(settings.connect_timeout_s.into()) + LOGIN_LIMIT;
        match timeout(limit, wait_until_ready(&mut master)).await {
            Ok(true) => {}
            Ok(false) => {
                let log = std::fs::read(&log).unwrap_or_default();
                return Err(words::no_connection(target, settings.connect_timeout_s, &log));
            }
            Err(_) => return Err(words::no_answer(target, limit.as_secs())),
        }
        let session = openssh::Session::resume_mux(folder.join(&socket).into_boxed_path(), None);
        Ok(Self {
            name: target.name.clone(),
            folder: folder.to_owned(),
            socket,
            session,
            slots: Semaphore::new(SESSIONS),
            master: Mutex::new(master),
        })
    }

    /// Ends the connection; what still runs through it loses its lifeline.
    pub async fn close(&self) {
        let mut master = self.master.lock().await;
        drop(master.stdin.take());
        if timeout(CLOSE_LIMIT, master.wait()).await.is_err() {
            let _ = master.kill().await;
        }
    }
}

async fn wait_until_ready(master: &mut Child) -> bool {
    let Some(stdout) = master.stdout.take() else { return false };
    // A login shell may greet first; more than this is no greeting.
    let mut lines = BufReader::new(stdout.take(64 * 1024)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line == commands::READY {
            return true;
        }
    }
    let _ = master.wait().await;
    false
}

/// A program of this machine's, with nothing of our environment but the search
/// path, that dies with its handle.
pub(super) fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.env_clear().env("LC_ALL", "C.UTF-8").current_dir(folder).kill_on_drop(true);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Everything up to and including the host; a remote command may follow. Writes
/// the `known_hosts` file and the link to the key into `folder`: named relative
/// to it, no path of ours passes through the expansions that `ssh` does.
pub(super) fn ssh_args(
    settings: &SshSettings,
    folder: &Path,
    target: &HostTarget,
) -> Result<Vec<OsString>, Failure> {
    let local = |error: std::io::Error| words::local("ssh", &error);
    let identity = std::path::absolute(&settings.identity).map_err(local)?;
    let link = folder.join("identity");
    match std::os::unix::fs::symlink(identity, link) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(local(error)),
        _ => {}
    }
    let known_hosts = format!("known_hosts.{}", target.name);
    let pinned = format!("{} {}\n", target.name, target.key);
    std::fs::write(folder.join(&known_hosts), pinned).map_err(local)?;
    let mut args: Vec<OsString> = ["-F", "/dev/null", "-T", "-a", "-x"].map(OsString::from).to_vec();
    for option in [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "GlobalKnownHostsFile=/dev/null",
        "UpdateHostKeys=no",
        "VerifyHostKeyDNS=no",
        "CheckHostIP=no",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "PreferredAuthentications=publickey",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "ControlPersist=no",
        "LogLevel=ERROR",
        // Measured: a fifth of the processor time of the default exchange.
        "KexAlgorithms=^curve25519-sha256,curve25519-sha256@libssh.org",
        "ServerAliveInterval=15",
        "ServerAliveCountMax=3",
    ] {
        args.extend(["-o".into(), option.into()]);
    }
    for option in [
        format!("ConnectTimeout={}", settings.connect_timeout_s.max(1)),
        format!("UserKnownHostsFile={known_hosts}"),
        // The pinned key belongs to the server, whatever its address is called.
        format!("HostKeyAlias={}", target.name),
    ] {
        args.extend(["-o".into(), option.into()]);
    }
    let port = target.port.to_string();
    for word in ["-i", "identity", "-p", &port, "-l", target.user.as_str(), "--", target.address.as_str()] {
        args.push(word.into());
    }
    Ok(args)
}
