//! What load balancers are asked and told around a stage.
//!
//! Out: `drain`, wait until no session is left, `maint`. In: `drain` first, so that
//! the load balancer checks a server that came out of maintenance before it gets
//! traffic, then `ready` (docs/load-balancer.md).

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::balancer::{BalancerError, Balancers, Waited};
use crate::domain::balancer::{Admin, Member, MemberState, Obstacle, are_serving, may_take_out};
use crate::domain::event::{NoteLevel, StepOutcome};
use crate::domain::plan::Balance;
use crate::runner::executor::failed;
use crate::runner::output::Output;

/// How long sessions may take to end by themselves; then they are cut.
const DRAIN_LIMIT: Duration = Duration::from_mins(2);
/// How long the load balancer's checks may take to pass.
const UP_LIMIT: Duration = Duration::from_mins(2);
/// For a client that came back between the drain and the maintenance.
const STRAGGLER_LIMIT: Duration = Duration::from_secs(10);

/// The load balancers of one run.
#[derive(Debug)]
pub struct Balancing {
    balancers: Balancers,
    /// Taken out by deployments of ours: found in maintenance, they are no surprise.
    ours: Mutex<BTreeSet<Member>>,
}

/// Why an act on a load balancer did not come to its end.
enum Stopped {
    Cancelled,
    Why(String),
}

impl From<BalancerError> for Stopped {
    fn from(error: BalancerError) -> Self {
        Stopped::Why(error.to_string())
    }
}

impl Balancing {
    pub fn new(balancers: Balancers, ours: BTreeSet<Member>) -> Self {
        Self { balancers, ours: Mutex::new(ours) }
    }

    pub async fn act(&self, balance: &Balance, out: &Output, cancel: &CancellationToken) -> StepOutcome {
        let acted = match balance {
            Balance::Check { members } => self.check(members, out).await,
            Balance::StillUp { members } => self.still_up(members).await,
            Balance::Drain { members } => self.drain(members, out, cancel).await,
            Balance::Enable { members } => self.enable(members, cancel).await,
            Balance::Swap { enable, drain } => self.swap(enable, drain, out, cancel).await,
        };
        match acted {
            Ok(()) => StepOutcome::Done,
            Err(Stopped::Cancelled) => StepOutcome::Cancelled,
            Err(Stopped::Why(why)) => failed(why),
        }
    }

    async fn check(&self, members: &[Member], out: &Output) -> Result<(), Stopped> {
        let states = self.balancers.states(members).await?;
        let ours = self.ours.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let decision = may_take_out(&states, &ours);
        for MemberState { member, state } in &states {
            out.line(crate::domain::event::Stream::Stdout, format!("{member}: {state}")).await;
        }
        for warning in &decision.warnings {
            out.note(NoteLevel::Warning, warning.to_string()).await;
        }
        all_clear(&decision.stops)
    }

    async fn still_up(&self, members: &[Member]) -> Result<(), Stopped> {
        let states = self.balancers.states(members).await?;
        all_clear(&are_serving(&states))
    }

    async fn drain(
        &self,
        members: &[Member],
        out: &Output,
        cancel: &CancellationToken,
    ) -> Result<(), Stopped> {
        let members = self.not_yet_out(members).await?;
        self.balancers.drain(&members).await?;
        self.empty(&members, out, cancel).await
    }

    /// What an earlier run took out stays in maintenance: drained, it would get the
    /// requests of clients that a cookie binds to it.
    async fn not_yet_out(&self, members: &[Member]) -> Result<Vec<Member>, Stopped> {
        let states = self.balancers.states(members).await?;
        let in_service = states.into_iter().filter(|seen| seen.state.admin != Admin::Maint);
        Ok(in_service.map(|seen| seen.member).collect())
    }

    /// What is up is left alone: a retry finds done servers in service.
    async fn not_yet_up(&self, members: &[Member]) -> Result<Vec<Member>, Stopped> {
        let states = self.balancers.states(members).await?;
        Ok(states.into_iter().filter(|seen| !seen.is_up()).map(|seen| seen.member).collect())
    }

    /// Waits for sessions to end, and takes what was drained out for good.
    async fn empty(
        &self,
        members: &[Member],
        out: &Output,
        cancel: &CancellationToken,
    ) -> Result<(), Stopped> {
        match self.balancers.wait_drained(members, DRAIN_LIMIT, cancel).await? {
            Waited::Reached => {}
            Waited::Cancelled => return Err(Stopped::Cancelled),
            Waited::AtLimit(left) => {
                for state in left {
                    let words = format!(
                        "{}: {} after {} s; they are cut",
                        state.member,
                        state.state,
                        DRAIN_LIMIT.as_secs()
                    );
                    out.note(NoteLevel::Warning, words).await;
                }
            }
        }
        self.balancers.maintain(members).await?;
        match self.balancers.wait_drained(members, STRAGGLER_LIMIT, cancel).await? {
            Waited::Cancelled => Err(Stopped::Cancelled),
            Waited::Reached | Waited::AtLimit(_) => Ok(()),
        }
    }

    async fn enable(&self, members: &[Member], cancel: &CancellationToken) -> Result<(), Stopped> {
        let members = self.not_yet_up(members).await?;
        self.checked(&members, cancel).await?;
        self.balancers.enable(&members).await?;
        self.up(&members, cancel).await
    }

    async fn swap(
        &self,
        enable: &[Member],
        drain: &[Member],
        out: &Output,
        cancel: &CancellationToken,
    ) -> Result<(), Stopped> {
        let enable = self.not_yet_up(enable).await?;
        self.checked(&enable, cancel).await?;
        let drain = self.not_yet_out(drain).await?;
        self.balancers.swap(&enable, &drain).await?;
        self.up(&enable, cancel).await?;
        self.empty(&drain, out, cancel).await
    }

    /// Checked without traffic: a server that leaves maintenance counts as up before
    /// anybody has looked at it.
    async fn checked(&self, members: &[Member], cancel: &CancellationToken) -> Result<(), Stopped> {
        self.balancers.drain(members).await?;
        let waited = self.balancers.wait_checked(members, UP_LIMIT, cancel).await?;
        reached(waited, "the load balancer's checks do not pass")
    }

    async fn up(&self, members: &[Member], cancel: &CancellationToken) -> Result<(), Stopped> {
        let waited = self.balancers.wait_up(members, UP_LIMIT, cancel).await?;
        reached(waited, "it does not come up")
    }
}

fn all_clear(stops: &[Obstacle]) -> Result<(), Stopped> {
    if stops.is_empty() {
        return Ok(());
    }
    let words: Vec<String> = stops.iter().map(ToString::to_string).collect();
    Err(Stopped::Why(words.join(" ")))
}

fn reached(waited: Waited, what: &str) -> Result<(), Stopped> {
    match waited {
        Waited::Reached => Ok(()),
        Waited::Cancelled => Err(Stopped::Cancelled),
        Waited::AtLimit(left) => {
            let words: Vec<String> = left.iter().map(|s| format!("{} ({})", s.member, s.state)).collect();
            Err(Stopped::Why(format!("{what} within {} s: {}", UP_LIMIT.as_secs(), words.join(", "))))
        }
    }
}
