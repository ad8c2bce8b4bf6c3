//! Starts a program, passes on what it says, and sees to its end.
//!
//! Whatever the way out (it ended, it was cancelled, its time was up, nobody waits
//! any more), nothing of it is left: a process that it leaves behind, perhaps with
//! our pipe in its hand, neither keeps the deployment waiting nor lives on.

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::FusedFuture;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::io::AsyncWriteExt as _;
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::sweep;
use crate::domain::event::{StepOutcome, Stream};
use crate::runner::output::Output;

/// What to run, as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments; never a line for a shell.
    pub argv: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Where it starts.
    pub folder: PathBuf,
    pub stdin: Stdin,
    pub limits: Limits,
    /// `NAME=value` of a variable that only this run has. What still has it in its
    /// environment afterwards is killed. `None` where a namespace ends everything.
    pub mark: Option<OsString>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdin {
    Bytes(Vec<u8>),
    /// A pipe that ends when the program shall stop, or when we died; the program is
    /// `supervised`. Other programs get TERM.
    Lifeline,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For the whole run; `None` where the caller watches over the time.
    pub time: Option<Duration>,
    /// From TERM to KILL.
    pub stop: Duration,
    /// How long what a program leaves behind may still speak after its end.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: None, stop: Duration::from_secs(10), linger: Duration::from_secs(2) }
    }
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Exited(i32),
    /// By a signal that was not ours.
    Killed(i32),
    Cancelled,
    TimedOut {
        seconds: u64,
    },
    NotStarted(String),
}

impl Outcome {
    /// `what` is the program's name for people.
    pub fn judged(&self, what: &str) -> StepOutcome {
        let why = match self {
            Outcome::Exited(0) => return StepOutcome::Done,
            Outcome::Cancelled => return StepOutcome::Cancelled,
            // What a shell makes of a signal; a program may also say it by itself.
            Outcome::Exited(code @ 129..=192) => {
                format!("{what} ended with exit code {code}, as one killed by signal {}", code - 128)
            }
            Outcome::Exited(code) => format!("{what} ended with exit code {code}"),
            Outcome::Killed(signal) => format!("{what} was killed by signal {signal}"),
            Outcome::TimedOut { seconds } => format!("{what} took longer than {seconds} s and was stopped"),
            Outcome::NotStarted(why) => format!("{what} could not be started: {why}"),
        };
        StepOutcome::Failed { why }
    }
}

/// For `sh`: runs the words after the first two as a program in a session of its own.
/// Standard input is a lifeline: when it ends, the whole group gets TERM, and KILL
/// after the tenths of a second that the first word says. When the program has
/// ended, the rest of its group has the tenths of the second word.
const SUPERVISE: &str = r#"stop=$1 linger=$2
shift 2
exec 3<&0
setsid "$@" </dev/null 3<&- &
group=$!
signal() { kill "-$1" "-$group" || kill "-$1" "$group"; } 2>/dev/null
end_within() {
  tries=0
  while [ "$tries" -lt "$1" ] && signal 0; do
    sleep 0.1
    tries=$((tries + 1))
  done
  signal KILL
}
{
  cat <&3
  trap "" TERM
  signal TERM
  end_within "$stop"
} >/dev/null 2>&1 &
watcher=$!
wait "$group"
code=$?
kill -TERM "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
end_within "$linger"
exit "$code""#;

/// The words that run `argv` under supervision. It needs the lifeline.
pub fn supervised(limits: &Limits, argv: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let tenths = |time: Duration| (time.as_millis() / 100).to_string();
    let words = ["sh", "-c", SUPERVISE, "countersign", &tenths(limits.stop), &tenths(limits.linger)];
    words.into_iter().map(OsString::from).chain(argv).collect()
}

/// Past its own limit, a supervisor is not waited for.
const SUPERVISOR_MARGIN: Duration = Duration::from_secs(2);

/// After everything was killed only the journal's pace keeps a stream open.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs it to its end. What it says goes to `out`, at the journal's pace.
///
/// To be called on a task, not on a thread of the blocking pool: bubblewrap ends when
/// the thread that started it does.
pub async fn run(program: &Program, out: &Output, cancel: &CancellationToken) -> Outcome {
    run_noting(program, out, cancel, |_| {}).await
}

/// The same, and shows each line of standard output to `note`.
pub async fn run_noting(
    program: &Program,
    out: &Output,
    cancel: &CancellationToken,
    note: impl FnMut(&str) + Send,
) -> Outcome {
    let mut running = match Running::start(program) {
        Ok(running) => running,
        Err(error) => return Outcome::NotStarted(why_not_started(program, &error)),
    };
    let limits = program.limits;
    let mut copying = pin!(running.copy(program, out, note).fuse());
    let mut up = pin!(async {
        match limits.time {
            Some(time) => sleep(time).await,
            None => std::future::pending().await,
        }
    });
    let stopped = tokio::select! {
        biased;
        () = cancel.cancelled() => Some(Outcome::Cancelled),
        () = &mut up => Some(Outcome::TimedOut { seconds: limits.time.unwrap_or_default().as_secs() }),
        () = beside(&mut copying, running.exited.readable()) => None,
    };
    if stopped.is_some() {
        running.ask_to_stop();
        let most = limits.stop + limits.linger + SUPERVISOR_MARGIN;
        let most = if running.supervised { most } else { limits.stop };
        let _ = timeout(most, beside(&mut copying, running.exited.readable())).await;
    } else if !running.supervised {
        flow(&mut copying, limits.linger).await;
    }
    let status = running.finish().await;
    flow(&mut copying, DRAIN).await;
    match (stopped, status) {
        (Some(stopped), _) => stopped,
        (None, Ok(status)) => ended(status),
        (None, Err(error)) => Outcome::NotStarted(error.to_string()),
    }
}

