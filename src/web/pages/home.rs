//! Home: what needs this person first.

use super::items::{deployment_item, left_out, request_items};
use crate::app::queries::deployments as runs;
use crate::app::queries::freezes::Concern;
use crate::app::queries::{out_of_service, overrides, requests};
use crate::app::{App, Refusal};
use crate::domain::deployment::DeploymentState;
use crate::domain::request::{LinkState, Request, RequestWord};
use crate::web::guard::{Looking, may_request_anywhere};
use crate::web::respond::{Html, PageError};
use crate::web::view::home::Home;
use crate::web::view::{Activity, DeploymentItem, RequestItem, Section, Slot};

/// How many of each kind home shows.
const SHOWN: usize = 10;

#[rocket::get("/")]
pub async fn home(looking: Looking<'_>) -> Result<Html, PageError> {
    let Looking(visit) = looking;
    let (app, actor) = (visit.app, visit.actor());
    let to_review = requests::list_waiting(app, actor).await?;
    let mine = requests::Wanted {
        mine: true,
        states: vec![RequestWord::AwaitingReview, RequestWord::Accepted],
        ..requests::Wanted::default()
    };
    let (mine, _) = requests::list(app, actor, &mine, SHOWN).await?;
    let active = runs::Wanted {
        states: vec![DeploymentState::Queued, DeploymentState::Running],
        ..runs::Wanted::default()
    };
    let (active, _) = runs::list(app, actor, &active, SHOWN).await?;
    let (latest, _) = runs::list(app, actor, &runs::Wanted::default(), 50).await?;
    let mut failed = Vec::new();
    for (place, deployment) in latest.iter().enumerate() {
        let trouble = matches!(deployment.state, DeploymentState::Failed | DeploymentState::Interrupted);
        let put_right = latest[..place].iter().any(|later| {
            later.application == deployment.application
                && later.environment == deployment.environment
                && later.state == DeploymentState::Succeeded
        });
        if trouble && !put_right && failed.len() < SHOWN {
            let progress = runs::progress(app, deployment).await?;
            failed.push(deployment_item(deployment, Some(&progress)));
        }
    }
    let mut running = Vec::new();
    for deployment in &active {
        let progress = runs::progress(app, deployment).await?;
        running.push(deployment_item(deployment, Some(&progress)));
    }
    let recent =
        latest.iter().filter(|deployment| deployment.state.is_over()).take(SHOWN).map(|deployment| {
            Activity {
                at: deployment.ended_at.unwrap_or(deployment.created_at),
                state: deployment.state.into(),
                text: format!(
                    "{} {} → {}: {}",
                    deployment.application,
                    crate::domain::request::release_words(&deployment.release),
                    deployment.environment,
                    deployment.state.word()
                ),
                href: Some(format!("/deployments/{}", deployment.id)),
                quote: None,
            }
        });
    let to_sign = overrides::list_to_sign(app, actor).await?.into_iter().map(|(deployment, broken)| {
        let remark = Some(format!("{}: {}", broken.who, broken.reason));
        DeploymentItem { remark, ..deployment_item(&deployment, None) }
    });
    let page = Home {
        to_review: request_items(app, &to_review).await?,
        mine: with_slots(app, &mine).await?,
        failed,
        active: running,
        left_out: out_of_service::list_left(app, actor).await?.iter().map(left_out).collect(),
        recent: recent.collect(),
        drifted: super::servers::drift_items(app, actor).await?,
        to_sign: to_sign.collect(),
        may_request: may_request_anywhere(&visit.person),
        shell: super::freezes::shell(&visit, Section::Home, Concern::Anything).await?,
    };
    Html::page(&page)
}

/// One's own requests, those that may be started with the time that is left.
async fn with_slots(app: &App, mine: &[Request]) -> Result<Vec<RequestItem>, Refusal> {
    let mut items = request_items(app, mine).await?;
    for (item, request) in items.iter_mut().zip(mine) {
        if item.is_accepted()
            && let Some(link) = requests::launch_link(app, request.id).await?
            && link.facts.state(app.clock.now()) != LinkState::Used
        {
            item.slot = Some(Slot {
                begins_at: link.facts.starts_at,
                ends_at: link.facts.expires_at,
                ends_local: None,
            });
        }
    }
    Ok(items)
}
