//! The fleet file, applied: all or nothing, and the same file twice changes
//! nothing. What it changes is said before, and on record after.

use serde_json::{Value, json};

use super::tell_of_policy::tell_of_policy;
use super::{App, Refusal, housekeep};
use crate::db::fleet::{Kind, Object};
use crate::db::{self, Tx};
use crate::domain::document::Problem;
use crate::domain::fleet::changes::{Change, ChangeKind, changes, impossible_renames, with_stored_secrets};
use crate::domain::fleet::export::export_text;
use crate::domain::fleet::parse::parse;
use crate::domain::fleet::secret::{STORED, SecretForm};
use crate::domain::fleet::{Application, Endpoint, Fleet, StatsPage};
use crate::domain::name::Name;
use crate::domain::person::{ADMIN_ROLE, MemberKind, RoleMember};

const SOURCE: &str = "fleet";
pub const SECRET_SEAL: &str = "fleet secret";

#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub dry_run: bool,
    /// Removes what the file no longer names.
    pub prune: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("{} problems in the fleet file", .0.len())]
    Invalid(Vec<Problem>),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<db::DbError> for ApplyError {
    fn from(error: db::DbError) -> Self {
        ApplyError::Refused(error.into())
    }
}

/// Applies a fleet file from the command line. Gives the changes, made or to be made.
pub async fn apply_fleet(
    app: &App,
    actor: &str,
    file: &Value,
    options: Options,
) -> Result<Vec<Change>, ApplyError> {
    let wanted = parse(file).map_err(ApplyError::Invalid)?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let mut old = db::fleet::load(&tx).await?;
    open_secrets(app, &tx, &mut old).await?;
    let mut problems = impossible_renames(&old, &wanted);
    let wanted = match with_stored_secrets(&old, &wanted) {
        Ok(filled) if problems.is_empty() => filled,
        other => {
            problems.extend(other.err().into_iter().flatten());
            return Err(ApplyError::Invalid(problems));
        }
    };
    let changes = changes(&old, &wanted, options.prune);
    if options.dry_run || changes.is_empty() {
        return Ok(changes);
    }
    rename(&tx, &wanted).await?;
    if options.prune {
        remove_missing(&tx, &old, &wanted).await?;
    }
    write(app, &tx, &wanted).await?;
    members(&tx, &wanted, options.prune).await?;
    for change in &changes {
        let action = match change.kind {
            ChangeKind::Added => "fleet.added",
            ChangeKind::Changed => "fleet.changed",
            ChangeKind::Renamed => "fleet.renamed",
            ChangeKind::Removed => "fleet.removed",
        };
        let subject: String = change.object.chars().take(190).collect();
        let entry = db::audit::Entry { actor, action, subject, facts: json!({ "details": change.details }) };
        db::audit::append(&tx, &app.keys, now, entry).await?;
    }
    tell_of_policy(app, &tx, &old, &wanted, actor, now).await?;
    Box::pin(housekeep::void_changed(app, &tx, None, actor)).await?;
    tx.commit().await?;
    app.wake.outbox.notify_one();
    Ok(changes)
}

/// The fleet as a file: what `apply` takes back unchanged.
pub async fn export_fleet(app: &App) -> Result<String, Refusal> {
    Ok(export_text(&db::fleet::load(&app.db).await?))
}

