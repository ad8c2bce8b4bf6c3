//! Reads what hosts run and compares it with the record: from time to time for all
//! of them, and when somebody asks for one.
//!
//! A host that a deployment has is left alone: the run reads it through its own
//! connection, and what it says meanwhile means nothing (rules.md 27). The lock is
//! looked at right before a host is asked, and again before its answer is believed.

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::situation::place_of;
use super::{App, Refusal, Survey, Target};
use crate::db::rounds::Round;
use crate::db::{self, DbError, Tx};
use crate::domain::actor::Actor;
use crate::domain::drift::{Memory, Reading, Standing, remember, standing};
use crate::domain::fleet::{Application, Environment, Fleet, Method, Server};
use crate::domain::live::{HostWord, LiveRow};
use crate::domain::name::Name;
use crate::domain::permission::Permission;

/// Rows that are written in one transaction.
const AT_ONCE: usize = 50;

/// One environment on one server.
#[derive(Debug, Clone)]
struct Place {
    application: Name,
    environment: Name,
    target: Target,
}

/// The environments that a server is asked about.
#[derive(Debug, Clone)]
struct Visit {
    server: Server,
    places: Vec<Place>,
}

/// What a host said of a place, and when it was asked.
struct Said {
    server: Name,
    place: Place,
    word: HostWord,
    asked_at: Timestamp,
}

/// Whether a round is due that no other instance has begun.
pub async fn is_due(app: &App) -> Result<bool, DbError> {
    let every = SignedDuration::from_secs(app.config.drift.interval_s.into());
    let tx = app.db.begin().await?;
    let due = db::rounds::claim(&tx, Round::Drift, every, app.clock.now()).await?;
    tx.commit().await?;
    Ok(due)
}

/// Asks every active host of the environments that want it, and records the answers.
pub async fn round(app: &App) -> Result<(), Refusal> {
    let fleet = db::fleet::load(&app.db).await?;
    forget_gone(app, &fleet).await?;
    let wanted = |_: &Application, environment: &Environment| environment.drift_check;
    let visits: Vec<Visit> = fleet
        .servers
        .iter()
        .filter(|server| server.active && server.host_key.is_some())
        .map(|server| visit(&fleet, server, wanted))
        .filter(|visit| !visit.places.is_empty())
        .collect();
    // Named and boxed: a closure's future is not known to be `Send` for every lifetime.
    let mut asked: Vec<BoxFuture<'_, Result<Vec<Said>, Refusal>>> = Vec::with_capacity(visits.len());
    for visit in visits {
        asked.push(Box::pin(ask(app, visit)));
    }
    let at_once = app.config.runner.hosts as usize;
    let mut answers = futures_util::stream::iter(asked).buffer_unordered(at_once);
    let mut said = Vec::new();
    while let Some(answer) = answers.next().await {
        said.extend(answer?);
        if said.len() >= AT_ONCE {
            store(app, std::mem::take(&mut said)).await?;
        }
    }
    store(app, said).await
}

/// Asks one host now, for somebody who looks at it.
pub async fn read_now(app: &App, actor: &Actor, server: &str) -> Result<(), Refusal> {
    let name = Name::parse(server).map_err(|_| Refusal::NotFound)?;
    let fleet = db::fleet::load(&app.db).await?;
    let server = fleet.server(&name).ok_or(Refusal::NotFound)?;
    let may = |wanted| {
        move |application: &Application, environment: &Environment| {
            actor.access.may(wanted, &application.name, &environment.name)
        }
    };
    let visit = visit(&fleet, server, may(Permission::Read));
    if visit.places.is_empty() {
        return Err(Refusal::NotFound);
    }
    if self::visit(&fleet, server, may(Permission::Request)).places.is_empty() {
        return Err(Refusal::Forbidden(
            "Only who may request a release or deploy to a server may have it asked.".to_owned(),
        ));
    }
    if server.host_key.is_none() {
        return Err(Refusal::Conflict(format!(
            "No host key is pinned for {name}, so it is not connected to."
        )));
    }
    let said = ask(app, visit).await?;
    if said.is_empty() {
        return Err(Refusal::Conflict(format!(
            "A deployment is at work on {name}. What it runs is on record when that is over."
        )));
    }
    store(app, said).await
}

/// What of the fleet a server has, as far as `wanted`. Where an operator's command
/// brings releases, nothing of ours is on the host that could tell.
fn visit(fleet: &Fleet, server: &Server, wanted: impl Fn(&Application, &Environment) -> bool) -> Visit {
    let mut places = Vec::new();
    for application in &fleet.applications {
        for environment in &application.environments {
            let has = fleet.servers_of(environment).iter().any(|other| other.name == server.name);
            if has && environment.method != Method::Command && wanted(application, environment) {
                places.push(Place {
                    application: application.name.clone(),
                    environment: environment.name.clone(),
                    target: Target {
                        remote_user: environment.remote_user.clone(),
                        path: environment.target_path.clone(),
                    },
                });
            }
        }
    }
    Visit { server: server.clone(), places }
}

