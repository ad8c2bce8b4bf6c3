//! Finds processes that left their group, by a variable that only their run has.
//!
//! A script may start a program in a session of its own. Such a program keeps the
//! environment that it was started with unless it takes care not to, and what takes
//! care to hide needs bubblewrap, where nothing hides.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Rounds: what is found may be starting others.
const ROUNDS: usize = 10;

/// Kills every process whose environment holds `mark`, as far as we may see them.
pub(super) fn kill_marked(mark: &OsStr) {
    for _ in 0..ROUNDS {
        let Ok(processes) = fs::read_dir("/proc") else { return };
        let killed = processes.flatten().filter(|process| {
            let id = process.file_name().to_str().and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
            id.is_some_and(|id| kill_if_marked(id, mark))
        });
        if killed.count() == 0 {
            return;
        }
    }
}

/// The descriptor comes first, so that the process that is looked at is the one that
/// is killed, also when its number was just given to another. One that is ending has
/// no environment any more.
fn kill_if_marked(id: Pid, mark: &OsStr) -> bool {
    let Ok(process) = pidfd_open(id, PidfdFlags::empty()) else { return false };
    let environment = fs::read(format!("/proc/{}/environ", id.as_raw_nonzero())).unwrap_or_default();
    let is_marked = environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes());
    is_marked && pidfd_send_signal(&process, Signal::KILL).is_ok()
}
