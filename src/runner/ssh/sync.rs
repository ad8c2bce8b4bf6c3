//! Brings the tree to a host with the `rsync` of this machine, through the
//! connection that is already there.
//!
//! Always by checksum: exported trees give every file its commit's time, so size
//! and whole-second time agree between two releases more often than one thinks,
//! and rsync would keep the old file without a word.

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Child;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, program};
use super::remote::Stopped;
use super::words;
use crate::domain::event::Stream;
use crate::domain::git_release::FILE_NAME;
use crate::domain::manifest::{Entry, Manifest};
use crate::domain::rsync_options::RsyncOptions;
use crate::domain::target::TargetPath;
use crate::runner::output::Output;

/// From TERM to KILL.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What is kept of standard error to explain a failure.
const REASON_LIMIT: usize = 4096;

/// Options of ours, after the administrator's so that they win, except the
/// filter: there the first match wins.
const ALWAYS: [&str; 8] = [
    "--recursive",
    "--links",
    "--executability",
    "--checksum",
    // Files belong to the remote user. `-a` as root would give them our user's number.
    "--no-owner",
    "--no-group",
    // The path goes through rsync's own protocol, never through a remote shell.
    "--protect-args",
    "--outbuf=L",
];

/// What goes where, by which options.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    pub options: &'a RsyncOptions,
    /// The exported tree.
    pub source: &'a Path,
    pub target: &'a TargetPath,
    /// A folder on the host whose equal files are linked instead of sent.
    pub link_from: Option<&'a str>,
}

/// The whole argument list. `socket` is the control socket in the folder where
/// rsync runs.
pub fn rsync_args(way: Way<'_>, socket: &str) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec![format!("--exclude=/{FILE_NAME}").into()];
    args.extend(way.options.as_slice().iter().map(OsString::from));
    args.extend(ALWAYS.map(OsString::from));
    if let Some(folder) = way.link_from {
        // A file is linked only when its times are equal too, and exported trees
        // give every file its commit's time: so times are left alone.
        args.extend(["--no-times".into(), format!("--link-dest={folder}").into()]);
    }
    args.push("--8-bit-output".into());
    args.extend(ends(way, socket));
    args
}

/// The same way without a change anywhere: what would be added and deleted.
pub fn dry_run_args(way: Way<'_>, socket: &str) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec![format!("--exclude=/{FILE_NAME}").into()];
    args.extend(way.options.filters().map(OsString::from));
    let always = [
        "--recursive",
        "--links",
        "--dry-run",
        "--delete",
        "--ignore-existing",
        "--no-human-readable",
        "--stats",
        "--out-format=%i %n",
        "--protect-args",
    ];
    args.extend(always.map(OsString::from));
    args.extend(ends(way, socket));
    args
}

/// The same, with what would be changed: contents are compared as a sync does.
pub fn preview_args(way: Way<'_>, deletes: bool, socket: &str) -> Vec<OsString> {
    let unwanted = ["--ignore-existing", "--delete"];
    let mut args = dry_run_args(way, socket);
    args.retain(|arg| arg != unwanted[0] && (deletes || arg != unwanted[1]));
    // Options come before the end of options, which comes before the two places.
    let end = args.iter().position(|arg| arg == "--").unwrap_or(0);
    args.splice(end..end, ["--checksum", "--executability"].map(OsString::from));
    args
}

fn ends(way: Way<'_>, socket: &str) -> Vec<OsString> {
    // Were the connection gone, ssh would make one of its own; the proxy forbids that.
    let shell =
        format!("ssh -F /dev/null -S {socket} -o ControlMaster=no -o BatchMode=yes -o ProxyCommand=false");
    let target = format!("host:{}/", way.target.as_str());
    vec!["-e".into(), shell.into(), "--".into(), with_slash(way.source), target.into()]
}

fn with_slash(path: &Path) -> OsString {
    let mut text = path.as_os_str().to_owned();
    text.push("/");
    text
}

pub async fn sync(
    connection: &Connection,
    way: Way<'_>,
    out: &Output,
    cancel: &CancellationToken,
) -> Result<(), Stopped> {
    let local = |error: std::io::Error| Stopped::from(words::local("rsync", &error));
    let _slot = connection.slots.acquire().await.map_err(|_| words::connection_lost())?;
    let mut child = program("rsync", &connection.folder)
        .args(rsync_args(way, &connection.socket))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(local)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut reason = String::new();
    let copy = async {
        tokio::join!(
            async {
                match stdout {
                    Some(stdout) => out.copy(Stream::Stdout, stdout).await,
                    None => Ok(()),
                }
            },
            async {
                let Some(stderr) = stderr else { return Ok(()) };
                let note = |line: &str| {
                    if reason.len() < REASON_LIMIT {
                        reason.push_str(line);
                        reason.push('\n');
                    }
                };
                out.copy_noting(Stream::Stderr, stderr, note).await
            }
        )
    };
    let ended = tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        _ = copy => Some(child.wait().await.map_err(local)?),
    };
    match ended {
        None => {
            stop(&mut child).await;
            Err(Stopped::Cancelled)
        }
        Some(status) => judge(status, &reason),
    }
}

fn judge(status: ExitStatus, reason: &str) -> Result<(), Stopped> {
    if status.success() { Ok(()) } else { Err(words::rsync_failure(status.code(), reason).into()) }
}

/// TERM lets rsync tell its other end and remove its temporary files.
async fn stop(child: &mut Child) {
    if let Some(id) = child.id() {
        let args = ["-c", "kill -TERM \"$1\"", "sh", &id.to_string()].map(OsString::from);
        let _ = program("sh", Path::new("/")).args(args).stderr(Stdio::null()).status().await;
    }
    if timeout(STOP_LIMIT, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// The entries that a sync sends: all but what the administrator's patterns leave
/// out and the host's own record. Rsync itself is asked, in a folder of ours that
/// is empty, so that a pattern means here what it means there.
pub async fn sent_entries(
    options: &RsyncOptions,
    source: &Path,
    manifest: &Manifest,
    folder: &Path,
) -> Result<Vec<Entry>, String> {
    let kept = |entry: &&Entry| entry.path != FILE_NAME.as_bytes();
    if options.filters().next().is_none() {
        return Ok(manifest.entries.iter().filter(kept).cloned().collect());
    }
    let nothing = folder.join("nothing");
    let local = |error: std::io::Error| words::local("rsync", &error).why;
    std::fs::create_dir_all(&nothing).map_err(local)?;
    let mut args: Vec<OsString> = vec![format!("--exclude=/{FILE_NAME}").into()];
    args.extend(options.filters().map(OsString::from));
    args.extend(["-rl", "--dry-run", "--out-format=%n", "--"].map(OsString::from));
    args.extend([with_slash(source), with_slash(&nothing)]);
    let output = program("rsync", folder).args(args).stdin(Stdio::null()).output().await.map_err(local)?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(words::rsync_failure(output.status.code(), &stderr).why);
    }
    let sent: std::collections::HashSet<Vec<u8>> =
        output.stdout.split(|byte| *byte == b'\n').map(unescaped).collect();
    Ok(manifest.entries.iter().filter(|entry| sent.contains(&entry.path)).cloned().collect())
}

/// rsync prints a byte that is not printable as `\#` and three octal digits, and
/// a name that holds such a text with its backslash in that form.
fn unescaped(line: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&first, after)) = rest.split_first() {
        let code = after.strip_prefix(b"#").and_then(|digits| digits.get(..3)).and_then(octal);
        if let (b'\\', Some(code)) = (first, code) {
            bytes.push(code);
            rest = &rest[5..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    bytes
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}
