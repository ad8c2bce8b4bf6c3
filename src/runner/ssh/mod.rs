//! The real executor: git and policy on this machine by way of `Prepare`, hosts by
//! `ssh` and `rsync`.

pub mod commands;
pub mod connection;
pub mod live;
pub mod remote;
pub mod run_dir;
pub mod sync;
pub mod verify;
pub mod words;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use self::connection::{Connection, HostTarget, SshSettings};
use self::remote::Stopped;
use self::run_dir::RunDir;
use self::words::Failure;
use super::executor::{Executor, failed, skipped};
use super::output::Output;
use crate::domain::event::{Phase, StepOutcome};
use crate::domain::git_release::GitRelease;
use crate::domain::manifest::{Entry, Manifest};
use crate::domain::name::Name;
use crate::domain::plan::{HostPlan, Plan, Step};
use crate::domain::rsync_options::RsyncOptions;
use crate::domain::target::TargetPath;

/// The steps before any host is touched. They are dropped when the run is cancelled.
pub trait Prepare: Send + Sync {
    fn checks(&self, plan: &Plan, out: &Output) -> impl Future<Output = StepOutcome> + Send;
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
    now: Now,
    folder: RunDir,
    built: OnceLock<Built>,
    connections: Mutex<BTreeMap<Name, Arc<Connection>>>,
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

/// What the steps of a plan need in parsed form.
struct Parsed {
    target: TargetPath,
    options: RsyncOptions,
}

impl Parsed {
    fn of(plan: &Plan) -> Result<Self, String> {
        let facts = &plan.facts;
        Ok(Self {
            target: TargetPath::parse(&facts.target_path).map_err(|error| format!("target_path: {error}"))?,
            options: RsyncOptions::parse(&facts.rsync_options).map_err(|error| error.to_string())?,
        })
    }
}

/// Scripts that would run on this machine.
const LOCAL_SCRIPTS: [&str; 2] = ["predeploy.sh", "tests/run_local_tests.sh"];

impl<P: Prepare> SshExecutor<P> {
    pub fn new(prepare: P, settings: SshSettings, now: Now) -> io::Result<Self> {
        let folder = RunDir::create(&settings.control_dir)?;
        let connections = Mutex::default();
        let opened = AtomicUsize::new(0);
        Ok(Self { prepare, settings, now, folder, built: OnceLock::new(), connections, opened })
    }

    async fn build(&self, plan: &Plan, out: &Output) -> Result<StepOutcome, String> {
        let parsed = Parsed::of(plan)?;
        let tree = self.prepare.build(plan, out).await?;
        if let Some(script) = LOCAL_SCRIPTS.into_iter().find(|script| has(&tree.manifest.entries, script)) {
            return Err(format!(
                "the release has {script}; scripts on this side are not available in this version"
            ));
        }
        let entries =
            sync::sent_entries(&parsed.options, &tree.path, &tree.manifest, self.folder.path()).await?;
        if entries.is_empty() && parsed.options.deletes() {
            return Err("the tree to deploy is empty; with --delete, the hosts would be emptied".to_owned());
        }
        let _ = self.built.set(Built { path: tree.path, entries });
        Ok(StepOutcome::Done)
    }

    async fn host_step(
        &self,
        plan: &Plan,
        host: &HostPlan,
        phase: Phase,
        out: &Output,
        cancel: &CancellationToken,
    ) -> Result<StepOutcome, Stopped> {
        let parsed = Parsed::of(plan).map_err(Failure::from)?;
        let connection = match phase {
            Phase::Connect => return self.connect(plan, host, &parsed.target, out, cancel).await,
            _ => self.connection(&host.host.server)?,
        };
        match phase {
            Phase::Mark => self.mark(plan, &connection, &parsed.target, true, cancel).await,
            Phase::Sync => self.sync(&connection, &parsed, out, cancel).await,
            Phase::Verify => self.verify(&connection, &parsed.target, cancel).await,
            Phase::Deploy => self.deploy(plan, &connection, &parsed.target, out, cancel).await,
            Phase::Test => self.test(plan, &connection, &parsed.target, out, cancel).await,
            Phase::Finish => self.mark(plan, &connection, &parsed.target, false, cancel).await,
            other => Ok(failed(format!("{} is no step on a host in this version", other.word()))),
        }
    }

