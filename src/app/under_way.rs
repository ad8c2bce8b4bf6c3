//! What goes on in a place of the fleet, in words: it has to end before the place may
//! get another name or go.

use super::Refusal;
use crate::db::{self, DbError, Source};
use crate::domain::deployment::DeploymentState;
use crate::domain::fleet::Kind;
use crate::domain::fleet::object::Place;
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

fn where_it_runs(place: &Place) -> Option<(Name, Option<Name>)> {
    match place.kind {
        Kind::Application => Some((place.name.clone(), None)),
        Kind::Environment => Some((place.parent.clone()?, Some(place.name.clone()))),
        _ => None,
    }
}
