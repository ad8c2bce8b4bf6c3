//! Deployments, as their readers see them.

use jiff::Timestamp;

use super::page::{ROWS, page};
use crate::app::cancel_deployment::may_read;
use crate::app::{App, Refusal, deliver};
use crate::db;
use crate::db::journal::Outline;
use crate::domain::actor::Actor;
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::Event;
use crate::domain::live::LiveRow;
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
            standing: false,
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

/// What happened after a number, without the output.
pub async fn outline(app: &App, id: i64, after: u64) -> Result<Outline, Refusal> {
    Ok(db::journal::outline(&app.db, id, after).await?)
}

/// The last lines of output up to a number.
pub async fn last_lines(app: &App, id: i64, until: u64, wanted: usize) -> Result<Vec<Event>, Refusal> {
    Ok(db::journal::last_lines(&app.db, id, until, wanted).await?)
}

pub async fn last_seq(app: &App, id: i64) -> Result<u64, Refusal> {
    Ok(db::journal::last_seq(&app.db, id).await?)
}

/// How long the last ones of this place that succeeded took: their median, in seconds.
pub async fn usually_takes(app: &App, deployment: &Deployment) -> Result<Option<i64>, Refusal> {
    const OF: usize = 10;
    let succeeded = succeeded_here(app, deployment, None).await?;
    let like_it = |other: &&Deployment| {
        other.id != deployment.id && other.scope.is_whole() == deployment.scope.is_whole()
    };
    let took = |other: &Deployment| Some(other.ended_at?.as_second() - other.started_at?.as_second());
    let mut seconds: Vec<i64> = succeeded.iter().filter(like_it).filter_map(took).take(OF).collect();
    seconds.sort_unstable();
    Ok(seconds.get(seconds.len() / 2).copied())
}

/// What one would go back to from a deployment: the last success of the whole
/// environment before it, with another release.
pub async fn last_good_before(app: &App, deployment: &Deployment) -> Result<Option<Deployment>, Refusal> {
    let succeeded = succeeded_here(app, deployment, Some(deployment.id)).await?;
    Ok(succeeded.into_iter().find(|other| other.scope.is_whole() && other.commit != deployment.commit))
}

async fn succeeded_here(
    app: &App,
    deployment: &Deployment,
    before: Option<i64>,
) -> Result<Vec<Deployment>, Refusal> {
    let filter = db::deployments::Filter {
        states: vec![DeploymentState::Succeeded],
        application: Some(deployment.application.clone()),
        environment: Some(deployment.environment.clone()),
        before,
        standing: true,
        ..db::deployments::Filter::default()
    };
    Ok(db::deployments::list(&app.db, &filter, 50).await?)
}

/// The number of the last deployment of the same place, whatever became of it.
pub async fn newest_here(app: &App, deployment: &Deployment) -> Result<Option<i64>, Refusal> {
    Ok(db::deployments::find_newest(&app.db, &deployment.application, &deployment.environment).await?)
}

/// What the servers of its environment run, by the record.
pub async fn live_here(app: &App, deployment: &Deployment) -> Result<Vec<LiveRow>, Refusal> {
    Ok(db::live::list(&app.db, &deployment.application, &deployment.environment).await?)
}
