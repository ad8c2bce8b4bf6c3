//! The fleet file, applied: all or nothing, and the same file twice changes
//! nothing. What it changes is said before, and on record after.

use serde_json::Value;

use super::fleet_rows::{self, FLEET_FILE, Givers, Ground, Write};
use super::{App, Refusal, last_admin, under_way};
use crate::db::{self, Tx};
use crate::domain::document::Problem;
use crate::domain::fleet::changes::{
    Change, ChangeKind, changes, former_names, impossible_renames, under_new_names, with_stored_secrets,
};
use crate::domain::fleet::dependents::grants_for_nothing;
use crate::domain::fleet::export::export_text;
use crate::domain::fleet::object::{self, Place};
use crate::domain::fleet::overlay::overlay;
use crate::domain::fleet::parse::parse;
use crate::domain::fleet::reserved;
use crate::domain::fleet::{Fleet, Kind, Role};
use crate::domain::name::Name;
use crate::domain::person::{ADMIN_ROLE, DEFAULT_ROLE, RoleMember};

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

/// What a fleet file changes, and what is odd about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    pub changes: Vec<Change>,
    /// What is taken as it is, and is likely a slip of the pen.
    pub warnings: Vec<String>,
}

/// Applies a fleet file from the command line. Gives the changes, made or to be made.
pub async fn apply_fleet(
    app: &App,
    actor: &str,
    file: &Value,
    options: Options,
) -> Result<Applied, ApplyError> {
    let tx = app.db.begin().await?;
    let ground = Ground::load(app, &tx, Givers::FleetFile).await?;
    let old = &ground.fleet;
    let mut problems = reserved::in_document(old, file);
    let wanted = match parse(file) {
        Ok(wanted) => wanted,
        Err(wrong) => return Err(ApplyError::Invalid([wrong, problems].concat())),
    };
    problems.extend(impossible_renames(old, &wanted));
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
    // What the file gave before, and now does not.
    let left_out = |place: &Place| options.prune && managed.contains(place) && !given.contains(place);
    let stays = |place: &Place| place.is_permanent() || !left_out(place);
    let mut after = overlay(under_new_names(old, &wanted), wanted.clone(), stays);
    for role in &mut after.roles {
        if role.name.as_str() == DEFAULT_ROLE && left_out(&Place::new(Kind::Role, None, &role.name)) {
            *role = Role::empty(&role.name);
        }
    }
    // What stays may name something that goes.
    object::checked(&after).map_err(ApplyError::Invalid)?;
    let held = Memberships::after(&ground, &wanted, &renames, options.prune);
    let (before, then) = held.shown(&ground, &after);
    let mut changes = changes(&before, &then, true);
    held.tell_of_the_file(&mut changes);
    let mut problems = in_use(app, &tx, &ground, &after, &renames).await?;
    if held.lose_the_last_admin(&tx, &ground, &after).await? {
        let words = "nobody would administer any more: name somebody, or give the role with `countersign user add NAME --role admin` first";
        problems.push(Problem::new(format!("role {ADMIN_ROLE}"), words));
    }
    if !problems.is_empty() {
        return Err(ApplyError::Invalid(problems));
    }
    let applied = Applied { changes, warnings: warnings(&after) };
    let is_managed = |place: &Place| {
        let emptied = place.is_permanent() && left_out(place);
        given.contains(place) || (managed.contains(place) && !emptied)
    };
    let stands_otherwise =
        object::objects(&after).iter().any(|(place, _)| is_managed(place) != managed.contains(place));
    if options.dry_run || (applied.changes.is_empty() && !stands_otherwise) {
        return Ok(applied);
    }
    Write { ground: &ground, after: &after, renames: &renames, managed: &is_managed }.rows(app, &tx).await?;
    held.write(&tx).await?;
    for role in under_new_names(old, &wanted).roles {
        if after.roles.iter().all(|known| known.name != role.name) {
            db::people::remove_members_of(&tx, &role.name).await?;
        }
    }
    fleet_rows::record(app, &tx, actor, &applied.changes, (old, &wanted)).await?;
    tx.commit().await?;
    fleet_rows::announce(app, old, &after, &renames).await;
    Ok(applied)
}

/// Grants for places that there are none of: they may come later, or never.
fn warnings(after: &Fleet) -> Vec<String> {
    let of_role = |role: &Role| {
        let name = role.name.clone();
        grants_for_nothing(after, role)
            .into_iter()
            .map(move |words| format!("role {name}: {}", words.to_lowercase()))
    };
    after.roles.iter().flat_map(of_role).collect()
}

/// A place keeps its name while a deployment has it or waits for it. It may be removed:
/// what runs goes on, and what waits ends in the queue. The role of the anonymous stays.
async fn in_use(
    app: &App,
    tx: &Tx,
    ground: &Ground,
    after: &Fleet,
    renames: &[(Place, Name)],
) -> Result<Vec<Problem>, Refusal> {
    let mut problems = Vec::new();
    for (place, _) in object::objects(&ground.fleet) {
        let now = fleet_rows::renamed(&place, renames);
        let (verb, reasons) = match (now == place, object::find(after, &now).is_some()) {
            (true, true) => continue,
            (false, true) => ("renamed", under_way::find_named(tx, &place, app.clock.now()).await?),
            (_, false) => ("removed", Vec::new()),
        };
        if place.kind == Kind::Role && app.config.anonymous_role.as_ref() == Some(&place.name) {
            let words = format!("cannot be {verb}: it is the anonymous_role of config.json");
            problems.push(Problem::new(place.to_string(), words));
        }
        for reason in reasons {
            problems.push(Problem::new(place.to_string(), format!("cannot be {verb} meanwhile: {reason}")));
        }
    }
    Ok(problems)
}

