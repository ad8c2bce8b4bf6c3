//! The fleet file, applied: all or nothing, and the same file twice changes
//! nothing. What it changes is said before, and on record after.

use serde_json::Value;

use super::fleet_rows::{self, FLEET_FILE, Givers, Ground, Write};
use super::{App, Refusal, under_way};
use crate::db::{self, Tx};
use crate::domain::document::Problem;
use crate::domain::fleet::Fleet;
use crate::domain::fleet::changes::{
    Change, changes, former_names, impossible_renames, under_new_names, with_stored_secrets,
};
use crate::domain::fleet::export::export_text;
use crate::domain::fleet::object::{self, Place};
use crate::domain::fleet::overlay::overlay;
use crate::domain::fleet::parse::parse;
use crate::domain::name::Name;
use crate::domain::person::RoleMember;

#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub dry_run: bool,
    /// Removes what a fleet file gave and this one no longer names.
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
    let tx = app.db.begin().await?;
    let ground = Ground::load(app, &tx, Givers::FleetFile).await?;
    let old = &ground.fleet;
    let mut problems = impossible_renames(old, &wanted);
    let wanted = match with_stored_secrets(old, &wanted) {
        Ok(filled) if problems.is_empty() => filled,
        other => {
            problems.extend(other.err().into_iter().flatten());
            return Err(ApplyError::Invalid(problems));
        }
    };
    let renames = former_names(old, &wanted);
    let given: Vec<Place> = object::objects(&wanted).into_iter().map(|(place, _)| place).collect();
    let managed = ground.managed(&renames);
    let stays = |place: &Place| !options.prune || place.is_permanent() || !managed.contains(place);
    let after = overlay(under_new_names(old, &wanted), wanted.clone(), stays);
    // What stays may name something that goes.
    object::checked(&after).map_err(ApplyError::Invalid)?;
    let changes = changes(old, &after, true);
    let newly_given = given.iter().any(|place| !managed.contains(place));
    let problems = in_use(&tx, &ground, &after, &renames).await?;
    if !problems.is_empty() {
        return Err(ApplyError::Invalid(problems));
    }
    if options.dry_run || (changes.is_empty() && !newly_given) {
        return Ok(changes);
    }
    let is_managed = |place: &Place| given.contains(place) || managed.contains(place);
    Write { ground: &ground, after: &after, renames: &renames, managed: &is_managed }.rows(app, &tx).await?;
    members(&tx, &wanted, options.prune).await?;
    fleet_rows::record(app, &tx, actor, &changes, (old, &wanted)).await?;
    tx.commit().await?;
    fleet_rows::announce(app, &renames, &fleet_rows::gone(old, &after, &renames)).await;
    Ok(changes)
}

/// A place keeps its name while a deployment has it or waits for it, and stays while
/// one has it; what waits for a place that is gone ends in the queue.
async fn in_use(
    tx: &Tx,
    ground: &Ground,
    after: &Fleet,
    renames: &[(Place, Name)],
) -> Result<Vec<Problem>, Refusal> {
    let mut problems = Vec::new();
    for (place, _) in object::objects(&ground.fleet) {
        let now = fleet_rows::renamed(&place, renames);
        let (verb, runs) = match (now == place, object::find(after, &now).is_some()) {
            (true, true) => continue,
            (false, true) => ("renamed", under_way::find_runs(tx, &place).await?),
            (_, false) => ("removed", under_way::find_running(tx, &place).await?),
        };
        for run in runs {
            problems.push(Problem::new(place.to_string(), format!("cannot be {verb} meanwhile: {run}")));
        }
    }
    Ok(problems)
}

/// The fleet as a file: what `apply` takes back unchanged.
pub async fn export_fleet(app: &App) -> Result<String, Refusal> {
    let ground = Ground::load(app, &app.db, Givers::AllButCommands).await?;
    Ok(export_text(&ground.fleet))
}

/// Memberships that a fleet file gave follow the file; those that a command or a
/// page gave stay (rules.md 32).
async fn members(tx: &Tx, wanted: &Fleet, prune: bool) -> Result<(), db::DbError> {
    let given: Vec<RoleMember> =
        wanted.roles.iter().flat_map(|role| fleet_rows::memberships(role, FLEET_FILE)).collect();
    let known: Vec<RoleMember> = db::people::list_all_members(tx)
        .await?
        .into_iter()
        .filter(|member| member.source == FLEET_FILE)
        .collect();
    for member in &known {
        let in_file = prune || wanted.roles.iter().any(|role| role.name == member.role);
        if in_file && !given.contains(member) {
            db::people::remove_member(tx, member).await?;
        }
    }
    for member in given.iter().filter(|member| !known.contains(member)) {
        db::people::add_member(tx, member).await?;
    }
    Ok(())
}
