//! What servers run, by the record; asking one of them now, and putting one back into
//! service.

use jiff::Timestamp;
use serde::Serialize;

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, Nothing};
use super::problem::Problem;
use super::query::Query;
use crate::app::queries::applications;
use crate::app::{Refusal, balancing, drift};
use crate::domain::live::{LiveRow, LiveState};
use crate::domain::name::{CommitId, Name};

/// Without a record all of it is null.
#[derive(Serialize)]
struct Runs<'a> {
    commit: Option<&'a CommitId>,
    release: Option<&'a str>,
    /// `settled`, or `unknown` since a run began to change it and did not come to an end.
    state: Option<&'static str>,
    deployment: Option<i64>,
    at: Option<Timestamp>,
}

impl<'a> Runs<'a> {
    fn of(row: Option<&'a LiveRow>) -> Self {
        Self {
            commit: row.and_then(|row| row.commit.as_ref()),
            release: row.and_then(|row| row.release.as_deref()),
            state: row.map(|row| LiveState::word(row.state)),
            deployment: row.and_then(|row| row.deployment),
            at: row.map(|row| row.at),
        }
    }
}

#[derive(Serialize)]
struct OfEnvironment<'a> {
    server: &'a Name,
    clusters: Vec<&'a Name>,
    active: bool,
    #[serde(flatten)]
    runs: Runs<'a>,
}

#[derive(Serialize)]
struct OfServer<'a> {
    application: &'a Name,
    environment: &'a Name,
    #[serde(flatten)]
    runs: Runs<'a>,
}

#[rocket::get("/applications/<application>/environments/<environment>/servers")]
pub async fn of_environment(
    bearer: Bearer<'_>,
    application: &str,
    environment: &str,
    query: Query,
) -> Result<Answer, Problem> {
    query.none()?;
    let situation = applications::situation(bearer.app, bearer.actor(), application, environment).await?;
    let (fleet, environment) = (&situation.fleet, &situation.environment);
    let items: Vec<OfEnvironment<'_>> = fleet
        .servers_of(environment)
        .into_iter()
        .map(|server| OfEnvironment {
            server: &server.name,
            clusters: fleet
                .clusters_of(environment)
                .filter(|cluster| cluster.servers.iter().any(|member| member.server == server.name))
                .map(|cluster| &cluster.name)
                .collect(),
            active: server.active,
            runs: Runs::of(situation.rows.iter().find(|row| row.server == server.name)),
        })
        .collect();
    Answer::list(&items, None::<()>)
}

/// In every environment that the caller may read and that goes to this server. A
/// server of others' alone is not there.
#[rocket::get("/servers/<server>/releases")]
pub async fn releases(bearer: Bearer<'_>, server: &str, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    let server = Name::parse(server).map_err(|_| Refusal::NotFound)?;
    let fleet = applications::readable_fleet(bearer.app, bearer.actor()).await?;
    let rows = applications::live_rows(bearer.app).await?;
    let mut items = Vec::new();
    for application in &fleet.applications {
        let goes_there = |environment: &&crate::domain::fleet::Environment| {
            fleet.servers_of(environment).iter().any(|known| known.name == server)
        };
        for environment in application.environments.iter().filter(goes_there) {
            let row = rows.iter().find(|(of, place, row)| {
                *of == application.name && *place == environment.name && row.server == server
            });
            items.push(OfServer {
                application: &application.name,
                environment: &environment.name,
                runs: Runs::of(row.map(|(_, _, row)| row)),
            });
        }
    }
    let is_known = !items.is_empty() || (bearer.actor().access.is_admin() && fleet.server(&server).is_some());
    if !is_known {
        return Err(Refusal::NotFound.into());
    }
    Answer::list(&items, None::<()>)
}

/// Asks the host what it runs: drift is then known without waiting for the next check.
#[rocket::post("/servers/<server>/read", data = "<body>")]
pub async fn read(
    bearer: Bearer<'_>,
    server: &str,
    query: Query,
    body: Body<Nothing>,
) -> Result<Answer, Problem> {
    query.none()?;
    let act = Box::pin(async {
        drift::read_now(bearer.app, bearer.actor(), server).await?;
        Ok(Answer::nothing())
    });
    body.once.answer(&bearer, act).await
}

/// What a run left out of service; its number stands with the run.
#[rocket::post("/servers/out/<id>/put-back", data = "<body>")]
pub async fn put_back(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    body: Body<Nothing>,
) -> Result<Answer, Problem> {
    query.none()?;
    let act = Box::pin(async {
        balancing::put_back(bearer.app, bearer.actor(), id).await?;
        Ok(Answer::nothing())
    });
    body.once.answer(&bearer, act).await
}