/// Nothing when a deployment has the server.
async fn ask(app: &App, visit: Visit) -> Result<Vec<Said>, Refusal> {
    let Visit { server, places } = visit;
    if is_locked(&db::deployments::list_server_locks(&app.db).await?, &server.name) {
        return Ok(Vec::new());
    }
    let asked_at = app.clock.now();
    let survey = Survey {
        host: place_of(&server),
        targets: places.iter().map(|place| place.target.clone()).collect(),
    };
    let words = app.hosts.survey(&survey).await;
    let said = |(place, word)| Said { server: server.name.clone(), place, word, asked_at };
    Ok(places.into_iter().zip(words).map(said).collect())
}

fn is_locked(locks: &[(String, i64)], server: &Name) -> bool {
    locks.iter().any(|(locked, _)| locked == server.as_str())
}

async fn store(app: &App, said: Vec<Said>) -> Result<(), Refusal> {
    if said.is_empty() {
        return Ok(());
    }
    let grace = SignedDuration::from_mins(app.config.drift.grace_minutes.into());
    let tx = app.db.begin().await?;
    let locks = db::deployments::list_server_locks(&tx).await?;
    for Said { server, place, word, asked_at } in said {
        let rows = db::live::list(&tx, &place.application, &place.environment).await?;
        let row = rows.iter().find(|row| row.server == server);
        // A run began or ended meanwhile: what was heard is older than what it left.
        if is_locked(&locks, &server) || row.is_some_and(|row| row.at > asked_at) {
            continue;
        }
        let known = db::readings::list(&tx, &place.application, &place.environment).await?;
        let before = known.into_iter().find(|reading| reading.server == server);
        let before = before.map_or_else(Memory::default, |reading| reading.memory);
        let memory = remember(before, row, &word, app.clock.now(), grace);
        let Place { application, environment, .. } = place;
        let reading = Reading { application, environment, server, word, at: app.clock.now(), memory };
        db::readings::put(&tx, &reading).await?;
        if before.drifted != memory.drifted {
            record_change(app, &tx, &reading, row).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Only changes are on record: a reading is not.
async fn record_change(app: &App, tx: &Tx, reading: &Reading, row: Option<&LiveRow>) -> Result<(), Refusal> {
    let Reading { application, environment, server, word, memory, .. } = reading;
    let says = match word {
        HostWord::Runs { commit, release, in_progress } => {
            json!({ "commit": commit, "release": release, "in_progress": in_progress })
        }
        HostWord::Nothing | HostWord::Unreachable(_) => json!(null),
    };
    let facts = json!({
        "application": application, "environment": environment, "says": says,
        "recorded": row.and_then(|row| row.commit.as_ref()), "since": memory.differs_since,
    });
    let action = if memory.drifted { "drift.found" } else { "drift.over" };
    if memory.drifted {
        tracing::warn!(%server, %application, %environment, "the host differs from the record");
    } else {
        tracing::info!(%server, %application, %environment, "the host no longer differs from the record");
    }
    let entry = db::audit::Entry { actor: "policy", action, subject: format!("server {server}"), facts };
    db::audit::append(tx, &app.keys, app.clock.now(), entry).await?;
    Ok(())
}

/// Places that the fleet no longer has.
async fn forget_gone(app: &App, fleet: &Fleet) -> Result<(), Refusal> {
    let readings = db::readings::list_all(&app.db).await?;
    let gone: Vec<&Reading> = readings.iter().filter(|reading| !is_in(fleet, reading)).collect();
    if gone.is_empty() {
        return Ok(());
    }
    let tx = app.db.begin().await?;
    for reading in gone {
        db::readings::remove(&tx, reading).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn is_in(fleet: &Fleet, reading: &Reading) -> bool {
    fleet
        .environment(&reading.application, &reading.environment)
        .is_some_and(|(_, at)| fleet.servers_of(at).iter().any(|server| server.name == reading.server))
}

/// A host that is not as recorded, or cannot be asked.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub application: Name,
    pub environment: Name,
    pub server: Name,
    pub standing: Standing,
}

/// Drift, and hosts that do not answer, in the environments that are checked.
pub async fn troubles(app: &App) -> Result<Vec<Trouble>, DbError> {
    let fleet = db::fleet::load(&app.db).await?;
    let rows = db::live::list_all(&app.db).await?;
    let readings = db::readings::list_all(&app.db).await?;
    let checked = |reading: &&Reading| {
        let environment = fleet.environment(&reading.application, &reading.environment);
        is_in(&fleet, reading) && environment.is_some_and(|(_, environment)| environment.drift_check)
    };
    let trouble = |reading: &Reading| {
        let here = |row: &&(Name, Name, LiveRow)| {
            row.0 == reading.application && row.1 == reading.environment && row.2.server == reading.server
        };
        let standing = standing(rows.iter().find(here).map(|(_, _, row)| row), Some(reading));
        matches!(standing, Standing::Drifted { .. } | Standing::Unreachable { .. }).then(|| Trouble {
            application: reading.application.clone(),
            environment: reading.environment.clone(),
            server: reading.server.clone(),
            standing,
        })
    };
    Ok(readings.iter().filter(checked).filter_map(trouble).collect())
}
