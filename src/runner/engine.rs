//! Runs a plan: which step next, on how many hosts at once, and what a failure,
//! a time-out, a cancellation or a lost lease means for everything else.
//!
//! Every host of a cluster runs its own chain of steps. A slow host delays nobody,
//! a failing one ends only its own chain; the run stops before the next cluster.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::executor::{Executor, failed};
use super::output::{HostView, Output};
use crate::domain::deployment::DeploymentState;
use crate::domain::event::{EventKind, HostState, NoteLevel, Phase, StepOutcome};
use crate::domain::name::{CommitId, Name};
use crate::domain::plan::{ClusterPlan, HostPlan, Plan, Step};

/// Where the journal goes.
pub trait Sink: Send + Sync {
    fn emit(&self, what: EventKind) -> impl Future<Output = Result<(), SinkLost>> + Send;
}

/// The lease is gone: somebody else may own these hosts now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease of this run is lost")]
pub struct SinkLost;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutcome {
    /// Succeeded, Failed or Cancelled; Interrupted when the lease was lost.
    pub state: DeploymentState,
    /// Which host and why; `None` when there is nothing to explain.
    pub why: Option<String>,
    /// Every host of the plan, in its order.
    pub hosts: Vec<(Name, HostState)>,
    pub lost: bool,
}

/// Events that wait for the journal before the steps that make them wait too.
const QUEUE: usize = 64;

/// How long a stopped step may take to end: 10 s from TERM to KILL, and the way there and back.
const STOP_GRACE: Duration = Duration::from_secs(20);

/// Closing connections is a courtesy and never holds up the outcome for longer.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Failing hosts that are named one by one.
const NAMED_FAILURES: usize = 5;

pub async fn run(
    plan: &Plan,
    executor: &impl Executor,
    sink: &impl Sink,
    hosts_at_once: usize,
    cancel: &CancellationToken,
) -> RunOutcome {
    let (events, mut queue) = mpsc::channel(QUEUE);
    let lost = CancellationToken::new();
    let hosts = Mutex::new(BTreeMap::new());
    let journal = async {
        while let Some(event) = queue.recv().await {
            if sink.emit(event).await.is_err() {
                lost.cancel();
                return;
            }
        }
    };
    let work = async {
        let run = Run { plan, executor, events, hosts: &hosts, hosts_at_once: hosts_at_once.max(1), cancel };
        // Dropping the steps ends them: what runs on a host dies with its connection.
        tokio::select! {
            biased;
            () = lost.cancelled() => Ending::Failed(Vec::new()),
            ending = run.all() => ending,
        }
    };
    let (ending, ()) = tokio::join!(work, journal);
    let _ = timeout(CLOSE_LIMIT, executor.finished()).await;
    let hosts = hosts.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome(plan, &ending, &hosts, lost.is_cancelled())
}

fn outcome(plan: &Plan, ending: &Ending, hosts: &BTreeMap<Name, HostState>, lost: bool) -> RunOutcome {
    let state_of = |name: &Name| match hosts.get(name).copied().unwrap_or(HostState::Waiting) {
        HostState::Running if lost => HostState::Unknown,
        state => state,
    };
    let all_hosts = plan.clusters.iter().flat_map(|cluster| &cluster.hosts);
    let hosts = all_hosts.map(|host| (host.host.server.clone(), state_of(&host.host.server))).collect();
    let (state, why) = match ending {
        _ if lost => (DeploymentState::Interrupted, Some(SinkLost.to_string())),
        Ending::Succeeded => (DeploymentState::Succeeded, None),
        Ending::Failed(reasons) => (DeploymentState::Failed, Some(in_words(reasons))),
        Ending::Cancelled => (DeploymentState::Cancelled, None),
    };
    RunOutcome { state, why, hosts, lost }
}

fn in_words(reasons: &[String]) -> String {
    let named = reasons.iter().take(NAMED_FAILURES).map(String::as_str).collect::<Vec<_>>().join("; ");
    match reasons.len().saturating_sub(NAMED_FAILURES) {
        0 => named,
        more => format!("{named}; and {more} more"),
    }
}

