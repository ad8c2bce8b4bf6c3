//! Who does the work of a step. The engine sees only this trait, so that its
//! rules are tested without a host, and the same rules hold for every way to
//! bring a release to one.

use std::future::Future;

use tokio_util::sync::CancellationToken;

use super::output::Output;
use crate::domain::event::StepOutcome;
use crate::domain::plan::{HostPlan, Plan, Step};

pub trait Executor: Send + Sync {
    /// A step on this machine. When `cancel` fires it stops and says `Cancelled`.
    fn local(
        &self,
        plan: &Plan,
        step: &Step,
        out: &Output,
        cancel: &CancellationToken,
    ) -> impl Future<Output = StepOutcome> + Send;

    /// A step on one host. When `cancel` fires it stops what it started there,
    /// sees that it ended (else `out.lost_sight()`), and says `Cancelled`.
    fn host(
        &self,
        plan: &Plan,
        host: &HostPlan,
        step: &Step,
        out: &Output,
        cancel: &CancellationToken,
    ) -> impl Future<Output = StepOutcome> + Send;

    /// Closes every connection. Called once, however the run ended.
    fn finished(&self) -> impl Future<Output = ()> + Send;
}

/// A step that failed, with words for people.
pub fn failed(why: impl Into<String>) -> StepOutcome {
    StepOutcome::Failed { why: why.into() }
}

pub fn skipped(why: impl Into<String>) -> StepOutcome {
    StepOutcome::Skipped { why: why.into() }
}