async fn rename(tx: &Tx, wanted: &Fleet) -> Result<(), db::DbError> {
    async fn one(
        tx: &Tx,
        kind: Kind,
        parent: &str,
        was: Option<&Name>,
        name: &Name,
    ) -> Result<(), db::DbError> {
        match was {
            Some(was) if was != name => db::fleet::rename(tx, kind, parent, was, name).await,
            _ => Ok(()),
        }
    }
    for server in &wanted.servers {
        one(tx, Kind::Server, "", server.was.as_ref(), &server.name).await?;
    }
    for balancer in &wanted.load_balancers {
        one(tx, Kind::LoadBalancer, "", balancer.was.as_ref(), &balancer.name).await?;
    }
    for cluster in &wanted.clusters {
        one(tx, Kind::Cluster, "", cluster.was.as_ref(), &cluster.name).await?;
    }
    for calendar in &wanted.calendars {
        one(tx, Kind::Calendar, "", calendar.was.as_ref(), &calendar.name).await?;
    }
    for role in &wanted.roles {
        one(tx, Kind::Role, "", role.was.as_ref(), &role.name).await?;
    }
    for application in &wanted.applications {
        one(tx, Kind::Application, "", application.was.as_ref(), &application.name).await?;
        for environment in &application.environments {
            one(
                tx,
                Kind::Environment,
                application.name.as_str(),
                environment.was.as_ref(),
                &environment.name,
            )
            .await?;
        }
    }
    Ok(())
}

async fn remove_missing(tx: &Tx, old: &Fleet, wanted: &Fleet) -> Result<(), Refusal> {
    let kept = objects(wanted)?;
    for object in objects(old)? {
        let is_admin = object.kind == Kind::Role && object.name.as_str() == ADMIN_ROLE;
        let stays = kept
            .iter()
            .any(|kept| kept.kind == object.kind && kept.parent == object.parent && kept.name == object.name);
        if !stays && !is_admin {
            db::fleet::remove(tx, object.kind, &object.parent, &object.name).await?;
        }
    }
    Ok(())
}

/// Secrets are sealed and taken out first; a row never holds one.
async fn write(app: &App, tx: &Tx, wanted: &Fleet) -> Result<(), Refusal> {
    let mut clean = wanted.clone();
    for application in &mut clean.applications {
        if let Some(secret) = &mut application.webhook_secret {
            let place = place_of_webhook_secret(&application.name);
            *secret = seal(app, tx, &place, "", secret).await?;
        }
    }
    for balancer in &mut clean.load_balancers {
        for (number, endpoint) in balancer.endpoints.iter_mut().enumerate() {
            if let Endpoint::Stats(stats) = endpoint {
                let (place, bound_to) = place_of_stats_page(&balancer.name, number, stats);
                stats.password = seal(app, tx, &place, &bound_to, &stats.password).await?;
            }
        }
    }
    for object in objects(&clean)? {
        db::fleet::put(tx, &object).await?;
    }
    Ok(())
}

/// Puts the stored secrets back in their places, so that the same file again is
/// seen to change nothing. What was stored for another endpoint or user stays shut.
async fn open_secrets(app: &App, tx: &Tx, fleet: &mut Fleet) -> Result<(), db::DbError> {
    for application in &mut fleet.applications {
        if let Some(secret) = &mut application.webhook_secret {
            open(app, tx, &place_of_webhook_secret(&application.name), "", secret).await?;
        }
    }
    for balancer in &mut fleet.load_balancers {
        for (number, endpoint) in balancer.endpoints.iter_mut().enumerate() {
            if let Endpoint::Stats(stats) = endpoint {
                let (place, bound_to) = place_of_stats_page(&balancer.name, number, stats);
                open(app, tx, &place, &bound_to, &mut stats.password).await?;
            }
        }
    }
    Ok(())
}

pub fn place_of_webhook_secret(application: &Name) -> String {
    format!("application/{application}/webhook_secret")
}

/// Where the password of a stats page is stored, and what it is good for.
pub fn place_of_stats_page(balancer: &Name, number: usize, stats: &StatsPage) -> (String, String) {
    (format!("load_balancer/{balancer}/{number}"), format!("{} {}", stats.url, stats.user))
}

