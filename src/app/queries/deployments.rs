//! Deployments, as their readers see them.

use jiff::Timestamp;

use super::page::{ROWS, page};
use crate::app::cancel_deployment::may_read;
use crate::app::{App, Refusal, deliver};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::Event;
use crate::domain::name::Name;
use crate::domain::progress::Progress;

#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub states: Vec<DeploymentState>,
    pub application: Option<Name>,
    pub environment: Option<Name>,
    /// Who asked for it or started it.
    pub person: Option<Name>,
    /// Made then or later.
    pub since: Option<Timestamp>,
    pub before: Option<i64>,
}

/// Newest first, only what may be read, with the number to go on below.
pub async fn list(
    app: &App,
    actor: &Actor,
    wanted: &Wanted,
    limit: usize,
) -> Result<(Vec<Deployment>, Option<i64>), Refusal> {
    let rows = |before| {
        let filter = db::deployments::Filter {
            states: wanted.states.clone(),
            application: wanted.application.clone(),
            environment: wanted.environment.clone(),
            commit: None,
            person: wanted.person.clone(),
            since: wanted.since,
            before,
        };
        async move { db::deployments::list(&app.db, &filter, ROWS).await }
    };
    page(limit, wanted.before, rows, |deployment| deployment.id, |deployment| may_read(actor, deployment))
        .await
}

pub async fn find(app: &App, actor: &Actor, id: i64) -> Result<Deployment, Refusal> {
    let deployment = db::deployments::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
    if may_read(actor, &deployment) { Ok(deployment) } else { Err(Refusal::NotFound) }
}

/// The run so far, without its output.
pub async fn progress(app: &App, deployment: &Deployment) -> Result<Progress, Refusal> {
    deliver::progress(app, deployment).await
}

/// Events after a number: whole chunks, at least `wanted` where there are as many.
pub async fn journal(app: &App, id: i64, after: u64, wanted: usize) -> Result<Vec<Event>, Refusal> {
    Ok(db::journal::read(&app.db, id, after, wanted).await?)
}

pub async fn last_seq(app: &App, id: i64) -> Result<u64, Refusal> {
    Ok(db::journal::last_seq(&app.db, id).await?)
}
