//! Deployments, to read and to follow. Steering them is next door.

use jiff::{SignedDuration, Timestamp};
use rocket::Shutdown;
use rocket::response::stream::{Event as Message, EventStream};
use serde::Serialize;

use super::answer::Answer;
use super::bearer::Bearer;
use super::problem::Problem;
use super::query::{Page, Query, instant, name, number, word};
use crate::app::queries::{deployments, overrides};
use crate::app::{Refusal, balancing};
use crate::domain::deployment::{CancelWhen, Deployment, DeploymentState, Direction};
use crate::domain::event::HostState;
use crate::domain::name::{CommitId, Name};
use crate::domain::overriding::Override;
use crate::domain::scope::Scope;
use crate::web::ansi::colours_only;
use crate::web::feed::{LastEventId, follow};
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
    /// Who really started it, in the name of `started_by`.
    #[serde(skip_serializing_if = "Option::is_none")]
    acting_by: Option<&'a Name>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

/// One deployment, with what its journal says of it.
#[derive(Serialize)]
pub struct Whole<'a> {
    #[serde(flatten)]
    item: Item<'a>,
    why: Option<String>,
    request: Option<i64>,
    target: Option<Target<'a>>,
    direction: Option<Direction>,
    retry_of: Option<i64>,
    covered_by: Option<i64>,
    /// Break-glass, and whether somebody has signed it.
    r#override: Option<Overridden>,
    cancel: Option<Cancel<'a>>,
    waiting: Option<Waiting>,
    out_of_service: Vec<Out>,
    hosts: Vec<Host>,
}

#[derive(Serialize)]
struct Overridden {
    by: Name,
    reason: String,
    at: Timestamp,
    signed_by: Option<Name>,
    signed_at: Option<Timestamp>,
    comment: Option<String>,
}

impl From<Override> for Overridden {
    fn from(broken: Override) -> Self {
        let (signed_by, signed_at, comment) = match broken.signed {
            Some(signed) => (Some(signed.by), Some(signed.at), Some(signed.comment)),
            None => (None, None, None),
        };
        Self { by: broken.who, reason: broken.reason, at: broken.at, signed_by, signed_at, comment }
    }
}

/// Null is the whole environment.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Target<'a> {
    Cluster(&'a Name),
    Server(&'a Name),
    /// What a retry does.
    Servers(&'a [Name]),
}

impl<'a> Target<'a> {
    fn of(scope: &'a Scope) -> Option<Self> {
        match scope {
            Scope::Environment => None,
            Scope::Cluster(name) => Some(Target::Cluster(name)),
            Scope::Server(name) => Some(Target::Server(name)),
            Scope::Servers(names) => Some(Target::Servers(names)),
        }
    }
}

#[derive(Serialize)]
struct Cancel<'a> {
    when: CancelWhen,
    by: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acting_by: Option<&'a Name>,
}

#[derive(Serialize)]
struct Waiting {
    stage: String,
    until: Timestamp,
}

/// A server that the run left out of service, and that nobody put back yet.
#[derive(Serialize)]
struct Out {
    /// What `put-back` takes.
    id: i64,
    server: Name,
    load_balancer: Name,
    backend: String,
    backend_server: String,
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
            acting_by: deployment.acted_by.as_ref(),
            created_at: deployment.created_at,
            started_at: deployment.started_at,
            ended_at: deployment.ended_at,
        }
    }
}

/// One deployment as its object.
pub async fn whole<'a>(bearer: &Bearer<'_>, deployment: &'a Deployment) -> Result<Whole<'a>, Problem> {
    let progress = deployments::progress(bearer.app, deployment).await?;
    let out = balancing::list_out(bearer.app, bearer.actor()).await?;
    let clean = |text: &str| colours_only(text).into_owned();
    let hosts = progress.hosts.iter().map(|(server, host)| Host {
        server: server.clone(),
        state: host.state,
        commit: host.commit.clone(),
        why: progress.why_of(server).as_deref().map(clean),
    });
    let waiting = progress.waiting.as_ref().map(|waiting| Waiting {
        stage: waiting.stage.clone(),
        until: waiting.since + SignedDuration::from_secs(waiting.for_s.into()),
    });
    let out = out.into_iter().filter(|out| out.deployment == deployment.id).map(|out| Out {
        id: out.id,
        server: out.member.server,
        load_balancer: out.member.balancer,
        backend: out.member.backend.to_string(),
        backend_server: out.member.backend_server.to_string(),
    });
    Ok(Whole {
        item: Item::from(deployment),
        why: deployment.why.as_deref().map(clean),
        request: deployment.request,
        target: Target::of(&deployment.scope),
        direction: deployment.direction,
        retry_of: deployment.retry_of,
        covered_by: deployment.covered_by,
        r#override: overrides::find(bearer.app, deployment).await?.map(Overridden::from),
        cancel: deployment.cancel.map(|when| Cancel {
            when,
            by: deployment.cancelled_by.as_ref().map(|hand| &hand.name),
            acting_by: deployment.cancelled_by.as_ref().and_then(|hand| hand.acting.as_ref()),
        }),
        waiting,
        out_of_service: out.collect(),
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

#[rocket::get("/deployments/<id>")]
pub async fn one(bearer: Bearer<'_>, id: i64, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    let deployment = deployments::find(bearer.app, bearer.actor(), id).await?;
    Answer::object(&whole(&bearer, &deployment).await?)
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
    Ok(follow(bearer.app.clone(), bearer.pass(), id, after, shutdown))
}
