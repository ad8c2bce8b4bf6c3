//! Deployments, to read and to follow. Steering them is next door.

use jiff::Timestamp;
use rocket::Shutdown;
use rocket::response::stream::{Event as Message, EventStream};
use serde::Serialize;

use super::answer::Answer;
use super::bearer::Bearer;
use super::problem::Problem;
use super::query::{Page, Query, name, number, word};
use crate::app::queries::deployments;
use crate::app::{App, Refusal};
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::HostState;
use crate::domain::name::{CommitId, Name};
use crate::web::ansi::colours_only;
use crate::web::feed::{LastEventId, Pass, follow};
use crate::web::view::journal::outgoing;

/// The fields of rules.md 47.
#[derive(Serialize)]
struct Item<'a> {
    id: i64,
    application: &'a Name,
    environment: &'a Name,
    release: &'a str,
    commit: &'a CommitId,
    from: Option<&'a CommitId>,
    state: DeploymentState,
    requested_by: &'a Name,
    started_by: &'a Name,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

/// One deployment, with what its journal says of each host.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    item: Item<'a>,
    why: Option<String>,
    request: Option<i64>,
    hosts: Vec<Host>,
}

#[derive(Serialize)]
struct Host {
    server: Name,
    state: HostState,
    commit: Option<CommitId>,
    why: Option<String>,
}

impl<'a> From<&'a Deployment> for Item<'a> {
    fn from(deployment: &'a Deployment) -> Self {
        Self {
            id: deployment.id,
            application: &deployment.application,
            environment: &deployment.environment,
            release: &deployment.release,
            commit: &deployment.commit,
            from: deployment.from.as_ref(),
            state: deployment.state,
            requested_by: &deployment.requested_by,
            started_by: &deployment.started_by,
            created_at: deployment.created_at,
            started_at: deployment.started_at,
            ended_at: deployment.ended_at,
        }
    }
}

/// One deployment as an answer.
pub async fn whole(app: &App, deployment: &Deployment) -> Result<Answer, Problem> {
    let progress = deployments::progress(app, deployment).await?;
    let clean = |text: &str| colours_only(text).into_owned();
    let hosts = progress.hosts.iter().map(|(server, host)| Host {
        server: server.clone(),
        state: host.state,
        commit: host.commit.clone(),
        why: progress.why_of(server).as_deref().map(clean),
    });
    Answer::object(&Whole {
        item: Item::from(deployment),
        why: deployment.why.as_deref().map(clean),
        request: deployment.request,
        hosts: hosts.collect(),
    })
}

#[rocket::get("/deployments")]
pub async fn list(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    let (wanted, limit) = query.read(|r| {
        let page = Page::read(r, number);
        let wanted = deployments::Wanted {
            states: r.optional("state", |text| word(text, DeploymentState::from_word)).into_iter().collect(),
            application: r.optional("application", name),
            environment: r.optional("environment", name),
            person: r.optional("person", name),
            since: r.optional("since", instant),
            before: page.after,
        };
        (wanted, page.limit)
    })?;
    let (items, next) = deployments::list(bearer.app, bearer.actor(), &wanted, limit).await?;
    let items: Vec<Item<'_>> = items.iter().map(Item::from).collect();
    Answer::list(&items, next)
}

fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "must be an instant like 2026-11-22T08:00:00Z".to_owned())
}

#[rocket::get("/deployments/<id>")]
pub async fn one(bearer: Bearer<'_>, id: i64, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    let deployment = deployments::find(bearer.app, bearer.actor(), id).await?;
    whole(bearer.app, &deployment).await
}

/// `next` is null when no more is there yet; a run that goes on is read further after
/// the `seq` of the last item.
#[rocket::get("/deployments/<id>/journal")]
pub async fn journal(bearer: Bearer<'_>, id: i64, query: Query) -> Result<Answer, Problem> {
    let page = query.read(|r| Page::read(r, number::<u64>))?;
    deployments::find(bearer.app, bearer.actor(), id).await?;
    let after = page.after.unwrap_or(0);
    let mut events = deployments::journal(bearer.app, id, after, page.limit + 1).await?;
    let goes_on = events.len() > page.limit;
    events.truncate(page.limit);
    let next = events.last().map(|last| last.seq).filter(|_| goes_on);
    let events: Vec<_> = events.into_iter().map(outgoing).collect();
    Answer::list(&events, next)
}

#[rocket::get("/deployments/<id>/events")]
pub async fn events(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    last: LastEventId,
    shutdown: Shutdown,
) -> Result<EventStream![Message], Problem> {
    let after = query.read(|r| r.optional("after", number::<u64>))?;
    deployments::find(bearer.app, bearer.actor(), id).await?;
    let after = last.0.or(after).unwrap_or(0);
    if i64::try_from(after).is_err() {
        return Err(Refusal::field("after", "must be the number of an event").into());
    }
    Ok(follow(bearer.app.clone(), Pass::Token(bearer.secret.to_owned()), id, after, shutdown))
}
