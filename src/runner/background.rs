//! The background half of the server: takes deployments from the queue, empties
//! the outbox, keeps house. Told to stop, it starts nothing new and gives what
//! runs a time of grace; what outlives it is marked, not forgotten.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::around;
use super::engine::{self, Steering};
use super::journal::{RENEW_EVERY, journal};
use super::local::sandbox::{Private, Sandbox};
use super::output::Output;
use super::ssh::balance::Balancing;
use super::ssh::build::Workshop;
use super::ssh::connection::SshSettings;
use super::ssh::{Prepare, SshExecutor, Tree};
use crate::app::check_start::{self, Checked};
use crate::app::queue::Claimed;
use crate::app::queue::Lease;
use crate::app::{App, balancing, deliver, health, housekeep, queue, run_deployment, secrets};
use crate::domain::deployment::{CancelWhen, DeploymentState};
use crate::domain::event::StepOutcome;
use crate::domain::plan::Plan;
use crate::mail::Mailer;

/// The queue and the outbox are read again this often although nobody woke us: a command
/// of another process has its mails sent within 2 s as well (rules.md 50).
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Hosts that a run left unsettled are asked at start, and then every tenth round.
const SETTLE_EVERY: u64 = 10;
/// rules.md 9.
const HOUSEKEEP_EVERY: Duration = Duration::from_secs(30);

pub struct Runner {
    app: App,
    mailer: Mailer,
    ssh: SshSettings,
    /// Names this process among all that may hold leases.
    owner: String,
    /// Nothing new is taken from the queue.
    stop: CancellationToken,
    /// All runs are over: mail and housekeeping end too.
    end: CancellationToken,
    /// Ends the runs that outlive their grace.
    abandon: CancellationToken,
    queue: TaskTracker,
    loops: TaskTracker,
    runs: TaskTracker,
}

impl Runner {
    pub fn start(app: App, mailer: Mailer, ssh: SshSettings, owner: String) -> Arc<Self> {
        let runner = Arc::new(Self {
            app,
            mailer,
            ssh,
            owner,
            stop: CancellationToken::new(),
            end: CancellationToken::new(),
            abandon: CancellationToken::new(),
            queue: TaskTracker::new(),
            loops: TaskTracker::new(),
            runs: TaskTracker::new(),
        });
        runner.queue.spawn(Arc::clone(&runner).take_from_queue());
        runner.loops.spawn(Arc::clone(&runner).empty_outbox());
        runner.loops.spawn(Arc::clone(&runner).keep_house());
        runner.loops.spawn(around::check_drift(runner.app.clone(), runner.stop.clone()));
        runner.loops.spawn(around::clean_up(runner.app.clone(), runner.workshop(), runner.stop.clone()));
        let (app, ssh) = (runner.app.clone(), runner.ssh.clone());
        runner.loops.spawn(around::find_previews(app, ssh, runner.stop.clone()));
        runner.queue.close();
        runner.loops.close();
        runner
    }

