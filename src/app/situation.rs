//! Everything that policy wants to know of one environment at one instant,
//! gathered from the record, the hosts and the calendar.

use jiff::Timestamp;
use serde_json::json;

use super::{App, Refusal};
use crate::db::{self, DbError, Source};
use crate::domain::diff::Relation;
use crate::domain::fleet::{Application, Environment, Fleet, Method};
use crate::domain::freeze::Freeze;
use crate::domain::live::{HostWord, LiveRow, live_facts, recorded_commits};
use crate::domain::name::{CommitId, Name};
use crate::domain::permission::Access;
use crate::domain::plan::HostFacts as HostPlace;
use crate::domain::policy::{Facts, HostFacts, LiveFacts, Promotion, not_promoted};
use crate::domain::recipe::{Difference, configuration_differences, host_differences};
use crate::domain::scope::Scope;
use crate::domain::seal::{Seal, configuration, configuration_digest, host_list, hosts_digest};
use crate::domain::windows::Window;

#[derive(Debug, Clone)]
pub struct Situation {
    pub now: Timestamp,
    pub fleet: Fleet,
    pub application: Application,
    pub environment: Environment,
    /// What somebody is about to change; what is live elsewhere does not count for it.
    pub scope: Scope,
    pub rows: Vec<LiveRow>,
    pub words: Vec<(Name, HostWord)>,
    /// The live commit that all other live ones contain.
    pub base: Option<CommitId>,
    /// The deployment that runs or waits here.
    pub busy: Option<i64>,
    pub window: Window,
    /// Those that bind it now.
    pub freezes: Vec<Freeze>,
    /// Empty where nothing is promoted.
    pub promotion: Promotion,
    /// Of the house: where no calendar names another.
    pub house_zone: String,
}

impl Situation {
    /// `None` when there is no such environment.
    pub async fn load(
        app: &App,
        source: &impl Source,
        application: &Name,
        environment: &Name,
        now: Timestamp,
    ) -> Result<Option<Self>, DbError> {
        Self::read(&app.config.timezone, source, application, environment, now).await
    }

    async fn read(
        house_zone: &str,
        source: &impl Source,
        application: &Name,
        environment: &Name,
        now: Timestamp,
    ) -> Result<Option<Self>, DbError> {
        let fleet = db::fleet::load(source).await?;
        let Some((application, environment)) = fleet.environment(application, environment) else {
            return Ok(None);
        };
        let (application, environment) = (application.clone(), environment.clone());
        let rows = db::live::list(source, &application.name, &environment.name).await?;
        let busy = db::deployments::find_under_way(source, &application.name, &environment.name).await?;
        let window = window(&fleet, &environment, now);
        let promotion = promotion(source, &application.name, &environment).await?;
        let mut situation = Self {
            now,
            fleet,
            application,
            environment,
            scope: Scope::Environment,
            rows,
            words: Vec::new(),
            base: None,
            busy,
            window,
            freezes: Vec::new(),
            promotion,
            house_zone: house_zone.to_owned(),
        };
        situation.read_freezes(source, now).await?;
        Ok(Some(situation))
    }

    /// Those that bind this place at `now`.
    async fn read_freezes(&mut self, source: &impl Source, now: Timestamp) -> Result<(), DbError> {
        let mut freezes = db::freezes::list_standing(source, now).await?;
        freezes.retain(|freeze| freeze.binds(&self.application.name, &self.environment.name, now));
        self.freezes = freezes;
        Ok(())
    }

    /// Of an environment that was removed, to show what happened there: it has no
    /// hosts, no calendar and nothing is live. Nothing may be decided by it.
    pub async fn without_environment(
        app: &App,
        source: &impl Source,
        application: &Name,
        environment: &Name,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let removed = |error| Refusal::Internal(format!("an environment that was removed: {error}"));
        let environment: Environment = serde_json::from_value(json!({
            "name": environment, "deploy_from": { "tags": "*" }, "target_path": "", "remote_user": ""
        }))
        .map_err(removed)?;
        let known = json!({ "name": application, "repository": "" });
        let application: Application = serde_json::from_value(known).map_err(removed)?;
        let fleet = db::fleet::load(source).await?;
        let window = window(&fleet, &environment, now);
        Ok(Self {
            now,
            fleet,
            application,
            environment,
            scope: Scope::Environment,
            rows: Vec::new(),
            words: Vec::new(),
            base: None,
            busy: None,
            window,
            freezes: Vec::new(),
            promotion: Promotion::default(),
            house_zone: app.config.timezone.clone(),
        })
    }

