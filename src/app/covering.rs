//! The approval of a release covers the way back from it, until the next deployment
//! (rules.md 12): while the hosts and the configuration are those that were sealed,
//! everybody who accepted still may, and the policy of now is content with them too.

use super::stored_request::Stored;
use super::{App, Refusal};
use crate::db::{self, Source};
use crate::domain::actor::Actor;
use crate::domain::deployment::{Deployment, Direction};
use crate::domain::name::Name;
use crate::domain::permission::{Access, Permission};
use crate::domain::policy::{self, Covering};
use crate::domain::request::RequestWord;

/// What would cover going back to `to`: the accepted request whose deployment was the
/// last one here and went from the release that is gone back to.
pub(super) async fn of_the_last(
    app: &App,
    source: &impl Source,
    actor: &Actor,
    to: &Deployment,
) -> Result<Option<Covering>, Refusal> {
    let Some(last) = db::deployments::find_newest(source, &to.application, &to.environment).await? else {
        return Ok(None);
    };
    let Some(last) = db::deployments::find(source, last).await? else { return Ok(None) };
    let Some(request) = last.request.filter(|_| last.state.is_over()) else { return Ok(None) };
    let went_from_there =
        last.from.as_ref() == Some(&to.commit) && last.direction != Some(Direction::GoesBack);
    let Some(request) = db::requests::find(source, request).await? else { return Ok(None) };
    let went_forward = request.state.word() == RequestWord::Launched && !request.rollback;
    let theirs = request.requester == actor.name
        || actor.access.may(Permission::DeployInWindow, &to.application, &to.environment);
    if went_from_there && went_forward && theirs {
        Ok(Some(judge(app, source, request.id).await?))
    } else {
        Ok(None)
    }
}

/// What covers a run that is under way to its start, or is to be done again: only the
/// deployment right before the first of its chain can.
pub(super) async fn of_run(
    app: &App,
    source: &impl Source,
    run: &Deployment,
) -> Result<Option<Covering>, Refusal> {
    let Some(request) = run.covered_by else { return Ok(None) };
    let filter = db::deployments::Filter {
        application: Some(run.application.clone()),
        environment: Some(run.environment.clone()),
        before: Some(first_of_chain(source, run).await?.id),
        standing: true,
        ..Default::default()
    };
    let before = db::deployments::list(source, &filter, 1).await?;
    if before.first().and_then(|before| before.request) == Some(request) {
        return Ok(Some(judge(app, source, request).await?));
    }
    Ok(Some(Covering { request, why_not: Some("Another deployment came after it.".to_owned()) }))
}

/// The run that the retries before this one go back to.
pub(super) async fn first_of_chain(source: &impl Source, run: &Deployment) -> Result<Deployment, Refusal> {
    let mut first = run.clone();
    while let Some(earlier) = first.retry_of {
        let Some(found) = db::deployments::find(source, earlier).await? else { break };
        first = found;
    }
    Ok(first)
}

/// Whose word it rests on: what they may is read again before it counts (rules.md 30).
pub(super) async fn accepted_by(app: &App, covered_by: Option<i64>) -> Result<Vec<Name>, Refusal> {
    let Some(request) = covered_by else { return Ok(Vec::new()) };
    Ok(Stored::load(app, &app.db, request, app.clock.now()).await?.accepted_by())
}

async fn judge(app: &App, source: &impl Source, request: i64) -> Result<Covering, Refusal> {
    let stored = Stored::load(app, source, request, app.clock.now()).await?;
    let nobody = Access::default();
    let why_not = policy::covers_no_more(&stored.facts(&stored.request.requester, &nobody, None));
    Ok(Covering { request, why_not })
}
