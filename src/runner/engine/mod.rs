//! Runs a plan: which step next, on how many hosts at once, and what a failure,
//! a time-out, a cancellation or a lost lease means for everything else.
//!
//! Every host of a stage runs its own chain of steps. A slow host delays nobody,
//! a failing one ends only its own chain; the run stops before the next stage.
//! Before anything is taken out of service, all hosts are looked at, as far as the
//! next stage that waits for a person: one that cannot be reached costs no service.

mod chain;
mod control;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::chain::HostRun;
pub use self::control::{Control, Steering, control};
use super::executor::{Executor, failed};
use super::output::{HostView, Output};
use crate::domain::deployment::DeploymentState;
use crate::domain::event::{EventKind, HostState, NoteLevel, Phase, StepOutcome};
use crate::domain::fleet::Method;
use crate::domain::mask::Mask;
use crate::domain::name::{CommitId, Name};
use crate::domain::plan::{HostPlan, Plan, Stage, Step};

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
    control: &Control,
    mask: &Arc<Mask>,
) -> RunOutcome {
    let (events, mut queue) = mpsc::channel(QUEUE);
    let lost = CancellationToken::new();
    let hosts = Mutex::new(BTreeMap::new());
    let (records, mut recorded) = mpsc::channel(1);
    let journal = async {
        loop {
            // In the order in which they happened: what was queued before a record comes first.
            let (event, written) = tokio::select! {
                biased;
                event = queue.recv() => match event {
                    Some(event) => (event, None),
                    None => return,
                },
                Some((event, written)) = recorded.recv() => (event, Some(written)),
            };
            if sink.emit(event).await.is_err() {
                lost.cancel();
                return;
            }
            let _ = written.map(|written: oneshot::Sender<()>| written.send(()));
        }
    };
    let work = async {
        let hosts_at_once = hosts_at_once.max(1);
        let run = Run { plan, executor, events, records, hosts: &hosts, hosts_at_once, control, mask };
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
    let hosts = plan.hosts().map(|host| (host.host.server.clone(), state_of(&host.host.server))).collect();
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

struct Run<'a, E> {
    plan: &'a Plan,
    executor: &'a E,
    events: mpsc::Sender<EventKind>,
    records: mpsc::Sender<(EventKind, oneshot::Sender<()>)>,
    hosts: &'a Mutex<BTreeMap<Name, HostState>>,
    hosts_at_once: usize,
    control: &'a Control,
    mask: &'a Arc<Mask>,
}

/// Where a step runs.
#[derive(Clone, Copy)]
enum Place<'a> {
    Here,
    Host(&'a HostPlan),
}

impl<E: Executor> Run<'_, E> {
    async fn all(&self) -> Ending {
        for warning in &self.plan.warnings {
            self.note(NoteLevel::Warning, warning.clone()).await;
        }
        if let Some(stop) = self.here(&self.plan.prepare).await {
            return stop;
        }
        if self.plan.facts.method == Method::Command {
            // The operator's command has brought it to all of them.
            for server in &self.plan.facts.servers {
                self.host_is(server, HostState::Done, Some(self.plan.facts.commit.clone())).await;
            }
        }
        let mut hosts: Vec<HostRun<'_>> = self.plan.hosts().map(HostRun::new).collect();
        let mut ahead = hosts.as_mut_slice();
        for (place, stage) in self.plan.stages.iter().enumerate() {
            if self.control.wants_end() {
                return Ending::Cancelled;
            }
            let looked_at = self.plan.stages[place..].iter().enumerate();
            let looked_at = looked_at.take_while(|(later, stage)| *later == 0 || !stage.waits_for_person);
            let looked_at = looked_at.map(|(_, stage)| stage.hosts.len()).sum();
            match self.stage(stage, ahead, looked_at).await {
                Ending::Succeeded => ahead = &mut ahead[stage.hosts.len()..],
                stop => return stop,
            }
        }
        Ending::Succeeded
    }

    /// `ahead` are the hosts of this stage and of all later ones; so many of them are
    /// looked at before anything leaves service.
    async fn stage(&self, stage: &Stage, ahead: &mut [HostRun<'_>], looked_at: usize) -> Ending {
        if stage.waits_for_person
            && let Some(stop) = self.ask(stage).await
        {
            return stop;
        }
        if stage.takes_out() {
            match self.chains(&mut ahead[..looked_at], |step| step.phase.only_looks()).await {
                Ending::Succeeded => {}
                stop => return stop,
            }
        }
        if let Some(stop) = self.here(&stage.before).await {
            return stop;
        }
        match self.chains(&mut ahead[..stage.hosts.len()], |_| true).await {
            Ending::Succeeded => self.here(&stage.after).await.unwrap_or(Ending::Succeeded),
            stop => stop,
        }
    }

    /// A stage that nobody lets begin in time ends the run as failed (rules.md 22).
    async fn ask(&self, stage: &Stage) -> Option<Ending> {
        let minutes = self.plan.facts.canary_minutes;
        let for_s = minutes.saturating_mul(60);
        self.send(EventKind::Waiting { stage: stage.name.clone(), for_s }).await;
        tokio::select! {
            biased;
            () = self.control.now.cancelled() => Some(Ending::Cancelled),
            () = self.control.after_batch.cancelled() => Some(Ending::Cancelled),
            hand = self.control.continued() => {
                self.send(EventKind::Continued { by: hand.name, acting_by: hand.acting }).await;
                None
            }
            () = tokio::time::sleep(Duration::from_secs(for_s.into())) => {
                Some(Ending::Failed(vec![format!("nobody continued within {minutes} minutes; the rest is untouched")]))
            }
        }
    }

    /// Steps of this machine, one after another.
    async fn here(&self, steps: &[Step]) -> Option<Ending> {
        for step in steps {
            if self.control.now.is_cancelled() {
                return Some(Ending::Cancelled);
            }
            if step.phase == Phase::Command {
                for server in &self.plan.facts.servers {
                    self.host_is(server, HostState::Running, None).await;
                }
            }
            match self.balanced(step).await {
                StepOutcome::Failed { why } => {
                    self.command_failed(step).await;
                    return Some(Ending::Failed(vec![format!("{}: {why}", step.phase.word())]));
                }
                StepOutcome::Cancelled => {
                    self.command_failed(step).await;
                    return Some(Ending::Cancelled);
                }
                StepOutcome::Done | StepOutcome::Skipped { .. } | StepOutcome::Warned { .. } => {}
            }
        }
        None
    }

    /// Nobody knows how far the operator's command came.
    async fn command_failed(&self, step: &Step) {
        if step.phase == Phase::Command {
            for server in &self.plan.facts.servers {
                self.host_is(server, HostState::Unknown, None).await;
            }
        }
    }

    /// What is about to leave service is on record before it does (rules.md 20), and
    /// it stays there until it is known to be back.
    async fn balanced(&self, step: &Step) -> StepOutcome {
        if let Some(balance) = &step.balance {
            for member in balance.takes_out() {
                self.record(EventKind::Service { member: member.clone(), in_service: false }).await;
            }
        }
        let outcome = self.step(Place::Here, step, &Arc::default()).await;
        if let (Some(balance), StepOutcome::Done | StepOutcome::Warned { .. }) = (&step.balance, &outcome) {
            for member in balance.puts_back() {
                self.record(EventKind::Service { member: member.clone(), in_service: true }).await;
            }
        }
        outcome
    }

    async fn step(&self, place: Place<'_>, step: &Step, view: &Arc<HostView>) -> StepOutcome {
        let (cluster, host) = match place {
            Place::Here => (None, None),
            Place::Host(host) => (Some(host.cluster.clone()), Some(host.host.server.clone())),
        };
        let out = Output::seeing(self.events.clone(), step.id, host.clone(), Arc::clone(view));
        let out = out.masked_by(Arc::clone(self.mask));
        self.send(EventKind::StepStarted { step: step.id, phase: step.phase, cluster, host }).await;
        let outcome = self.judged(step, view, self.attempt(place, step, &out, view).await);
        self.send(EventKind::StepEnded { step: step.id, outcome: outcome.clone() }).await;
        outcome
    }

    /// Lets the step run until it ends, its time is up or the run is cancelled.
    async fn attempt(&self, place: Place<'_>, step: &Step, out: &Output, view: &HostView) -> StepOutcome {
        let cancel = &self.control.now;
        let stopping = cancel.child_token();
        let mut work = pin!(async {
            match place {
                Place::Here => self.executor.local(self.plan, step, out, &stopping).await,
                Place::Host(host) => self.executor.host(self.plan, host, step, out, &stopping).await,
            }
        });
        let time_is_up = tokio::select! {
            biased;
            outcome = &mut work => return outcome,
            () = cancel.cancelled() => false,
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
        let is_test = matches!(step.phase, Phase::Test | Phase::LocalTest);
        let forgiven = is_test && !self.plan.facts.fail_on_failed_tests;
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

    /// Is in the database when this ends. When the lease is lost, it never does.
    async fn record(&self, event: EventKind) {
        let (written, is_written) = oneshot::channel();
        let _ = self.records.send((event, written)).await;
        if is_written.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
