//! Requests, as their readers see them.

use std::collections::HashMap;

use super::page::{ROWS, page};
use crate::app::{App, Refusal};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::diff::CommitInfo;
use crate::domain::name::Name;
use crate::domain::permission::Permission;
use crate::domain::request::{Decision, DecisionKind, Request, RequestState, RequestWord};

/// How a request ended, in a sentence or two: by whom, when it matters, and why.
pub fn ending_words(request: &Request, decisions: &[Decision]) -> String {
    let accepted = || {
        let names: Vec<&str> = decisions
            .iter()
            .filter(|decision| decision.kind == DecisionKind::Accept)
            .map(|decision| decision.person.as_str())
            .collect();
        if names.is_empty() {
            "It needed no approval.".to_owned()
        } else {
            format!("It was accepted by {}.", names.join(", "))
        }
    };
    match &request.state {
        RequestState::AwaitingReview { .. } => "It awaits review.".to_owned(),
        RequestState::Accepted { .. } => accepted(),
        RequestState::Launched { deployment, .. } => {
            format!("{} It became deployment {deployment}.", accepted())
        }
        RequestState::Rejected { by, reason, at } => {
            format!("{by} rejected it at {}: {reason}", at.strftime("%Y-%m-%d %H:%M UTC"))
        }
        RequestState::Cancelled { by, at } => {
            format!("{by} cancelled it at {}.", at.strftime("%Y-%m-%d %H:%M UTC"))
        }
        RequestState::Expired { .. } => "Its time ran out. It can be asked for again.".to_owned(),
        RequestState::Void { cause, .. } => format!("{} It has to be asked for again.", cause.words()),
    }
}

/// Requests that wait for a decision of this person.
pub async fn list_waiting(app: &App, actor: &Actor) -> Result<Vec<Request>, Refusal> {
    let filter = db::requests::Filter { states: vec![RequestWord::AwaitingReview], ..Default::default() };
    let now = app.clock.now();
    let open = db::requests::list(&app.db, &filter, 1000).await?;
    let decides = |request: &Request| {
        request.requester != actor.name
            && request.state.expire(now).is_none()
            && actor.access.may(Permission::Review, &request.application, &request.environment)
    };
    let mut waiting: Vec<Request> = open.into_iter().filter(decides).collect();
    // Where several accepts are needed, one's own may be among those that are there.
    let accepted = accepted_by(app, &waiting).await?;
    waiting.retain(|request| accepted.get(&request.id).is_none_or(|names| !names.contains(&actor.name)));
    Ok(waiting)
}

/// Which requests a list shows.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub mine: bool,
    pub states: Vec<RequestWord>,
    pub application: Option<crate::domain::name::Name>,
    pub environment: Option<crate::domain::name::Name>,
    pub before: Option<i64>,
}

/// Newest first, only what may be read, with the number to go on below.
pub async fn list(
    app: &App,
    actor: &Actor,
    wanted: &Wanted,
    limit: usize,
) -> Result<(Vec<Request>, Option<i64>), Refusal> {
    let rows = |before| {
        let filter = db::requests::Filter {
            states: wanted.states.clone(),
            requester: wanted.mine.then(|| actor.name.clone()),
            application: wanted.application.clone(),
            environment: wanted.environment.clone(),
            before,
        };
        async move { db::requests::list(&app.db, &filter, ROWS).await }
    };
    page(limit, wanted.before, rows, |request| request.id, |request| may_read(actor, request)).await
}

pub async fn find(app: &App, actor: &Actor, id: i64) -> Result<Request, Refusal> {
    let request = db::requests::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
    if may_read(actor, &request) { Ok(request) } else { Err(Refusal::NotFound) }
}

/// Every decision on these requests, oldest first, each with its request's number.
pub async fn decisions_of(app: &App, requests: &[Request]) -> Result<Vec<(i64, Decision)>, Refusal> {
    let ids: Vec<i64> = requests.iter().map(|request| request.id).collect();
    Ok(db::requests::list_decisions_of(&app.db, &ids).await?)
}

pub fn may_read(actor: &Actor, request: &Request) -> bool {
    actor.access.may(Permission::Read, &request.application, &request.environment)
}

/// The commits that a request brings, newest first, and how many there are; nothing
/// when they cannot be read.
pub async fn commits(app: &App, request: &Request, limit: usize) -> Option<(u64, Vec<CommitInfo>)> {
    let range = app
        .mirrors
        .commits_between(&request.application, request.from.as_ref(), &request.commit, limit)
        .await;
    range.ok().map(|range| (range.total as u64, range.commits))
}

/// Who accepted each of these requests and still stands by it, by the request's number.
pub async fn accepted_by(app: &App, requests: &[Request]) -> Result<HashMap<i64, Vec<Name>>, Refusal> {
    let ids: Vec<i64> = requests.iter().map(|request| request.id).collect();
    let mut accepted: HashMap<i64, Vec<Name>> = HashMap::new();
    for (request, decision) in db::requests::list_decisions_of(&app.db, &ids).await? {
        let names = accepted.entry(request).or_default();
        names.retain(|name| *name != decision.person);
        if decision.kind == DecisionKind::Accept {
            names.push(decision.person);
        }
    }
    Ok(accepted)
}

/// The newest launch link of a request: its facts, never its secret.
pub async fn launch_link(app: &App, request: i64) -> Result<Option<crate::domain::link::Link>, Refusal> {
    Ok(db::links::find_latest(&app.db, crate::domain::link::Purpose::Launch, request).await?)
}
