//! Waiting for what an order sets going. HAProxy tells nobody, so it is asked every
//! 100 ms (rules.md 21).

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{BalancerError, Balancers, Group};
use crate::domain::balancer::{Goal, Member, MemberState, PutBack, missing};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    Reached,
    /// The limit came first, with these members, as they were last seen. It is for
    /// the caller to say whether that is a failure.
    AtLimit(Vec<MemberState>),
    Cancelled,
}

impl Balancers {
    /// Until no member has a session. It is an error when somebody else puts one back.
    pub async fn wait_drained(
        &self,
        members: &[Member],
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Waited, BalancerError> {
        self.wait(Goal::Drained, members, limit, cancel).await
    }

    /// Until the checks of every member pass, in service or not. A member that was in
    /// maintenance is checked, without traffic, when it is drained.
    pub async fn wait_checked(
        &self,
        members: &[Member],
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Waited, BalancerError> {
        self.wait(Goal::Checked, members, limit, cancel).await
    }

    /// Until every member is ready and its checks pass, or it has none.
    pub async fn wait_up(
        &self,
        members: &[Member],
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Waited, BalancerError> {
        self.wait(Goal::Up, members, limit, cancel).await
    }

    async fn wait(
        &self,
        goal: Goal,
        members: &[Member],
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Waited, BalancerError> {
        let groups = self.groups(members)?;
        // The first look is not hurried by the limit: its end must have something to say.
        let mut left = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(Waited::Cancelled),
            left = self.left(goal, &groups) => left?,
        };
        let mut looks = interval(BETWEEN_LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.tick().await;
        let polling = async {
            while !left.is_empty() {
                looks.tick().await;
                left = self.left(goal, &groups).await?;
            }
            Ok(())
        };
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(Waited::Cancelled),
            ended = timeout(limit, polling) => ended,
        };
        match ended {
            Ok(outcome) => outcome.map(|()| Waited::Reached),
            Err(_) => Ok(Waited::AtLimit(left)),
        }
    }

    /// The members that have not reached the goal.
    async fn left(&self, goal: Goal, groups: &[Group<'_>]) -> Result<Vec<MemberState>, BalancerError> {
        let looks = groups.iter().map(|group| async move {
            let seen = self.look(group).await?;
            missing(goal, &group.members, &seen).map_err(|PutBack(member)| BalancerError::PutBack(member))
        });
        Ok(try_join_all(looks).await?.into_iter().flatten().collect())
    }
}
