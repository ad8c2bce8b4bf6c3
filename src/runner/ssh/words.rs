//! What `ssh`, `rsync` and a host's programs say when something fails, turned
//! into words for the person who has to mend it.

use super::connection::HostTarget;
use crate::domain::name::is_deceptive;

/// Why something did not work, in words, and whether the host is out of sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub why: String,
    pub lost_sight: bool,
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self { why, lost_sight: false }
    }
}

pub fn local(program: &str, error: &std::io::Error) -> Failure {
    Failure::from(format!("{program} could not be run on this machine: {error}"))
}

pub fn connection_lost() -> Failure {
    Failure { why: "the connection was lost".to_owned(), lost_sight: true }
}

/// The connection stands, but the host opens no session on it.
pub fn no_session() -> Failure {
    Failure::from("the host opens no further session on the connection (MaxSessions of its sshd)".to_owned())
}

pub fn no_answer(target: &HostTarget, seconds: u64) -> Failure {
    Failure::from(format!("{} gave no answer within {seconds} s", place(target)))
}

fn place(target: &HostTarget) -> String {
    format!("{} port {}", target.address.as_str(), target.port)
}

/// `log` is what `ssh` wrote to its standard error before it gave up.
pub fn no_connection(target: &HostTarget, connect_timeout_s: u32, log: &[u8]) -> Failure {
    let log = String::from_utf8_lossy(log);
    let says = |text: &str| log.contains(text);
    let (place, user) = (place(target), target.user.as_str());
    let why = if says("IDENTIFICATION HAS CHANGED") || says("Host key verification failed") {
        let shown = log.split_whitespace().find(|word| word.starts_with("SHA256:"));
        let shown = shown.map(|word| format!(", got {}", word.trim_end_matches('.'))).unwrap_or_default();
        let (name, expected) = (&target.name, target.key.fingerprint());
        format!("the host key of {name} changed: expected {expected}{shown}; nothing was sent")
    } else if says("no matching host key type found") {
        format!("{} no longer offers its pinned kind of host key; nothing was sent", target.name)
    } else if says("Permission denied") {
        format!("{place} does not let us in as {user}: our key is not accepted there")
    } else if says("Connection refused") {
        format!("{place} refused the connection")
    } else if says("timed out") || says("Timeout") {
        return no_answer(target, connect_timeout_s.into());
    } else if says("Could not resolve hostname") {
        format!("the name {} cannot be resolved", target.address.as_str())
    } else {
        let last = last_line(&log).unwrap_or_else(|| "no reason given".to_owned());
        format!("no connection to {place}: {last}")
    };
    Failure::from(why)
}

/// Why a program on the host failed, from its exit code and standard error.
pub fn remote_failure(what: &str, code: i32, stderr: &str) -> String {
    if stderr.contains("No space left on device") {
        return format!("{what}: the disk is full");
    }
    match last_line(stderr) {
        Some(line) => format!("{what} failed with exit code {code}: {line}"),
        None => format!("{what} failed with exit code {code}"),
    }
}

/// Why rsync failed. `stderr` is the tail of what it said.
pub fn rsync_failure(code: Option<i32>, stderr: &str) -> Failure {
    let says = |text: &str| stderr.contains(text);
    let Some(code) = code else { return Failure::from("rsync was killed".to_owned()) };
    if says("No space left on device") {
        return Failure::from("the disk of the host is full".to_owned());
    }
    if says("rsync: command not found") || says("rsync: not found") {
        return Failure::from("rsync is missing on the host".to_owned());
    }
    let first = stderr.lines().find(|line| !line.trim().is_empty()).map(printable);
    let reason = first.map(|line| format!(": {line}")).unwrap_or_default();
    // 10, 12, 30, 35: the stream broke. 255: so said ssh.
    let lost_sight = matches!(code, 10 | 12 | 30 | 35 | 255);
    Failure { why: format!("rsync ended with exit code {code}{reason}"), lost_sight }
}

fn last_line(text: &str) -> Option<String> {
    text.lines().rev().find(|line| !line.trim().is_empty()).map(printable)
}

/// One line without anything that moves a cursor or turns the text, 200 characters at most.
pub fn printable(text: &str) -> String {
    let visible = text.trim().chars().flat_map(|c| {
        let escaped: String = if is_deceptive(c) { c.escape_default().collect() } else { c.into() };
        escaped.chars().collect::<Vec<_>>()
    });
    visible.take(200).collect()
}
