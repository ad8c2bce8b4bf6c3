//! An executor that does as it is told, for tests of the engine's rules.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Barrier, Notify};
use tokio_util::sync::CancellationToken;

use super::executor::{Executor, failed};
use super::output::Output;
use crate::domain::event::{Phase, StepOutcome, Stream};
use crate::domain::plan::{HostPlan, Plan, Step};

/// What a step does. Steps that are not scripted are done at once.
#[derive(Clone)]
pub enum Act {
    Fails(&'static str),
    /// The connection breaks.
    IsLost,
    Says(Vec<&'static str>),
    /// Until it is cancelled.
    Hangs,
    /// Even then.
    HangsForEver,
    /// Until as many steps as the barrier wants have come here.
    Meets(Arc<Barrier>),
    /// Until the test notifies it.
    Waits(Arc<Notify>),
}

#[derive(Default)]
pub struct Scripted {
    acts: BTreeMap<(&'static str, Phase), Act>,
    began: Mutex<Vec<String>>,
    running: AtomicUsize,
    most_at_once: AtomicUsize,
    finished: AtomicUsize,
}

impl Scripted {
    /// `host` is empty for a step on this machine.
    #[must_use]
    pub fn on(mut self, host: &'static str, phase: Phase, act: Act) -> Self {
        self.acts.insert((host, phase), act);
        self
    }

    /// `web-1 connect`, in the order in which they began.
    pub fn began(&self) -> Vec<String> {
        self.began.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }

    /// How often the engine said that the run is over.
    pub fn finished_count(&self) -> usize {
        self.finished.load(Ordering::SeqCst)
    }

    async fn perform(
        &self,
        host: &str,
        phase: Phase,
        out: &Output,
        cancel: &CancellationToken,
    ) -> StepOutcome {
        let line = format!("{host} {}", phase.word()).trim().to_owned();
        self.began.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line);
        let act = self.acts.iter().find(|((of, at), _)| *of == host && *at == phase).map(|(_, act)| act);
        match act {
            None => StepOutcome::Done,
            Some(Act::Fails(why)) => failed(*why),
            Some(Act::IsLost) => {
                out.lost_sight();
                failed("the connection was lost")
            }
            Some(Act::Says(lines)) => {
                for line in lines {
                    out.line(Stream::Stdout, *line).await;
                }
                StepOutcome::Done
            }
            Some(Act::Hangs) => {
                cancel.cancelled().await;
                StepOutcome::Cancelled
            }
            Some(Act::HangsForEver) => pending().await,
            Some(Act::Meets(barrier)) => {
                barrier.wait().await;
                StepOutcome::Done
            }
            Some(Act::Waits(notify)) => {
                notify.notified().await;
                StepOutcome::Done
            }
        }
    }
}

impl Executor for Scripted {
    async fn local(&self, _: &Plan, step: &Step, out: &Output, cancel: &CancellationToken) -> StepOutcome {
        self.perform("", step.phase, out, cancel).await
    }

    async fn host(
        &self,
        _: &Plan,
        host: &HostPlan,
        step: &Step,
        out: &Output,
        cancel: &CancellationToken,
    ) -> StepOutcome {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(running, Ordering::SeqCst);
        // So that steps that could run at the same time do.
        tokio::task::yield_now().await;
        let outcome = self.perform(host.host.server.as_str(), step.phase, out, cancel).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        outcome
    }

    async fn finished(&self) {
        self.finished.fetch_add(1, Ordering::SeqCst);
    }
}