    async fn connect(
        &self,
        plan: &Plan,
        host: &HostPlan,
        target: &TargetPath,
        out: &Output,
        cancel: &CancellationToken,
    ) -> Result<StepOutcome, Stopped> {
        let facts = HostTarget::parse(&host.host, &plan.facts.remote_user).map_err(Failure::from)?;
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let connection = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Stopped::Cancelled),
            opened = Connection::open(&self.settings, self.folder.path(), number, &facts) => Arc::new(opened?),
        };
        self.lock().insert(host.host.server.clone(), Arc::clone(&connection));
        let answer = connection.ask(&commands::inspect(target), b"", cancel).await?;
        let found = live::Inspection::parse(&answer)?;
        found.may_deploy(target)?;
        if !found.is_folder {
            let made = connection.ask(&commands::make_folder(target), b"", cancel).await?;
            if made.code != 0 {
                let what = format!("making {}", target.as_str());
                return Err(Failure::from(words::remote_failure(&what, made.code, &made.stderr)).into());
            }
        }
        out.runs_now(found.release.map(|release| release.commit)).await;
        Ok(StepOutcome::Done)
    }

    async fn mark(
        &self,
        plan: &Plan,
        connection: &Connection,
        target: &TargetPath,
        in_progress: bool,
        cancel: &CancellationToken,
    ) -> Result<StepOutcome, Stopped> {
        let facts = &plan.facts;
        let release =
            GitRelease::new(&facts.release, &facts.commit, (self.now)(), target.as_str(), in_progress);
        let answer = connection.ask(&commands::mark(target, &release), b"", cancel).await?;
        if answer.code == 0 {
            return Ok(StepOutcome::Done);
        }
        Err(Failure::from(words::remote_failure("writing .git_release", answer.code, &answer.stderr)).into())
    }

    async fn sync(
        &self,
        connection: &Connection,
        parsed: &Parsed,
        out: &Output,
        cancel: &CancellationToken,
    ) -> Result<StepOutcome, Stopped> {
        let built = self.built()?;
        // Once more on what is there now: emptied since the build, it would empty the host.
        let gone = std::fs::read_dir(&built.path).map_or(true, |mut entries| entries.next().is_none());
        if gone && (parsed.options.deletes() || !built.entries.is_empty()) {
            return Err(Failure::from("the exported tree is gone; nothing was sent".to_owned()).into());
        }
        sync::sync(connection, &parsed.options, &built.path, &parsed.target, out, cancel).await?;
        Ok(StepOutcome::Done)
    }

    async fn verify(
        &self,
        connection: &Connection,
        target: &TargetPath,
        cancel: &CancellationToken,
    ) -> Result<StepOutcome, Stopped> {
        let entries = &self.built()?.entries;
        let answer = connection.ask(&commands::list(target), &verify::question(entries), cancel).await?;
        match verify::compare(entries, &answer.stdout) {
            Ok(()) => Ok(StepOutcome::Done),
            Err(_) if answer.stdout.is_empty() && answer.code != 0 => {
                Err(Failure::from(words::remote_failure("reading the files", answer.code, &answer.stderr))
                    .into())
            }
            Err(why) => Err(Failure::from(why).into()),
        }
    }

    async fn deploy(
        &self,
        plan: &Plan,
        connection: &Connection,
        target: &TargetPath,
        out: &Output,
        cancel: &CancellationToken,
    ) -> Result<StepOutcome, Stopped> {
        if !self.built()?.has("deploy.sh") {
            return Ok(skipped("the release has no deploy.sh"));
        }
        let id = plan.facts.deployment.to_string();
        let command = commands::deploy_script(&plan.facts, &id, connection.name.as_str(), target);
        let code = connection.run_script(&command, out, cancel).await?;
        Ok(script_outcome("deploy.sh", code))
    }

    async fn test(
        &self,
        plan: &Plan,
        connection: &Connection,
        target: &TargetPath,
        out: &Output,
        cancel: &CancellationToken,
    ) -> Result<StepOutcome, Stopped> {
        if !self.built()?.has("tests/run_tests.sh") {
            return Ok(skipped("the release has no tests/run_tests.sh"));
        }
        let id = plan.facts.deployment.to_string();
        let command = commands::test_script(&plan.facts, &id, connection.name.as_str(), target);
        let code = connection.run_script(&command, out, cancel).await?;
        Ok(script_outcome("tests/run_tests.sh", code))
    }

    fn built(&self) -> Result<&Built, Failure> {
        self.built.get().ok_or_else(|| Failure::from("there is no built tree".to_owned()))
    }

    fn connection(&self, server: &Name) -> Result<Arc<Connection>, Failure> {
        self.lock().get(server).cloned().ok_or_else(|| Failure::from("there is no connection".to_owned()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Name, Arc<Connection>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn script_outcome(script: &str, code: i32) -> StepOutcome {
    if code == 0 { StepOutcome::Done } else { failed(format!("{script} ended with exit code {code}")) }
}

impl<P: Prepare> Executor for SshExecutor<P> {
    async fn local(&self, plan: &Plan, step: &Step, out: &Output, cancel: &CancellationToken) -> StepOutcome {
        let work = async {
            match step.phase {
                Phase::Checks => self.prepare.checks(plan, out).await,
                Phase::Fetch => self.prepare.fetch(plan, out).await,
                Phase::Build => self.build(plan, out).await.unwrap_or_else(failed),
                other => failed(format!("{} is no step of this machine in this version", other.word())),
            }
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => StepOutcome::Cancelled,
            outcome = work => outcome,
        }
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
        let connections = std::mem::take(&mut *self.lock());
        let closing = connections.values().map(|connection| connection.close());
        futures_util::future::join_all(closing).await;
    }
}
