//! What may be done after a run has ended: go on with the hosts that are left, or go
//! back. A button that is closed says why.

use crate::app::queries::deploying::gates_again;
use crate::app::queries::deployments;
use crate::app::steer::{self, undone};
use crate::app::stored_request::Stored;
use crate::app::{App, Refusal, cancel_deployment};
use crate::domain::actor::Actor;
use crate::domain::deployment::{Deployment as Run, DeploymentState, Direction};
use crate::domain::event::{Phase, StepOutcome};
use crate::domain::gate::Verdict;
use crate::domain::name::Name;
use crate::domain::permission::Permission;
use crate::domain::policy::{self, Act};
use crate::domain::progress::Progress;
use crate::domain::request::release_words;
use crate::web::html::listed;
use crate::web::view::Action;
use crate::web::view::deployment::{Retry, WayBack};

/// The form for the hosts that a run left undone, where it left any.
pub async fn retry(
    app: &App,
    actor: &Actor,
    run: &Run,
    progress: &Progress,
    stored: Option<&Stored>,
    later: Option<i64>,
) -> Result<Option<Retry>, Refusal> {
    let ended_badly = matches!(
        run.state,
        DeploymentState::Failed | DeploymentState::Cancelled | DeploymentState::Interrupted
    );
    let hosts = undone(run, progress);
    // One that was lost before it was planned has done nothing: all of it is left.
    let something_left = !hosts.is_empty() || run.plan.is_none();
    let may = cancel_deployment::may_cancel(actor, run);
    if !ended_badly
        || !something_left
        || run.started_at.is_none()
        || later.is_some()
        || run.place_removed
        || !may
    {
        return Ok(None);
    }
    let href = format!("/deployments/{}/retry", run.id);
    let gates = match stored {
        Some(stored) => policy::gates(Act::Retry, &stored.facts(&actor.name, &actor.access, None)),
        None => gates_again(app, &app.db, actor, run, Act::Deploy).await?,
    };
    let stop = gates.into_iter().find(|gate| gate.verdict == Verdict::Stop);
    let why_not = stop.map(|stop| format!("{}. {}", stop.title, stop.remedy));
    let percent = run.plan.as_ref().map_or(0, |plan| plan.facts.delete_threshold);
    let approval = if run.request.is_some() { " The same approval covers it." } else { "" };
    Ok(Some(Retry {
        title: match hosts.len() {
            0 => "Start it once more".to_owned(),
            1 => "Retry the host that is left".to_owned(),
            number => format!("Retry the {number} hosts that are left"),
        },
        words: format!(
            "Deploys {} to {}, and nothing else. A host that runs anything but this release or the one before stops it.{approval}",
            release_words(&run.release),
            if hosts.is_empty() { run.scope.to_string() } else { listed(&hosts) }
        ),
        act: why_not.map_or_else(|| Action::to(&href), |why| Action::refused(&href, why)),
        acknowledge: stopped_at_deletes(progress, &hosts).then_some(percent),
    }))
}

/// Comparing only looks; it fails a host where too much would be deleted.
fn stopped_at_deletes(progress: &Progress, hosts: &[Name]) -> bool {
    progress.steps.values().any(|step| {
        let of_them = step.host.as_ref().is_some_and(|host| {
            hosts.contains(host) && progress.compared.get(host).is_some_and(|compared| compared.deleted > 0)
        });
        of_them && step.phase == Phase::Compare && matches!(step.outcome, Some(StepOutcome::Failed { .. }))
    })
}

/// The form to go back to the last release that succeeded before this one.
pub async fn way_back(
    app: &App,
    actor: &Actor,
    run: &Run,
    stored: Option<&Stored>,
) -> Result<Option<WayBack>, Refusal> {
    let place = (&run.application, &run.environment);
    if !run.state.is_over()
        || run.started_at.is_none()
        || run.place_removed
        || !actor.access.may(Permission::Request, place.0, place.1)
    {
        return Ok(None);
    }
    let Some(to) = deployments::last_good_before(app, run).await? else { return Ok(None) };
    let way = match steer::way_back(app, actor, &to).await {
        Ok(way) => way,
        // The environment was removed: there is nowhere to go back to.
        Err(Refusal::NotFound) => return Ok(None),
        Err(other) => return Err(other),
    };
    // From a run that went back itself, the release before it is no way back but forward.
    let went_back =
        run.direction == Some(Direction::GoesBack) || stored.is_some_and(|stored| stored.request.rollback);
    if went_back && (run.state == DeploymentState::Succeeded || way == steer::WayBack::ByRequest) {
        return Ok(None);
    }
    let href = format!("/deployments/{}/rollback", to.id);
    let may_deploy = actor.access.may(Permission::DeployInWindow, place.0, place.1);
    let succeeded = format!("Deployment {} of it succeeded on all hosts.", to.id);
    let (act, words) = match way {
        steer::WayBack::Directly if !may_deploy => {
            (Action::refused(&href, "Only who may deploy here may go back without a request."), succeeded)
        }
        steer::WayBack::Directly => (Action::to(&href), format!("{succeeded} It starts at once.")),
        steer::WayBack::Covered(request) => (
            Action::to(&href),
            format!("{succeeded} The approval of request {request} covers the way back: it starts at once."),
        ),
        steer::WayBack::ByRequest => (
            Action::to(&href),
            format!("{succeeded} It needs approval: a request is made, and the reviewers are mailed."),
        ),
    };
    let by_request = way == steer::WayBack::ByRequest;
    Ok(Some(WayBack { act, release: release_words(&to.release), words, by_request }))
}