/// What copies the streams; once it has ended, polling it waits for ever.
trait Copying: FusedFuture<Output = ()> + Unpin {}
impl<T: FusedFuture<Output = ()> + Unpin> Copying for T {}

/// Waits for `work`, and meanwhile lets the streams flow.
async fn beside<T>(copying: &mut impl Copying, work: impl Future<Output = T>) {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            _ = &mut work => return,
            () = &mut *copying, if !copying.is_terminated() => {}
        }
    }
}

/// Lets the streams flow until they end, or for this long.
async fn flow(copying: &mut impl Copying, most: Duration) {
    if !copying.is_terminated() {
        let _ = timeout(most, copying).await;
    }
}

fn ended(status: ExitStatus) -> Outcome {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => Outcome::Exited(code),
        (None, signal) => Outcome::Killed(signal.unwrap_or_default()),
    }
}

fn why_not_started(program: &Program, error: &io::Error) -> String {
    let name = program.argv.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match error.kind() {
        io::ErrorKind::NotFound if !program.folder.is_dir() => {
            format!("the folder {} is not there", program.folder.display())
        }
        io::ErrorKind::NotFound => format!("the program {name} is not installed"),
        _ => format!("{name}: {error}"),
    }
}

/// A started program and all that it started.
struct Running {
    child: Child,
    /// Also the child's number; `None` once it is reaped and the number may be another's.
    group: Option<Pid>,
    /// Readable when the child has ended, before it is reaped: until then its number,
    /// which is its group's, cannot belong to anybody else.
    exited: AsyncFd<OwnedFd>,
    lifeline: Option<ChildStdin>,
    supervised: bool,
    mark: Option<OsString>,
}

impl Running {
    fn start(program: &Program) -> io::Result<Self> {
        let (name, args) =
            program.argv.split_first().ok_or_else(|| io::Error::other("there is no program to run"))?;
        let supervised = program.stdin == Stdin::Lifeline;
        let mut child = Command::new(name)
            .args(args)
            .env_clear()
            .envs(program.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&program.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(!supervised)
            .spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = id.ok_or_else(|| io::Error::other("it has no process id"))?;
        let exited = watched(pidfd_open(group, PidfdFlags::empty())?)?;
        let lifeline = if supervised { child.stdin.take() } else { None };
        Ok(Self { child, group: Some(group), exited, lifeline, supervised, mark: program.mark.clone() })
    }

    /// Everything that flows, until all of it has ended.
    fn copy<'a>(
        &mut self,
        program: &'a Program,
        out: &'a Output,
        note: impl FnMut(&str) + Send + 'a,
    ) -> impl Future<Output = ()> + Send + 'a {
        let (stdin, stdout, stderr) =
            (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take());
        async move {
            let feed = async {
                if let (Some(mut stdin), Stdin::Bytes(bytes)) = (stdin, &program.stdin) {
                    // A program that ends without reading all says why by its exit code.
                    let _ = stdin.write_all(bytes).await;
                }
            };
            let stdout = async {
                if let Some(stdout) = stdout {
                    let _ = out.copy_noting(Stream::Stdout, stdout, note).await;
                }
            };
            let stderr = async {
                if let Some(stderr) = stderr {
                    let _ = out.copy(Stream::Stderr, stderr).await;
                }
            };
            tokio::join!(feed, stdout, stderr);
        }
    }

    fn ask_to_stop(&mut self) {
        self.lifeline = None;
        if !self.supervised {
            self.signal(Signal::TERM);
        }
    }

    /// Kills what is left, then reaps.
    async fn finish(&mut self) -> io::Result<ExitStatus> {
        self.kill();
        let status = self.child.wait().await;
        self.group = None;
        status
    }

    fn kill(&self) {
        self.signal(Signal::KILL);
        if let Some(mark) = &self.mark {
            sweep::kill_marked(mark);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // The only failure is that the group is gone, which is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    }
}

#[expect(deprecated, reason = "its successor is unsafe code; an OwnedFd keeps the promise that is asked for")]
fn watched(process: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(process)
}

impl Drop for Running {
    /// Nobody waits any more. A supervisor does the rest by itself, once its lifeline
    /// is cut; anything else is killed.
    fn drop(&mut self) {
        if self.group.is_some() && !self.supervised {
            self.kill();
        }
    }
}