async fn open(app: &App, tx: &Tx, place: &str, bound_to: &str, text: &mut String) -> Result<(), db::DbError> {
    if SecretForm::of(text) != SecretForm::Stored {
        return Ok(());
    }
    let stored = db::fleet::find_secret(tx, place).await?.filter(|(bound, _)| bound == bound_to);
    let secret = stored.and_then(|(_, sealed)| app.keys.open(SECRET_SEAL, &sealed));
    if let Some(secret) = secret.and_then(|secret| String::from_utf8(secret).ok()) {
        *text = secret;
    }
    Ok(())
}

async fn seal(app: &App, tx: &Tx, place: &str, bound_to: &str, text: &str) -> Result<String, Refusal> {
    let SecretForm::Literal(secret) = SecretForm::of(text) else { return Ok(text.to_owned()) };
    db::fleet::put_secret(tx, place, bound_to, app.keys.seal(SECRET_SEAL, secret.as_bytes())).await?;
    Ok(STORED.to_owned())
}

/// Memberships that a fleet file gave follow the file; those that a command or a
/// page gave stay (rules.md 32).
async fn members(tx: &Tx, wanted: &Fleet, prune: bool) -> Result<(), db::DbError> {
    let named = |kind, role: &Name, members: &[String]| -> Vec<RoleMember> {
        members
            .iter()
            .map(|member| RoleMember {
                role: role.clone(),
                kind,
                member: member.clone(),
                source: SOURCE.to_owned(),
            })
            .collect()
    };
    let mut given: Vec<RoleMember> = Vec::new();
    for role in &wanted.roles {
        given.extend(named(MemberKind::Team, &role.name, &role.github_teams));
        given.extend(named(MemberKind::User, &role.name, &role.users));
    }
    let known: Vec<RoleMember> = db::people::list_all_members(tx)
        .await?
        .into_iter()
        .filter(|member| member.source == SOURCE)
        .collect();
    for member in &known {
        let in_file = prune
            || wanted
                .roles
                .iter()
                .any(|role| role.name == member.role || role.was.as_ref() == Some(&member.role));
        if in_file && !given.contains(member) {
            db::people::remove_member(tx, member).await?;
        }
    }
    for member in given.iter().filter(|member| !known.contains(member)) {
        db::people::add_member(tx, member).await?;
    }
    Ok(())
}

/// Every object as its row. `was` is an instruction and is not kept.
fn objects(fleet: &Fleet) -> Result<Vec<Object>, Refusal> {
    let mut objects = Vec::new();
    let mut add = |kind: Kind,
                   parent: &str,
                   name: &Name,
                   spec: Result<Value, serde_json::Error>|
     -> Result<(), Refusal> {
        let mut spec = spec.map_err(|error| Refusal::Internal(format!("fleet: {error}")))?;
        if let Some(map) = spec.as_object_mut() {
            map.remove("was");
        }
        let position = i32::try_from(objects.len()).unwrap_or(i32::MAX);
        objects.push(Object {
            kind,
            parent: parent.to_owned(),
            name: name.clone(),
            position,
            spec: spec.to_string(),
        });
        Ok(())
    };
    for server in &fleet.servers {
        add(Kind::Server, "", &server.name, serde_json::to_value(server))?;
    }
    for balancer in &fleet.load_balancers {
        add(Kind::LoadBalancer, "", &balancer.name, serde_json::to_value(balancer))?;
    }
    for cluster in &fleet.clusters {
        add(Kind::Cluster, "", &cluster.name, serde_json::to_value(cluster))?;
    }
    for calendar in &fleet.calendars {
        add(Kind::Calendar, "", &calendar.name, serde_json::to_value(calendar))?;
    }
    for role in &fleet.roles {
        add(Kind::Role, "", &role.name, serde_json::to_value(role))?;
    }
    for application in &fleet.applications {
        let alone = Application { environments: Vec::new(), ..application.clone() };
        add(Kind::Application, "", &application.name, serde_json::to_value(alone))?;
        for environment in &application.environments {
            add(
                Kind::Environment,
                application.name.as_str(),
                &environment.name,
                serde_json::to_value(environment),
            )?;
        }
    }
    Ok(objects)
}