/// The fleet as a file: what `apply` takes back unchanged.
pub async fn export_fleet(app: &App) -> Result<String, Refusal> {
    let ground = Ground::load(app, &app.db, Givers::AllButCommands).await?;
    Ok(export_text(&ground.fleet))
}

/// Who holds which role before and after. Memberships that a fleet file gave follow the
/// file; those that a command or a page gave stay, and the role admin keeps whom it has
/// where the file does not name it (rules.md 32).
struct Memberships {
    before: Vec<RoleMember>,
    given: Vec<RoleMember>,
    taken: Vec<RoleMember>,
}

impl Memberships {
    fn after(ground: &Ground, wanted: &Fleet, renames: &[(Place, Name)], prune: bool) -> Self {
        let under_new_name = |member: &RoleMember| {
            let role = fleet_rows::renamed(&Place::new(Kind::Role, None, &member.role), renames).name;
            RoleMember { role, ..member.clone() }
        };
        let before: Vec<RoleMember> = ground.members.iter().map(under_new_name).collect();
        let given: Vec<RoleMember> =
            wanted.roles.iter().flat_map(|role| fleet_rows::memberships(role, FLEET_FILE)).collect();
        let follows = |role: &Name| {
            let is_pruned = prune && role.as_str() != ADMIN_ROLE;
            is_pruned || wanted.roles.iter().any(|known| known.name == *role)
        };
        let of_file = before.iter().filter(|member| member.source == FLEET_FILE && follows(&member.role));
        let taken = of_file.filter(|member| !given.contains(member)).cloned().collect();
        let given = given.into_iter().filter(|member| !before.contains(member)).collect();
        Self { before, given, taken }
    }

    /// Both fleets with those who really hold each role, whoever gave it: who held one
    /// already does not come by it. The first by the names of before.
    fn shown(&self, ground: &Ground, after: &Fleet) -> (Fleet, Fleet) {
        let held_by = |fleet: &Fleet, members: &[&RoleMember]| {
            let mut fleet = fleet.clone();
            for role in &mut fleet.roles {
                fleet_rows::as_members_say(role, members.iter().copied());
                role.users.sort();
                role.github_teams.sort();
            }
            fleet
        };
        let now: Vec<&RoleMember> = self.kept().chain(&self.given).collect();
        (held_by(&ground.fleet, &ground.members.iter().collect::<Vec<_>>()), held_by(after, &now))
    }

    fn kept(&self) -> impl Iterator<Item = &RoleMember> {
        self.before.iter().filter(|member| !self.taken.contains(member))
    }

    /// What the file gives or takes back, where `changes` does not show it: of who holds
    /// the role by another's word too, and of roles that are not listed.
    fn tell_of_the_file(&self, changes: &mut Vec<Change>) {
        let mut roles: Vec<&Name> = self.given.iter().chain(&self.taken).map(|member| &member.role).collect();
        roles.sort();
        roles.dedup();
        for role in roles {
            let object = format!("{} {role}", Kind::Role.words());
            let told = changes.iter().position(|change| change.object == object);
            let line = |member: &RoleMember, others: bool, (too, alone): (&str, &str)| {
                let who = format!("{} {}", member.kind.word(), member.member);
                match (others, told) {
                    (true, _) => Some(too.replace("WHO", &who)),
                    (false, None) => Some(alone.replace("WHO", &who)),
                    (false, Some(_)) => None,
                }
            };
            let given = self.given.iter().filter(|member| member.role == *role).filter_map(|member| {
                let others = self.before.iter().any(|other| is_same(other, member));
                line(member, others, ("the file gives it to WHO too", "given to WHO"))
            });
            let taken = self.taken.iter().filter(|member| member.role == *role).filter_map(|member| {
                let others = self.kept().any(|other| is_same(other, member));
                line(member, others, ("the file no longer gives it to WHO, who keeps it", "taken from WHO"))
            });
            let details: Vec<String> = given.chain(taken).collect();
            match told {
                Some(index) => changes[index].details.extend(details),
                None if details.is_empty() => {}
                None => changes.push(Change { kind: ChangeKind::Changed, object, details }),
            }
        }
    }

    async fn lose_the_last_admin(
        &self,
        tx: &Tx,
        ground: &Ground,
        after: &Fleet,
    ) -> Result<bool, db::DbError> {
        let holds: Vec<RoleMember> = self.kept().chain(&self.given).cloned().collect();
        last_admin::would_lose(tx, (&ground.members, &ground.fleet.roles), (&holds, &after.roles)).await
    }

    async fn write(&self, tx: &Tx) -> Result<(), db::DbError> {
        for member in &self.taken {
            db::people::remove_member(tx, member).await?;
        }
        for member in &self.given {
            db::people::add_member(tx, member).await?;
        }
        Ok(())
    }
}

/// By whoever's word.
fn is_same(one: &RoleMember, other: &RoleMember) -> bool {
    (&one.role, one.kind, &one.member) == (&other.role, other.kind, &other.member)
}
