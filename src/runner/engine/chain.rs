//! The steps of one host, one after another, and what is said of it when they end early.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;

use super::{Ending, Place, Run};
use crate::domain::event::{HostState, NoteLevel, StepOutcome};
use crate::domain::plan::{HostPlan, Step};
use crate::runner::executor::Executor;
use crate::runner::output::HostView;

/// How far a host is.
pub(super) struct HostRun<'a> {
    plan: &'a HostPlan,
    view: Arc<HostView>,
    /// The steps that are done.
    done: usize,
    touched: bool,
}

impl<'a> HostRun<'a> {
    pub(super) fn new(plan: &'a HostPlan) -> Self {
        Self { plan, view: Arc::default(), done: 0, touched: false }
    }
}

enum ChainEnd {
    Done,
    Failed(String),
    Cancelled,
}

impl<E: Executor> Run<'_, E> {
    /// Goes on with every host at the same time, through the steps that `wanted`
    /// lets pass from where each host is.
    pub(super) async fn chains(&self, hosts: &mut [HostRun<'_>], wanted: fn(&Step) -> bool) -> Ending {
        // Named and boxed: a closure's future is not known to be `Send` for every lifetime.
        let mut chains: Vec<BoxFuture<'_, (usize, ChainEnd)>> = Vec::with_capacity(hosts.len());
        for (place, host) in hosts.iter_mut().enumerate() {
            chains.push(Box::pin(async move { (place, self.chain(host, wanted).await) }));
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

    async fn chain(&self, host: &mut HostRun<'_>, wanted: fn(&Step) -> bool) -> ChainEnd {
        let name = &host.plan.host.server;
        while let Some(step) = host.plan.steps.get(host.done).filter(|step| wanted(step)) {
            if self.control.now.is_cancelled() {
                return self.cut(host).await;
            }
            if !step.phase.only_looks() && !host.touched {
                host.touched = true;
                self.host_is(name, HostState::Running, None).await;
            }
            match self.step(Place::Host(host.plan), step, &host.view).await {
                StepOutcome::Done | StepOutcome::Skipped { .. } => {}
                StepOutcome::Warned { why } => self.note(NoteLevel::Warning, format!("{name}: {why}")).await,
                StepOutcome::Failed { why } => return self.broken(host, why).await,
                StepOutcome::Cancelled => return self.cut(host).await,
            }
            host.done += 1;
        }
        if host.done == host.plan.steps.len() {
            self.host_is(name, HostState::Done, Some(self.plan.facts.commit.clone())).await;
        }
        ChainEnd::Done
    }

    async fn broken(&self, host: &HostRun<'_>, why: String) -> ChainEnd {
        let why = format!("{}: {why}", host.plan.host.server);
        self.note(NoteLevel::Error, format!("{why} ({})", what_is_left(host))).await;
        self.left(host, HostState::Failed).await;
        ChainEnd::Failed(why)
    }

    async fn cut(&self, host: &HostRun<'_>) -> ChainEnd {
        let name = &host.plan.host.server;
        if host.touched {
            let left = what_is_left(host);
            self.note(NoteLevel::Warning, format!("{name}: cancelled ({left})")).await;
        }
        let state = if host.touched { HostState::Failed } else { HostState::Waiting };
        self.left(host, state).await;
        ChainEnd::Cancelled
    }

    async fn left(&self, host: &HostRun<'_>, state: HostState) {
        let name = &host.plan.host.server;
        let seen = host.view.seen();
        match (host.touched, seen.lost_sight) {
            (false, _) => self.host_is(name, state, seen.commit).await,
            (true, true) => self.host_is(name, HostState::Unknown, None).await,
            (true, false) => self.host_is(name, state, None).await,
        }
    }
}

fn what_is_left(host: &HostRun<'_>) -> &'static str {
    match (host.touched, host.view.seen().lost_sight) {
        (false, _) => "it was not changed",
        (true, false) => "it may be between two releases",
        (true, true) => "it is unknown what it runs",
    }
}
