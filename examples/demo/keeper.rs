//! Nothing is left behind, whoever dies first.
//!
//! The outer process starts the inner one in a process group of its own, so that
//! Ctrl-C reaches only the outer, and holds a pipe to it. When the pipe ends, for
//! whatever reason, the inner one stops everything. When the inner one ends, for
//! whatever reason, the outer one kills what it left and removes the folder. Both
//! adopt orphans below them, because `ssh` and `sshd` leave process groups.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{self, Pid, Signal, WaitOptions};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The argument that makes this program the inner one; the folder follows.
pub const INSIDE: &str = "--inside";

/// The service lets a running deployment end first, so stopping may take a while.
const STOP_LIMIT: Duration = Duration::from_secs(25);

/// The outer process. Gives the inner one's exit code, after everything is gone.
pub async fn keep() -> Result<ExitCode> {
    // Before the folder: Ctrl-C between the two would leave it.
    let (mut interrupt, mut terminate, mut hang_up) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    adopt_orphans();
    let folder = tempfile::Builder::new()
        .prefix("cs-demo-")
        .tempdir_in(short_folder())
        .context("a temporary folder")?;
    let mut inner = start(folder.path())?;
    // Taken out, because waiting for a child closes its input.
    let lifeline = inner.stdin.take();
    let told = async {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {}, _ = hang_up.recv() => {} }
    };
    let ended = tokio::select! {
        ended = inner.wait() => ended?,
        () = told => {
            println!("\nStopping everything…");
            drop(lifeline);
            tokio::select! {
                ended = end(&mut inner) => ended?,
                _ = interrupt.recv() => kill(&mut inner).await?,
            }
        }
    };
    end_descendants();
    remove(folder.path());
    Ok(ended.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn start(folder: &Path) -> Result<Child> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.arg(INSIDE).arg(folder).stdin(Stdio::piped()).process_group(0);
    Ok(Command::from(command).spawn()?)
}

async fn end(inner: &mut Child) -> std::io::Result<ExitStatus> {
    match tokio::time::timeout(STOP_LIMIT, inner.wait()).await {
        Ok(ended) => ended,
        Err(_) => kill(inner).await,
    }
}

async fn kill(inner: &mut Child) -> std::io::Result<ExitStatus> {
    inner.start_kill()?;
    inner.wait().await
}

/// In the inner process: is cancelled when the outer one lets go of the pipe, or dies.
pub fn lifeline() -> CancellationToken {
    adopt_orphans();
    let stop = CancellationToken::new();
    let token = stop.clone();
    std::thread::spawn(move || {
        let mut pipe = std::io::stdin().lock();
        while pipe.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
        token.cancel();
    });
    stop
}

/// Kills what still lives below this process, and what comes up from below while
/// it does. Only for the very end: it takes children away from whoever waits for them.
pub fn end_descendants() {
    loop {
        for child in children() {
            // It may be gone already; then `wait` says so.
            let _ = process::kill_process(child, Signal::KILL);
        }
        if process::wait(WaitOptions::empty()).is_err() {
            return;
        }
    }
}

/// Where the kernel cannot do it, an orphan of a process that was killed may stay.
fn adopt_orphans() {
    let _ = process::set_child_subreaper(Some(process::getpid()));
}

fn children() -> Vec<Pid> {
    let parent = format!("\nPPid:\t{}\n", std::process::id());
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ours = processes.flatten().filter(|entry| {
        std::fs::read_to_string(entry.path().join("status")).is_ok_and(|status| status.contains(&parent))
    });
    ours.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// A control socket of `ssh` must fit into 108 bytes, so the folder may not lie deep.
fn short_folder() -> PathBuf {
    let folder = std::env::temp_dir();
    if folder.as_os_str().len() <= 40 { folder } else { PathBuf::from("/tmp") }
}

/// Both do it, whoever lives longer. What was killed may still have been writing.
pub fn remove(folder: &Path) {
    for _ in 0..3 {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {}
            _ => return,
        }
    }
    eprintln!("demo: {} could not be removed", folder.display());
}
