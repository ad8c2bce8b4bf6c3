//! The approval of a release covers the way back from it, until the next deployment
//! (rules.md 12): while the hosts and the configuration are those that were sealed,
//! everybody who accepted still may, and the policy of now is content with them too. It
//! is its requester's to use, and theirs who may deploy there: by the rights of now.

use super::stored_request::Stored;
use super::{App, Refusal};
use crate::db::{self, Source};
use crate::domain::deployment::{Deployment, Direction};
use crate::domain::name::Name;
use crate::domain::permission::{Access, Permission};
use crate::domain::policy::{self, Covering};
use crate::domain::request::RequestWord;

/// Who would go back, and what they may now.
pub(super) type Who<'a> = (&'a Name, &'a Access);

/// What would cover going back to `to`: the accepted request whose deployment was the
/// last one here and went from the release that is gone back to.
pub(super) async fn of_the_last(
    app: &App,
    source: &impl Source,
    who: Who<'_>,
    to: &Deployment,
) -> Result<Option<Covering>, Refusal> {
    let Some(last) = last_that_counts(source, to, None).await? else { return Ok(None) };
    let Some(request) = last.request.filter(|_| last.state.is_over()) else { return Ok(None) };
    let went_from_there =
        last.from.as_ref() == Some(&to.commit) && last.direction != Some(Direction::GoesBack);
    let Some(known) = db::requests::find(source, request).await? else { return Ok(None) };
    let went_forward = known.state.word() == RequestWord::Launched && !known.rollback;
    if went_from_there && went_forward { judge(app, source, who, request).await } else { Ok(None) }
}

/// What covers a run that is under way to its start, or is to be done again: only the
/// deployment right before the first of its chain can.
pub(super) async fn of_run(
    app: &App,
    source: &impl Source,
    who: Who<'_>,
    run: &Deployment,
) -> Result<Option<Covering>, Refusal> {
    let Some(request) = run.covered_by else { return Ok(None) };
    let first = first_of_chain(source, run).await?;
    let before = last_that_counts(source, run, Some(first.id)).await?;
    if before.and_then(|before| before.request) == Some(request) {
        return judge(app, source, who, request).await;
    }
    Ok(Some(Covering { request, why_not: Some("Another deployment came after it.".to_owned()) }))
}

/// The last deployment of the same place. One that ended before it touched anything came
/// between nothing.
async fn last_that_counts(
    source: &impl Source,
    place: &Deployment,
    before: Option<i64>,
) -> Result<Option<Deployment>, Refusal> {
    const AT_ONCE: u64 = 20;
    let mut filter = db::deployments::Filter {
        application: Some(place.application.clone()),
        environment: Some(place.environment.clone()),
        before,
        standing: true,
        ..Default::default()
    };
    loop {
        let found = db::deployments::list(source, &filter, AT_ONCE).await?;
        filter.before = found.last().map(|last| last.id);
        if filter.before.is_none() {
            return Ok(None);
        }
        let counts = |run: &Deployment| !run.state.is_over() || run.plan.is_some();
        if let Some(last) = found.into_iter().find(counts) {
            return Ok(Some(last));
        }
    }
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
pub(super) async fn accepted_by(app: &App, request: Option<i64>) -> Result<Vec<Name>, Refusal> {
    let Some(request) = request else { return Ok(Vec::new()) };
    Ok(Stored::load(app, &app.db, request, app.clock.now()).await?.accepted_by())
}

async fn judge(
    app: &App,
    source: &impl Source,
    (name, access): Who<'_>,
    request: i64,
) -> Result<Option<Covering>, Refusal> {
    let stored = Stored::load(app, source, request, app.clock.now()).await?;
    let asked = &stored.request;
    let theirs = asked.requester == *name
        || access.may(Permission::DeployInWindow, &asked.application, &asked.environment);
    let nobody = Access::default();
    let why_not = policy::covers_no_more(&stored.facts(&asked.requester, &nobody, None));
    Ok(theirs.then_some(Covering { request, why_not }))
}