    /// No new runs from here on; running ones finish within the grace, or are
    /// marked interrupted. What is to be told of them is still sent.
    pub async fn drain(&self) {
        self.stop.cancel();
        // A claim under way becomes a run, which is waited for like the others.
        self.queue.wait().await;
        self.runs.close();
        let grace = Duration::from_secs(u64::from(self.app.config.runner.shutdown_grace_s));
        if tokio::time::timeout(grace, self.runs.wait()).await.is_err() {
            tracing::warn!("runs outlived the time of grace and are interrupted");
            self.abandon.cancel();
            let _ = tokio::time::timeout(Duration::from_secs(15), self.runs.wait()).await;
        }
        self.end.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(25), self.loops.wait()).await;
    }

    async fn take_from_queue(self: Arc<Self>) {
        loop {
            if let Err(error) = housekeep::find_lost(&self.app).await {
                tracing::error!(%error, "lost runs cannot be looked for");
            }
            while self.runs.len() < self.app.config.runner.deployments as usize && !self.stop.is_cancelled() {
                if !health::disk(&self.app).ok {
                    tracing::error!("too little disk space: nothing starts");
                    break;
                }
                match queue::claim_next(&self.app, &self.owner).await {
                    Ok(Some(claimed)) => {
                        let runner = Arc::clone(&self);
                        // On the heap: a run's future is large, and it lives long.
                        self.runs.spawn(Box::pin(async move { runner.run(claimed).await }));
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(%error, "the queue cannot be read");
                        break;
                    }
                }
            }
            if !pause(&self.stop, self.app.wake.queue.notified(), LOOK_EVERY).await {
                return;
            }
        }
    }

    async fn run(&self, claimed: Claimed) {
        let id = claimed.deployment.id;
        tracing::info!(deployment = id, application = %claimed.deployment.application, environment = %claimed.deployment.environment, "deployment taken from the queue");
        if let Err(error) = Box::pin(self.run_claimed(&claimed)).await {
            // The lease runs out and housekeeping marks it: nothing is called failed that is not known.
            tracing::error!(deployment = id, %error, "the run was given up");
        }
        self.app.wake.queue.notify_one();
    }

    async fn run_claimed(&self, claimed: &Claimed) -> Result<(), crate::app::Refusal> {
        let checked =
            self.holding(&claimed.lease, Box::pin(check_start::check_start(&self.app, claimed))).await;
        let plan = match checked? {
            Checked::Go(plan) => plan,
            Checked::Stopped { why } => {
                tracing::info!(deployment = claimed.deployment.id, why, "stopped before the start");
                return Ok(());
            }
        };
        run_deployment::store_plan(&self.app, &claimed.lease, &plan).await?;
        let clock = self.app.clock.clone();
        let prepare = FromApp { app: self.app.clone() };
        let workshop = self.workshop();
        let balancing = self.balancing(&plan).await?;
        let now: super::ssh::Now = Arc::new(move || clock.now());
        let executor = SshExecutor::new(prepare, self.ssh.clone(), workshop, balancing, now);
        let executor =
            executor.map_err(|error| crate::app::Refusal::Internal(format!("control folder: {error}")))?;
        let (sink, writer) = journal(&self.app, &claimed.deployment, &claimed.lease, claimed.seq);
        let mut writing = tokio::spawn(writer.run());
        let (control, steering) = engine::control();
        let hosts_at_once = self.app.config.runner.hosts as usize;
        let mask = Arc::new(secrets::mask(&self.app).await?);
        let run = tokio::select! {
            biased;
            outcome = engine::run(&plan, &executor, &sink, hosts_at_once, &control, &mask) => Run::Over(outcome),
            () = self.steer(claimed.deployment.id, steering) => Run::Abandoned,
            () = self.abandon.cancelled() => Run::Abandoned,
            // While the sink lives, the writer ends only when the lease is lost. A quiet
            // script would not notice for as long as it says nothing.
            written = &mut writing => Run::Lost(written),
        };
        // What still ran on a host dies with its connection, before anything else is said.
        drop(executor);
        drop(sink);
        let (outcome, written) = match run {
            Run::Over(outcome) => (Some(outcome), writing.await),
            Run::Abandoned => (None, writing.await),
            Run::Lost(written) => (None, written),
        };
        let written = written.map_err(|error| crate::app::Refusal::Internal(format!("journal: {error}")))?;
        let Ok(seq) = written else {
            tracing::error!(deployment = claimed.deployment.id, "the lease was lost");
            return Ok(());
        };
        let Some(outcome) = outcome.filter(|outcome| !outcome.lost) else {
            return self.interrupted(claimed).await;
        };
        run_deployment::finish(&self.app, claimed, seq, outcome.state, outcome.why.as_deref()).await
    }

    fn workshop(&self) -> Workshop {
        let config = &self.app.config;
        Workshop {
            sandbox: Sandbox::of(config),
            workplaces: config.data_dir.join("work"),
            built: config.data_dir.join("built"),
            private: Private::of(config),
            commands: config.commands.clone(),
        }
    }

    /// Only where the plan speaks with load balancers.
    async fn balancing(&self, plan: &Plan) -> Result<Option<Balancing>, crate::app::Refusal> {
        if plan.members().next().is_none() {
            return Ok(None);
        }
        let balancers = balancing::balancers(&self.app).await?;
        let ours = balancing::taken_out(&self.app.db).await?;
        Ok(Some(Balancing::new(balancers, ours)))
    }

    /// Tells the run what people want of it. Never ends.
    async fn steer(&self, id: i64, steering: Steering) {
        let mut wake = self.app.wake.cancel.subscribe();
        loop {
            match queue::wishes(&self.app, id).await {
                Ok(wishes) => {
                    match wishes.cancel {
                        Some(CancelWhen::Now) => steering.now.cancel(),
                        Some(CancelWhen::AfterBatch) => steering.after_batch.cancel(),
                        None => {}
                    }
                    if let Some(who) = &wishes.continued_by {
                        steering.go_on(who);
                    }
                }
                Err(error) => tracing::error!(deployment = id, %error, "wishes cannot be read"),
            }
            // Another instance may have written them: looked for without being woken, too.
            let _ = tokio::time::timeout(LOOK_EVERY, async {
                while wake.recv().await.is_ok_and(|woken| woken != id) {}
            })
            .await;
        }
    }

    /// Keeps the lease while something is waited for that writes no journal.
    async fn holding<T>(&self, lease: &Lease, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(RENEW_EVERY) => {
                    if let Err(error) = run_deployment::renew(&self.app, lease).await {
                        tracing::warn!(deployment = lease.deployment, %error, "the lease could not be renewed");
                    }
                }
            }
        }
    }

    /// This process ends before the run did: said by ourselves, at once.
    async fn interrupted(&self, claimed: &Claimed) -> Result<(), crate::app::Refusal> {
        let seq = crate::app::queries::deployments::last_seq(&self.app, claimed.deployment.id).await?;
        let why = "The service was stopped while it ran. What its hosts run is read before anything else runs there.";
        run_deployment::finish(&self.app, claimed, seq, DeploymentState::Interrupted, Some(why)).await
    }

    async fn empty_outbox(self: Arc<Self>) {
        loop {
            let is_last = self.end.is_cancelled();
            match deliver::deliver_due(&self.app, &self.mailer).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "the outbox cannot be emptied"),
            }
            if is_last {
                return;
            }
            pause(&self.end, self.app.wake.outbox.notified(), LOOK_EVERY).await;
        }
    }

    async fn keep_house(self: Arc<Self>) {
        for round in 0_u64.. {
            housekeep::housekeep(&self.app).await;
            if round % SETTLE_EVERY == 0 {
                housekeep::settle_all(&self.app).await;
            }
            if !pause(&self.end, std::future::pending(), HOUSEKEEP_EVERY).await {
                return;
            }
        }
    }
}