    /// The same place as the database tells it now, keeping what the hosts said.
    /// A conflict when another release went live meanwhile.
    pub async fn again(&self, source: &impl Source, now: Timestamp) -> Result<Self, Refusal> {
        let fresh = self.renewed(source, now).await?;
        if fresh.recorded() != self.recorded() {
            return Err(Refusal::Conflict(
                "What is live here changed this moment. Load the page again.".to_owned(),
            ));
        }
        Ok(fresh)
    }

    /// The same, whatever is live by now; what was found out about that is kept while it
    /// is still so.
    pub async fn renewed(&self, source: &impl Source, now: Timestamp) -> Result<Self, Refusal> {
        let (application, environment) = (&self.application.name, &self.environment.name);
        let fresh = Self::read(&self.house_zone, source, application, environment, now)
            .await?
            .ok_or(Refusal::NotFound)?;
        let fresh = Self { scope: self.scope.clone(), words: self.words.clone(), ..fresh };
        let base = self.base.clone().filter(|_| fresh.recorded() == self.recorded());
        Ok(Self { base, ..fresh })
    }

    /// Finds the base where several releases are live, or refuses to guess.
    pub async fn find_base(&mut self, app: &App) -> Result<(), Refusal> {
        // What was found before may no longer be what is live.
        self.base = None;
        let commits: Vec<CommitId> = self.recorded().into_iter().cloned().collect();
        if commits.len() < 2 {
            return Ok(());
        }
        for candidate in &commits {
            let mut contained = true;
            for other in commits.iter().filter(|other| *other != candidate) {
                let relation = app.mirrors.relation(&self.application.name, other, candidate).await;
                contained &= relation.map_err(repository)? == Relation::Newer;
            }
            if contained {
                self.base = Some(candidate.clone());
                return Ok(());
            }
        }
        Ok(())
    }

    /// Asks the hosts, unless a deployment has them just now (rules.md 27).
    pub async fn ask_hosts(&mut self, app: &App) -> Result<(), DbError> {
        if self.environment.method == Method::Command {
            // Nothing of ours is on them that could say it.
            return Ok(());
        }
        let locks = db::deployments::list_server_locks(&app.db).await?;
        let free: Vec<HostPlace> = self
            .places()
            .into_iter()
            .filter(|place| !locks.iter().any(|(server, _)| server == place.server.as_str()))
            .collect();
        let (user, path) = (&self.environment.remote_user, &self.environment.target_path);
        self.words = app.hosts.read(&free, user, path).await;
        Ok(())
    }

    /// The active hosts, as the runner will reach them.
    pub fn places(&self) -> Vec<HostPlace> {
        let servers = self.fleet.servers_of(&self.environment);
        servers.into_iter().filter(|server| server.active).map(place_of).collect()
    }

    /// Where the record is kept. An operator's command may bring a release to places
    /// that the fleet does not know: then the environment stands for them.
    pub fn active_servers(&self) -> Vec<Name> {
        let servers: Vec<Name> = self.places().into_iter().map(|place| place.server).collect();
        if servers.is_empty() && self.environment.method == Method::Command {
            return vec![self.environment.name.clone()];
        }
        servers
    }

    pub fn live(&self) -> LiveFacts {
        live_facts(&self.rows, &self.servers_in_scope(), &self.words, self.base.as_ref())
    }

    pub fn recorded(&self) -> Vec<&CommitId> {
        recorded_commits(&self.rows, &self.servers_in_scope())
    }

    fn servers_in_scope(&self) -> Vec<Name> {
        self.servers_covered(&self.scope)
    }

    /// Those of `active_servers` that a deployment of this scope is about.
    pub fn servers_covered(&self, scope: &Scope) -> Vec<Name> {
        let mut servers = self.active_servers();
        if !scope.is_whole() {
            let covered = self.fleet.servers_within(&self.environment, scope);
            servers.retain(|server| covered.iter().any(|known| known.name == *server));
        }
        servers
    }