enum Ending {
    Succeeded,
    Failed(Vec<String>),
    Cancelled,
}

enum ChainEnd {
    Done,
    Failed(String),
    Cancelled,
}

struct Run<'a, E> {
    plan: &'a Plan,
    executor: &'a E,
    events: mpsc::Sender<EventKind>,
    hosts: &'a Mutex<BTreeMap<Name, HostState>>,
    hosts_at_once: usize,
    cancel: &'a CancellationToken,
}

/// Where a step runs.
#[derive(Clone, Copy)]
enum Place<'a> {
    Here,
    Host { cluster: &'a Name, host: &'a HostPlan },
}

impl<E: Executor> Run<'_, E> {
    async fn all(&self) -> Ending {
        for warning in &self.plan.warnings {
            self.note(NoteLevel::Warning, warning.clone()).await;
        }
        for step in &self.plan.prepare {
            if self.cancel.is_cancelled() {
                return Ending::Cancelled;
            }
            match self.step(Place::Here, step, &Arc::default()).await {
                StepOutcome::Failed { why } => {
                    return Ending::Failed(vec![format!("{}: {why}", step.phase.word())]);
                }
                StepOutcome::Cancelled => return Ending::Cancelled,
                StepOutcome::Done | StepOutcome::Skipped { .. } | StepOutcome::Warned { .. } => {}
            }
        }
        for cluster in &self.plan.clusters {
            if self.cancel.is_cancelled() {
                return Ending::Cancelled;
            }
            match self.cluster(cluster).await {
                Ending::Succeeded => {}
                stop => return stop,
            }
        }
        Ending::Succeeded
    }

    async fn cluster(&self, cluster: &ClusterPlan) -> Ending {
        // Named and boxed: a closure's future is not known to be `Send` for every lifetime.
        let mut chains: Vec<BoxFuture<'_, (usize, ChainEnd)>> = Vec::with_capacity(cluster.hosts.len());
        for (place, host) in cluster.hosts.iter().enumerate() {
            chains.push(Box::pin(async move { (place, self.chain(&cluster.name, host).await) }));
        }
        // Not `buffered`: there a slow first host would hold back those after it.
        let mut ends: Vec<(usize, ChainEnd)> =
            futures_util::stream::iter(chains).buffer_unordered(self.hosts_at_once).collect().await;
        // The same failures always make the same words.
        ends.sort_by_key(|(place, _)| *place);
        let mut reasons = Vec::new();
        let mut cancelled = false;
        for (_, end) in ends {
            match end {
                ChainEnd::Done => {}
                ChainEnd::Failed(why) => reasons.push(why),
                ChainEnd::Cancelled => cancelled = true,
            }
        }
        match (cancelled, reasons.is_empty()) {
            (true, _) => Ending::Cancelled,
            (false, false) => Ending::Failed(reasons),
            (false, true) => Ending::Succeeded,
        }
    }

    /// All steps of one host.
    async fn chain(&self, cluster: &Name, host: &HostPlan) -> ChainEnd {
        let view = Arc::<HostView>::default();
        let name = &host.host.server;
        let mut touched = false;
        for step in &host.steps {
            if self.cancel.is_cancelled() {
                return self.cut(name, &view, touched).await;
            }
            if step.phase != Phase::Connect && !touched {
                touched = true;
                self.host_is(name, HostState::Running, None).await;
            }
            match self.step(Place::Host { cluster, host }, step, &view).await {
                StepOutcome::Done | StepOutcome::Skipped { .. } => {}
                StepOutcome::Warned { why } => self.note(NoteLevel::Warning, format!("{name}: {why}")).await,
                StepOutcome::Failed { why } => return self.broken(name, &view, touched, why).await,
                StepOutcome::Cancelled => return self.cut(name, &view, touched).await,
            }
        }
        self.host_is(name, HostState::Done, Some(self.plan.facts.commit.clone())).await;
        ChainEnd::Done
    }

    async fn broken(&self, name: &Name, view: &HostView, touched: bool, why: String) -> ChainEnd {
        let why = format!("{name}: {why}");
        self.note(NoteLevel::Error, format!("{why} ({})", what_is_left(view, touched))).await;
        self.left(name, view, touched, HostState::Failed).await;
        ChainEnd::Failed(why)
    }

    async fn cut(&self, name: &Name, view: &HostView, touched: bool) -> ChainEnd {
        if touched {
            let left = what_is_left(view, touched);
            self.note(NoteLevel::Warning, format!("{name}: cancelled ({left})")).await;
        }
        let state = if touched { HostState::Failed } else { HostState::Waiting };
        self.left(name, view, touched, state).await;
        ChainEnd::Cancelled
    }

    async fn left(&self, name: &Name, view: &HostView, touched: bool, state: HostState) {
        let seen = view.seen();
        match (touched, seen.lost_sight) {
            (false, _) => self.host_is(name, state, seen.commit).await,
            (true, true) => self.host_is(name, HostState::Unknown, None).await,
            (true, false) => self.host_is(name, state, None).await,
        }
    }

    async fn step(&self, place: Place<'_>, step: &Step, view: &Arc<HostView>) -> StepOutcome {
        let (cluster, host) = match place {
            Place::Here => (None, None),
            Place::Host { cluster, host } => (Some(cluster.clone()), Some(host.host.server.clone())),
        };
        let out = Output::seeing(self.events.clone(), step.id, host.clone(), Arc::clone(view));
        self.send(EventKind::StepStarted { step: step.id, phase: step.phase, cluster, host }).await;
        let outcome = self.judged(step, view, self.attempt(place, step, &out, view).await);
        self.send(EventKind::StepEnded { step: step.id, outcome: outcome.clone() }).await;
        outcome
    }

    /// Lets the step run until it ends, its time is up or the run is cancelled.
    async fn attempt(&self, place: Place<'_>, step: &Step, out: &Output, view: &HostView) -> StepOutcome {
        let stopping = self.cancel.child_token();
        let mut work = pin!(async {
            match place {
                Place::Here => self.executor.local(self.plan, step, out, &stopping).await,
                Place::Host { host, .. } => self.executor.host(self.plan, host, step, out, &stopping).await,
            }
        });
        let time_is_up = tokio::select! {
            biased;
            outcome = &mut work => return outcome,
            () = self.cancel.cancelled() => false,
            () = tokio::time::sleep(Duration::from_secs(step.timeout_s.into())) => true,
        };
        stopping.cancel();
        let stopped = timeout(STOP_GRACE, &mut work).await;
        if stopped.is_err() {
            view.change(|seen| seen.lost_sight = true);
        }
        match (time_is_up, stopped) {
            (true, _) => {
                failed(format!("{} took longer than {} s and was stopped", step.phase.word(), step.timeout_s))
            }
            (false, Ok(outcome)) => outcome,
            (false, Err(_)) => StepOutcome::Cancelled,
        }
    }

    /// Failed tests are a warning where the environment says so; a host that was
    /// lost from sight during its tests is not a failed test.
    fn judged(&self, step: &Step, view: &HostView, outcome: StepOutcome) -> StepOutcome {
        let forgiven = step.phase == Phase::Test && !self.plan.facts.fail_on_failed_tests;
        match outcome {
            StepOutcome::Failed { why } if forgiven && !view.seen().lost_sight => StepOutcome::Warned { why },
            other => other,
        }
    }

    async fn host_is(&self, host: &Name, state: HostState, commit: Option<CommitId>) {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), state);
        self.send(EventKind::Host { host: host.clone(), state, commit }).await;
    }

    async fn note(&self, level: NoteLevel, text: String) {
        self.send(EventKind::Note { level, text }).await;
    }

    /// When the queue is closed the lease is lost, and this future is about to be dropped.
    async fn send(&self, event: EventKind) {
        let _ = self.events.send(event).await;
    }
}

fn what_is_left(view: &HostView, touched: bool) -> &'static str {
    match (touched, view.seen().lost_sight) {
        (false, _) => "it was not changed",
        (true, false) => "it may be between two releases",
        (true, true) => "it is unknown what it runs",
    }
}