/// Waits for a wake signal or a while; false when it is time to stop.
async fn pause(stop: &CancellationToken, wake: impl Future<Output = ()>, at_most: Duration) -> bool {
    tokio::select! {
        biased;
        () = stop.cancelled() => false,
        () = wake => true,
        () = tokio::time::sleep(at_most) => true,
    }
}

/// How the work of a run came to its end.
enum Run {
    Over(engine::RunOutcome),
    /// Its time of grace is over.
    Abandoned,
    Lost(Result<Result<u64, engine::SinkLost>, tokio::task::JoinError>),
}

/// The steps before any host is touched, over the use cases.
struct FromApp {
    app: App,
}

impl Prepare for FromApp {
    async fn fetch(&self, plan: &Plan, _: &Output) -> StepOutcome {
        match self.app.mirrors.commit(&plan.facts.application, &plan.facts.commit).await {
            Ok(Some(_)) => StepOutcome::Done,
            Ok(None) => {
                StepOutcome::Failed { why: format!("the repository has no commit {}", plan.facts.commit) }
            }
            Err(error) => StepOutcome::Failed { why: error.to_string() },
        }
    }

    async fn build(&self, plan: &Plan, _: &Output) -> Result<Tree, String> {
        let tree = run_deployment::build_tree(&self.app, plan).await.map_err(|refusal| match refusal {
            crate::app::Refusal::Invalid(errors) => {
                errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; ")
            }
            other => other.to_string(),
        })?;
        Ok(Tree { path: tree.path, manifest: tree.manifest })
    }
}
