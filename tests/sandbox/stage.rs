//! A release with local scripts, a sandbox to run them in, and what they said.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::domain::event::{EventKind, StepId, StepOutcome, Stream};
use crate::domain::mask::Mask;
use crate::domain::name::{CommitId, Name};
use crate::runner::local::facts::Facts;
use crate::runner::local::process::{Limits, Outcome, Program, run};
use crate::runner::local::sandbox::{Private, Sandbox};
use crate::runner::local::scripts::{local_tests, predeploy};
use crate::runner::local::workplace::Workplace;
use crate::runner::output::Output;

/// Only a hang takes this long.
pub const PATIENCE: Duration = Duration::from_mins(1);

pub struct Stage {
    folder: TempDir,
    pub sandbox: Sandbox,
    pub cancel: CancellationToken,
    pub mask: Arc<Mask>,
}

/// How something ended, what it said, and where.
pub struct Ran<T> {
    pub end: T,
    pub lines: Vec<(Stream, String)>,
}

impl<T> Ran<T> {
    pub fn stdout(&self) -> Vec<&str> {
        self.of(Stream::Stdout)
    }

    pub fn stderr(&self) -> Vec<&str> {
        self.of(Stream::Stderr)
    }

    fn of(&self, stream: Stream) -> Vec<&str> {
        self.lines.iter().filter(|(from, _)| *from == stream).map(|(_, text)| text.as_str()).collect()
    }
}

pub fn facts() -> Facts {
    Facts {
        deployment: 7,
        application: name("shop"),
        environment: name("production"),
        release: "v1.2".to_owned(),
        commit: CommitId::parse(&"a".repeat(40)).unwrap(),
        host: "web-1".to_owned(),
    }
}

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// For tests: soon, but not at once.
pub fn short() -> Limits {
    Limits { time: None, stop: Duration::from_millis(500), linger: Duration::from_millis(300) }
}

pub fn walled(network: bool, paths: &[PathBuf], private: Private) -> Sandbox {
    Sandbox::new(config::Sandbox::Bubblewrap, network, paths, private)
}

pub fn as_user(user: &str) -> Sandbox {
    Sandbox::new(config::Sandbox::User(user.to_owned()), false, &[], Private::default())
}

pub fn unwalled() -> Sandbox {
    Sandbox::new(config::Sandbox::None, false, &[], Private::default())
}

impl Stage {
    /// With bubblewrap and no network, as a new installation has it.
    pub fn new() -> Self {
        Self::with(walled(false, &[], Private::default()))
    }

    pub fn with(sandbox: Sandbox) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("tree")).unwrap();
        Self { folder, sandbox, cancel: CancellationToken::new(), mask: Arc::default() }
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// A text that no other test has, for a command line to be found by.
    pub fn sign(&self) -> String {
        self.folder.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.').to_owned()
    }

    /// Writes a file of the release.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let file = self.path("tree").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        let mode = if Path::new(path).extension().is_some_and(|kind| kind == "sh") { 0o755 } else { 0o644 };
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub async fn place(&self) -> Workplace {
        Workplace::with_copy_of(&self.path("tree"), &self.sandbox, &self.path("places")).await.unwrap()
    }

    /// Copies the release and runs `text` as its `predeploy.sh`.
    pub async fn predeploy(&self, text: &str) -> Ran<StepOutcome> {
        self.predeploy_at(text).await.0
    }

    pub async fn predeploy_at(&self, text: &str) -> (Ran<StepOutcome>, Workplace) {
        self.write("predeploy.sh", text);
        let place = self.place().await;
        let facts = facts();
        let ran =
            self.heard(async |out| predeploy(&self.sandbox, &place, &facts, out, &self.cancel).await).await;
        (ran, place)
    }

    pub async fn local_tests(&self, text: &str) -> Ran<StepOutcome> {
        self.write("tests/run_local_tests.sh", text);
        let (place, facts) = (self.place().await, facts());
        self.heard(async |out| local_tests(&self.sandbox, &place, &facts, out, &self.cancel).await).await
    }

    pub async fn run(&self, program: &Program) -> Ran<Outcome> {
        self.heard(async |out| run(program, out, &self.cancel).await).await
    }

    /// Does `work` and hears what it says; a line `cancel me` cancels it.
    pub async fn heard<T>(&self, work: impl AsyncFnOnce(&Output) -> T) -> Ran<T> {
        let (events, mut said) = mpsc::channel(16);
        let out = Output::new(events, StepId(0), None).masked_by(Arc::clone(&self.mask));
        let listen = async {
            let mut lines = Vec::new();
            while let Some(event) = said.recv().await {
                if let EventKind::Output { stream, text, .. } = event {
                    if text == "cancel me" {
                        self.cancel.cancel();
                    }
                    lines.push((stream, text));
                }
            }
            lines
        };
        let work = async {
            let end = work(&out).await;
            drop(out);
            end
        };
        let both = async { tokio::join!(work, listen) };
        let (end, lines) = tokio::time::timeout(PATIENCE, both).await.expect("it ends");
        Ran { end, lines }
    }
}

/// Until no process has `sign` in its command line.
pub async fn nothing_is_left_of(sign: &str) {
    let gone = async {
        while is_alive(sign) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("its processes are gone");
}

pub fn is_alive(sign: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| String::from_utf8_lossy(&line).contains(sign))
}

pub fn failure(end: &StepOutcome) -> &str {
    match end {
        StepOutcome::Failed { why } => why,
        other => panic!("not failed, but {other:?}"),
    }
}
