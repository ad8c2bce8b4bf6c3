//! The real executor: git and policy on this machine by way of `Prepare`, hosts by
//! `ssh` and `rsync`.

pub mod balance;
pub mod build;
pub mod commands;
pub mod compare;
pub mod connection;
pub mod ground;
mod health;
mod host_steps;
pub mod keyscan;
pub mod live;
pub mod remote;
pub mod run_dir;
pub mod survey;
pub mod sync;
pub mod verify;
pub mod words;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use self::balance::Balancing;
use self::build::Workshop;
use self::connection::SshSettings;
use self::host_steps::Host;
use self::remote::Stopped;
use self::run_dir::RunDir;
use self::words::Failure;
use super::executor::{Executor, failed};
use super::output::Output;
use crate::domain::event::StepOutcome;
use crate::domain::manifest::{Entry, Manifest};
use crate::domain::name::Name;
use crate::domain::plan::{HostPlan, Plan, Step};

/// The steps before any host is touched. They are dropped when the run is cancelled.
pub trait Prepare: Send + Sync {
    fn fetch(&self, plan: &Plan, out: &Output) -> impl Future<Output = StepOutcome> + Send;
    /// The exported tree, or why there is none.
    fn build(&self, plan: &Plan, out: &Output) -> impl Future<Output = Result<Tree, String>> + Send;
}

/// An exported tree, to be left alone until the run is over.
#[derive(Debug, Clone)]
pub struct Tree {
    pub path: PathBuf,
    pub manifest: Manifest,
}

/// Reads the time; the runner's is the only clock that knows the database's.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Executes one run. Its connections live as long as the run.
pub struct SshExecutor<P> {
    prepare: P,
    settings: SshSettings,
    workshop: Workshop,
    balancing: Option<Balancing>,
    now: Now,
    folder: RunDir,
    /// The tree as it is so far.
    tree: Mutex<Option<Tree>>,
    /// An artifact or an earlier run made it: no script runs for it here.
    is_made: AtomicBool,
    built: OnceLock<Built>,
    hosts: Mutex<BTreeMap<Name, Host>>,
    opened: AtomicUsize,
}

struct Built {
    path: PathBuf,
    /// What must be on a host after the sync, and is checked there.
    entries: Vec<Entry>,
}

impl Built {
    fn has(&self, path: &str) -> bool {
        has(&self.entries, path)
    }
}

fn has(entries: &[Entry], path: &str) -> bool {
    entries.iter().any(|entry| entry.path == path.as_bytes())
}

impl<P: Prepare> SshExecutor<P> {
    /// `balancing` is needed where the plan has load balancers.
    pub fn new(
        prepare: P,
        settings: SshSettings,
        workshop: Workshop,
        balancing: Option<Balancing>,
        now: Now,
    ) -> io::Result<Self> {
        let folder = RunDir::create(&settings.control_dir)?;
        Ok(Self {
            prepare,
            settings,
            workshop,
            balancing,
            now,
            folder,
            tree: Mutex::default(),
            is_made: AtomicBool::new(false),
            built: OnceLock::new(),
            hosts: Mutex::default(),
            opened: AtomicUsize::new(0),
        })
    }

    fn built(&self) -> Result<&Built, Failure> {
        self.built.get().ok_or_else(|| Failure::from("there is no built tree".to_owned()))
    }

    /// Names the control socket of a connection.
    fn next_number(&self) -> usize {
        self.opened.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Name, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Prepare> Executor for SshExecutor<P> {
    async fn local(&self, plan: &Plan, step: &Step, out: &Output, cancel: &CancellationToken) -> StepOutcome {
        self.local_step(plan, step, out, cancel).await
    }

    async fn host(
        &self,
        plan: &Plan,
        host: &HostPlan,
        step: &Step,
        out: &Output,
        cancel: &CancellationToken,
    ) -> StepOutcome {
        match self.host_step(plan, host, step.phase, out, cancel).await {
            Ok(outcome) => outcome,
            Err(Stopped::Cancelled) => StepOutcome::Cancelled,
            Err(Stopped::Failed(failure)) => {
                if failure.lost_sight {
                    out.lost_sight();
                }
                failed(failure.why)
            }
        }
    }

    async fn finished(&self) {
        let hosts = std::mem::take(&mut *self.lock());
        let closing = hosts.values().map(|host| host.connection.close());
        futures_util::future::join_all(closing).await;
    }
}