    pub fn hosts_digest(&self) -> String {
        hosts_digest(&self.fleet, &self.environment)
    }

    /// Keeps what the digests of a seal made now are of.
    pub async fn keep_recipe(&self, tx: &db::Tx) -> Result<(), DbError> {
        let hosts = host_list(&self.fleet, &self.environment);
        db::recipes::put(tx, &self.hosts_digest(), &hosts).await?;
        db::recipes::put(tx, &self.configuration_digest(), &configuration(&self.environment)).await
    }

    /// What is not as it was sealed, where it is still known what was.
    pub async fn differences(&self, source: &impl Source, seal: &Seal) -> Result<Vec<Difference>, DbError> {
        if seal.hosts != self.hosts_digest() {
            let sealed = db::recipes::find(source, &seal.hosts).await?;
            let now = host_list(&self.fleet, &self.environment);
            return Ok(sealed.map_or_else(Vec::new, |sealed| host_differences(&sealed, &now)));
        }
        if seal.configuration != self.configuration_digest() {
            let sealed = db::recipes::find(source, &seal.configuration).await?;
            let now = configuration(&self.environment);
            return Ok(sealed.map_or_else(Vec::new, |sealed| configuration_differences(&sealed, &now)));
        }
        Ok(Vec::new())
    }

    /// Why a release has to succeed elsewhere first, if so: for lists, which ask it of
    /// every entry.
    pub fn not_promoted(&self, commit: &CommitId, release_words: &str) -> Option<String> {
        let from = self.environment.promote_from.as_ref();
        not_promoted(from, &self.promotion, commit, release_words)
    }

    pub fn configuration_digest(&self) -> String {
        configuration_digest(&self.environment)
    }

    pub fn facts<'a>(&'a self, actor: &'a Name, access: &'a Access) -> Facts<'a> {
        Facts {
            now: self.now,
            application: &self.application.name,
            environment: &self.environment,
            actor,
            access,
            hosts: HostFacts::of(&self.fleet, &self.environment),
            live: self.live(),
            window: self.window.clone(),
            freezes: self.freezes.clone(),
            zone: self.zone(),
            busy: self.busy,
            promotion: &self.promotion,
            asking: None,
            request: None,
            deploying: None,
        }
    }

    /// When a slot that is given now begins: now, or with the next window.
    pub fn slot_begins(&self) -> Timestamp {
        match &self.window {
            Window::Closed { opens: Some(opens), .. } => *opens,
            _ => self.now,
        }
    }

    /// The zone that people of this environment read times in (rules.md 50).
    pub fn zone(&self) -> String {
        let calendar = self.environment.calendar.as_ref().and_then(|name| self.fleet.calendar(name));
        calendar.map_or(&self.house_zone, |calendar| &calendar.timezone).clone()
    }
}

async fn promotion(
    source: &impl Source,
    application: &Name,
    environment: &Environment,
) -> Result<Promotion, DbError> {
    let Some(from) = &environment.promote_from else { return Ok(Promotion::default()) };
    Ok(Promotion {
        there: db::deployments::list_succeeded(source, application, from).await?,
        here: db::deployments::list_succeeded(source, application, &environment.name).await?,
    })
}

pub fn place_of(server: &crate::domain::fleet::Server) -> HostPlace {
    HostPlace {
        server: server.name.clone(),
        host: server.host.clone(),
        port: server.port,
        host_key: server.host_key.clone(),
        active: server.active,
    }
}

pub fn window(fleet: &Fleet, environment: &Environment, now: Timestamp) -> Window {
    let calendar = environment.calendar.as_ref().and_then(|name| fleet.calendar(name));
    Window::at(calendar, now)
}

/// A repository that cannot be read is a fault outside, except where it says
/// something about the release itself.
pub fn repository(error: crate::repo::RepoError) -> Refusal {
    use crate::repo::RepoError;
    match error {
        RepoError::Internal(cause) => Refusal::Internal(format!("repository: {cause}")),
        RepoError::NoSuchCommit(_)
        | RepoError::NoSuchBranch(_)
        | RepoError::RefusedTree { .. }
        | RepoError::TooLarge(_) => Refusal::field("tag", error.to_string()),
        other => Refusal::Unavailable(format!("{other}.")),
    }
}
