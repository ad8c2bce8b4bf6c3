//! Servers that a run left out of service, as their readers see them: what is being
//! deployed just now is not left, it is at work.

use crate::app::{App, Refusal, balancing};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::balancer::MemberState;
use crate::domain::deployment::DeploymentState;
use crate::domain::permission::Permission;

#[derive(Debug, Clone)]
pub struct Left {
    pub out: balancing::TakenOut,
    /// What the load balancer says of it now; `None` where it cannot be asked.
    pub state: Option<MemberState>,
    pub may_put_back: bool,
}

/// Longest out first. Asks the load balancers, for a few seconds at most.
pub async fn list_left(app: &App, actor: &Actor) -> Result<Vec<Left>, Refusal> {
    let running = db::deployments::Filter {
        states: vec![DeploymentState::Running],
        ..db::deployments::Filter::default()
    };
    let running: Vec<i64> =
        db::deployments::list(&app.db, &running, 1_000).await?.iter().map(|run| run.id).collect();
    let mut out = balancing::list_out(app, actor).await?;
    out.retain(|out| !running.contains(&out.deployment));
    let states = balancing::look_at_out(app, &out).await;
    let left = |(out, state): (balancing::TakenOut, Option<MemberState>)| Left {
        may_put_back: actor.access.may(Permission::DeployInWindow, &out.application, &out.environment),
        out,
        state,
    };
    Ok(out.into_iter().zip(states).map(left).collect())
}
