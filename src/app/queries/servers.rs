//! Servers, and what runs on each for every application that their reader may read.
//!
//! Whoever may read no environment of a server does not learn that it exists.

use crate::app::balancing::{TakenOut, list_out};
use crate::app::cancel_deployment::may_read;
use crate::app::{App, Refusal, drift};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::deployment::Deployment;
use crate::domain::drift::{Reading, Standing, standing};
use crate::domain::fleet::{Environment, Fleet, Server};
use crate::domain::live::LiveRow;
use crate::domain::name::Name;
use crate::domain::permission::{GlobalPermission, Permission};

/// Deployments that are looked through for those that touched a server.
const LOOKED_THROUGH: u64 = 20;
/// Those of them that are shown.
const SHOWN: usize = 5;

/// One environment on a server: the record, and what the host last said beside it.
#[derive(Debug, Clone)]
pub struct Place {
    pub application: Name,
    pub environment: Name,
    pub row: Option<LiveRow>,
    pub reading: Option<Reading>,
    pub standing: Standing,
    /// Whether it is asked from time to time.
    pub is_checked: bool,
}

#[derive(Debug, Clone)]
pub struct ServerSeen {
    pub server: Server,
    /// Through which the environments below have it.
    pub clusters: Vec<Name>,
    pub places: Vec<Place>,
    pub held: Option<Held>,
    pub out_of_service: Vec<TakenOut>,
}

/// A deployment has the server; which, if its reader may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub deployment: Option<i64>,
}

impl ServerSeen {
    /// May have the host asked now.
    pub fn may_read_now(&self, actor: &Actor) -> bool {
        self.server.host_key.is_some()
            && self
                .places
                .iter()
                .any(|place| actor.access.may(Permission::Request, &place.application, &place.environment))
    }
}

/// What every page about servers is made of, read once.
struct Known {
    fleet: Fleet,
    rows: Vec<(Name, Name, LiveRow)>,
    readings: Vec<Reading>,
    locks: Vec<(String, i64)>,
    /// Only what the reader may know.
    out: Vec<TakenOut>,
}

impl Known {
    async fn read(app: &App, actor: &Actor) -> Result<Self, Refusal> {
        Ok(Self {
            fleet: db::fleet::load(&app.db).await?,
            rows: db::live::list_all(&app.db).await?,
            readings: db::readings::list_all(&app.db).await?,
            locks: db::deployments::list_server_locks(&app.db).await?,
            out: list_out(app, actor).await?,
        })
    }

    /// Nothing when the reader may not know of it.
    async fn see(&self, app: &App, actor: &Actor, server: &Server) -> Result<Option<ServerSeen>, Refusal> {
        let mut places = Vec::new();
        let mut clusters = Vec::new();
        for application in &self.fleet.applications {
            for environment in &application.environments {
                let has = self.fleet.servers_of(environment).iter().any(|other| other.name == server.name);
                if !has || !actor.access.may(Permission::Read, &application.name, &environment.name) {
                    continue;
                }
                places.push(self.place(&application.name, environment, server));
                clusters.extend(
                    self.fleet
                        .clusters_of(environment)
                        .filter(|cluster| cluster.servers.iter().any(|member| member.server == server.name))
                        .map(|cluster| cluster.name.clone()),
                );
            }
        }
        let sees_all = actor.access.has(GlobalPermission::ReadAll);
        if places.is_empty() && !sees_all {
            return Ok(None);
        }
        clusters.sort();
        clusters.dedup();
        let lock = self.locks.iter().find(|(locked, _)| locked == server.name.as_str());
        let held = match lock {
            Some((_, id)) => {
                let deployment = db::deployments::find(&app.db, *id).await?;
                let readable = deployment.filter(|deployment| may_read(actor, deployment));
                Some(Held { deployment: readable.map(|deployment| deployment.id) })
            }
            None => None,
        };
        let out = self.out.iter().filter(|out| out.member.server == server.name);
        Ok(Some(ServerSeen {
            server: server.clone(),
            clusters,
            places,
            held,
            out_of_service: out.cloned().collect(),
        }))
    }

    fn place(&self, application: &Name, environment: &Environment, server: &Server) -> Place {
        let row = self
            .rows
            .iter()
            .find(|row| &row.0 == application && row.1 == environment.name && row.2.server == server.name)
            .map(|(_, _, row)| row.clone());
        let reading = self
            .readings
            .iter()
            .find(|reading| {
                &reading.application == application
                    && reading.environment == environment.name
                    && reading.server == server.name
            })
            .cloned();
        Place {
            application: application.clone(),
            environment: environment.name.clone(),
            standing: standing(row.as_ref(), reading.as_ref()),
            row,
            reading,
            is_checked: environment.drift_check,
        }
    }
}

/// In the order of the fleet.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<ServerSeen>, Refusal> {
    let known = Known::read(app, actor).await?;
    let mut seen = Vec::new();
    for server in &known.fleet.servers {
        seen.extend(known.see(app, actor, server).await?);
    }
    Ok(seen)
}

pub async fn find(app: &App, actor: &Actor, name: &str) -> Result<ServerSeen, Refusal> {
    let name = Name::parse(name).map_err(|_| Refusal::NotFound)?;
    let known = Known::read(app, actor).await?;
    let server = known.fleet.server(&name).ok_or(Refusal::NotFound)?;
    known.see(app, actor, server).await?.ok_or(Refusal::NotFound)
}

/// What runs on a server, application by application.
pub async fn releases(app: &App, actor: &Actor, name: &str) -> Result<Vec<Place>, Refusal> {
    Ok(find(app, actor, name).await?.places)
}

/// The newest deployments that had the server in their plan.
pub async fn recent_deployments(
    app: &App,
    actor: &Actor,
    seen: &ServerSeen,
) -> Result<Vec<Deployment>, Refusal> {
    let mut touched = Vec::new();
    for place in &seen.places {
        let filter = db::deployments::Filter {
            application: Some(place.application.clone()),
            environment: Some(place.environment.clone()),
            ..db::deployments::Filter::default()
        };
        let latest = db::deployments::list(&app.db, &filter, LOOKED_THROUGH).await?;
        touched.extend(latest.into_iter().filter(|deployment| {
            let plan = deployment.plan.as_ref();
            may_read(actor, deployment)
                && plan.is_some_and(|plan| plan.hosts().any(|host| host.host.server == seen.server.name))
        }));
    }
    touched.sort_by_key(|deployment| std::cmp::Reverse(deployment.id));
    touched.truncate(SHOWN);
    Ok(touched)
}

/// What hosts of an environment last said, beside its record.
pub async fn standings(
    app: &App,
    application: &Name,
    environment: &Name,
    rows: &[LiveRow],
) -> Result<Vec<(Name, Standing)>, Refusal> {
    let readings = db::readings::list(&app.db, application, environment).await?;
    Ok(readings
        .iter()
        .map(|reading| {
            let row = rows.iter().find(|row| row.server == reading.server);
            (reading.server.clone(), standing(row, Some(reading)))
        })
        .collect())
}

/// Drift where this person may deploy, and so may do something about it.
pub async fn drifted(app: &App, actor: &Actor) -> Result<Vec<drift::Trouble>, Refusal> {
    let mut troubles = drift::troubles(app).await?;
    troubles.retain(|trouble| {
        trouble.standing.is_drift()
            && actor.access.may(Permission::DeployInWindow, &trouble.application, &trouble.environment)
    });
    Ok(troubles)
}
