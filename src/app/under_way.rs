//! What goes on in a place of the fleet, in words: it has to end before the place may
//! get another name or go.

use jiff::Timestamp;

use super::Refusal;
use crate::db::{self, DbError, Source};
use crate::domain::deployment::DeploymentState;
use crate::domain::fleet::Kind;
use crate::domain::fleet::object::Place;
use crate::domain::freeze::{Freeze, Level};
use crate::domain::name::Name;
use crate::domain::request::RequestWord;

/// Runs and open requests, which have to end first.
pub async fn find_all(source: &impl Source, place: &Place) -> Result<Vec<String>, Refusal> {
    let mut reasons = find_runs(source, place).await?;
    if let Some((application, environment)) = where_it_runs(place) {
        let filter = db::requests::Filter {
            states: vec![RequestWord::AwaitingReview, RequestWord::Accepted],
            application: Some(application),
            environment,
            ..Default::default()
        };
        let open = db::requests::list(source, &filter, 10).await?;
        reasons.extend(open.iter().map(|request| format!("request {} is open", request.id)));
    }
    Ok(reasons)
}

/// Runs that are there or wait to be.
pub async fn find_runs(source: &impl Source, place: &Place) -> Result<Vec<String>, DbError> {
    if place.kind == Kind::Server {
        let locks = db::deployments::list_server_locks(source).await?;
        let held = locks.into_iter().filter(|(server, _)| server == place.name.as_str());
        return Ok(held.map(|(_, deployment)| format!("deployment {deployment} has it")).collect());
    }
    let Some((application, environment)) = where_it_runs(place) else { return Ok(Vec::new()) };
    let filter = db::deployments::Filter {
        states: vec![DeploymentState::Queued, DeploymentState::Running],
        application: Some(application),
        environment,
        ..Default::default()
    };
    let under_way = db::deployments::list(source, &filter, 10).await?;
    let words = |deployment: &crate::domain::deployment::Deployment| {
        format!("deployment {} is {}", deployment.id, deployment.state.word())
    };
    Ok(under_way.iter().map(words).collect())
}

/// Why a place has to keep its name for now: a run has it, or a lock that means it by
/// its name alone, and would not find it under another.
pub async fn find_named(source: &impl Source, place: &Place, now: Timestamp) -> Result<Vec<String>, DbError> {
    let mut reasons = find_runs(source, place).await?;
    if place.kind == Kind::Environment {
        let mut locks = db::freezes::list_standing(source, now).await?;
        locks.retain(|freeze| {
            let on = &freeze.on;
            let by_name = on.application.is_none() && on.environment.as_ref() == Some(&place.name);
            by_name && freeze.level == Level::Lock
        });
        let words = |lock: &Freeze| format!("freeze {} is on every environment {}", lock.id, place.name);
        reasons.extend(locks.iter().map(words));
    }
    Ok(reasons)
}

fn where_it_runs(place: &Place) -> Option<(Name, Option<Name>)> {
    match place.kind {
        Kind::Application => Some((place.name.clone(), None)),
        Kind::Environment => Some((place.parent.clone()?, Some(place.name.clone()))),
        _ => None,
    }
}
