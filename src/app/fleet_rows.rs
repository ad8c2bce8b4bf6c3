//! The fleet as it stands, and the one way of writing another: the fleet file, pages
//! and API differ in how they come to a fleet, and in nothing after that.
//!
//! Who holds a role is read from the memberships and not from the role's own row: a
//! command may have given one meanwhile. Secrets are open here, so that the same
//! one given again is seen to change nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::tell_of_policy::tell_of_policy;
use super::{App, Refusal, freeze, housekeep};
use crate::db::fleet::{Object, Standing};
use crate::db::{self, DbError, Source, Tx};
use crate::domain::fleet::changes::{Change, ChangeKind};
use crate::domain::fleet::object::{self, Place};
use crate::domain::fleet::secret::{STORED, SecretForm};
use crate::domain::fleet::{Endpoint, Fleet, Kind, Role, StatsPage};
use crate::domain::name::Name;
use crate::domain::permission::GlobalPermission;
use crate::domain::person::{ADMIN_ROLE, MemberKind, RoleMember};

pub const SECRET_SEAL: &str = "fleet secret";

/// What the database holds of the fleet.
#[derive(Debug, Clone)]
pub struct Ground {
    /// With its secrets open; the users and teams of roles as their rows say.
    pub fleet: Fleet,
    pub standings: BTreeMap<Place, Standing>,
    pub members: Vec<RoleMember>,
}

/// Whose memberships count as the role's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Givers {
    Everybody,
    /// What a fleet file may take back.
    FleetFile,
    /// What a fleet file would have to give, were it all there is.
    AllButCommands,
}

pub const FLEET_FILE: &str = "fleet";
pub const PAGE: &str = "page";

impl Ground {
    pub async fn load(app: &App, source: &impl Source, givers: Givers) -> Result<Self, DbError> {
        let mut fleet = db::fleet::load(source).await?;
        open_secrets(app, source, &mut fleet).await?;
        let standings = db::fleet::list_standings(source).await?;
        let members = db::people::list_all_members(source).await?;
        let counts = |member: &&RoleMember| match givers {
            Givers::Everybody => true,
            Givers::FleetFile => member.source == FLEET_FILE,
            Givers::AllButCommands => [FLEET_FILE, PAGE].contains(&member.source.as_str()),
        };
        for role in &mut fleet.roles {
            as_members_say(role, members.iter().filter(counts));
        }
        let standings = standings.into_iter().map(|row| (row.place.clone(), row)).collect();
        Ok(Self { fleet, standings, members })
    }

    /// What a fleet file gave, by the names of from now on.
    pub fn managed(&self, renames: &[(Place, Name)]) -> BTreeSet<Place> {
        let managed = self.standings.values().filter(|standing| standing.managed);
        managed.map(|standing| renamed(&standing.place, renames)).collect()
    }

    /// A role that exists although no row says so, with those who hold it.
    pub fn permanent_role(&self, name: &Name) -> Role {
        let global = if name.as_str() == ADMIN_ROLE { vec![GlobalPermission::Admin] } else { Vec::new() };
        let mut role = Role { global, ..Role::empty(name) };
        as_members_say(&mut role, self.members.iter());
        role
    }
}

/// In the order in which the role names them, and then as they were given.
pub(super) fn as_members_say<'a>(role: &mut Role, members: impl Iterator<Item = &'a RoleMember>) {
    let (mut users, mut teams) = (Vec::new(), Vec::new());
    for member in members.filter(|member| member.role == role.name) {
        let list = if member.kind == MemberKind::User { &mut users } else { &mut teams };
        if !list.contains(&member.member) {
            list.push(member.member.clone());
        }
    }
    let in_order = |listed: &[String], mut held: Vec<String>| {
        let place = |name: &String| listed.iter().position(|one| one == name).unwrap_or(listed.len());
        held.sort_by_key(place);
        held
    };
    role.users = in_order(&role.users, users);
    role.github_teams = in_order(&role.github_teams, teams);
}

/// From the fleet that there is to another.
pub struct Write<'a> {
    pub ground: &'a Ground,
    pub after: &'a Fleet,
    /// What has another name now, by the former one.
    pub renames: &'a [(Place, Name)],
    /// Whether a fleet file gives the object, by the name it has from now on.
    pub managed: &'a (dyn Fn(&Place) -> bool + Sync),
}

impl Write<'_> {
    /// Writes what differs, and nothing else. Role memberships are the caller's.
    pub async fn rows(&self, app: &App, tx: &Tx) -> Result<(), Refusal> {
        for (place, new) in self.renames {
            db::fleet::rename(tx, &with_new_parent(place, self.renames), new).await?;
            db::renames::follow(tx, &with_new_parent(place, self.renames), new).await?;
        }
        let before: BTreeMap<Place, Value> = object::objects(&self.ground.fleet)
            .into_iter()
            .map(|(place, object)| (self.renamed(&place), object))
            .collect();
        let after: Vec<(Place, Value)> = object::objects(self.after);
        let stays: BTreeSet<&Place> = after.iter().map(|(place, _)| place).collect();
        for gone in before.keys().filter(|place| !stays.contains(place)) {
            db::fleet::remove(tx, gone).await?;
            db::renames::forget(tx, gone).await?;
        }
        let has_changed = |place: &Place, object: &Value| before.get(place) != Some(object);
        let changed: BTreeSet<&Place> = after
            .iter()
            .filter(|(place, object)| has_changed(place, object))
            .map(|(place, _)| place)
            .collect();
        let sealed = object::objects(&self.sealed(app, tx, &changed).await?);
        let standings: BTreeMap<Place, &Standing> =
            self.ground.standings.iter().map(|(place, row)| (self.renamed(place), row)).collect();
        let mut positions: BTreeMap<(Kind, Option<Name>), i32> = BTreeMap::new();
        for (place, object) in &sealed {
            let next = positions.entry((place.kind, place.parent.clone())).or_default();
            let position = *next;
            *next += 1;
            let managed = (self.managed)(place);
            match standings.get(place) {
                Some(row) if !changed.contains(place) => {
                    if (row.position, row.managed) != (position, managed) {
                        db::fleet::set_standing(tx, place, position, managed).await?;
                    }
                }
                // A role that exists without a row, and was not changed.
                None if !changed.contains(place) => {}
                _ => {
                    let spec = object.to_string();
                    db::fleet::put(tx, &Object { place: place.clone(), position, spec, managed }).await?;
                }
            }
        }
        self.forget_secrets(tx).await?;
        Ok(())
    }

    fn renamed(&self, place: &Place) -> Place {
        renamed(place, self.renames)
    }

    /// The new fleet as its rows may hold it: each secret of what changed is sealed and
    /// put away first. A row never holds one.
    async fn sealed(&self, app: &App, tx: &Tx, changed: &BTreeSet<&Place>) -> Result<Fleet, Refusal> {
        let mut clean = self.after.clone();
        for application in &mut clean.applications {
            if let Some(secret) = &mut application.webhook_secret
                && changed.contains(&Place::new(Kind::Application, None, &application.name))
            {
                let place = place_of_webhook_secret(&application.name);
                *secret = seal(app, tx, &place, "", secret).await?;
            }
        }
        for balancer in &mut clean.load_balancers {
            if !changed.contains(&Place::new(Kind::LoadBalancer, None, &balancer.name)) {
                continue;
            }
            for (number, endpoint) in balancer.endpoints.iter_mut().enumerate() {
                if let Endpoint::Stats(stats) = endpoint {
                    let (place, bound_to) = place_of_stats_page(&balancer.name, number, stats);
                    stats.password = seal(app, tx, &place, &bound_to, &stats.password).await?;
                }
            }
        }
        Ok(clean)
    }

    /// What belonged to objects and endpoints that are no more.
    async fn forget_secrets(&self, tx: &Tx) -> Result<(), DbError> {
        let mut known = BTreeSet::new();
        let is_stored = |secret: &str| !SecretForm::of(secret).is_reference();
        for application in &self.after.applications {
            if application.webhook_secret.as_deref().is_some_and(is_stored) {
                known.insert(place_of_webhook_secret(&application.name));
            }
        }
        for balancer in &self.after.load_balancers {
            for (number, endpoint) in balancer.endpoints.iter().enumerate() {
                if let Endpoint::Stats(stats) = endpoint
                    && is_stored(&stats.password)
                {
                    known.insert(place_of_stats_page(&balancer.name, number, stats).0);
                }
            }
        }
        db::fleet::remove_secrets(tx, |place| !known.contains(place)).await
    }
}

/// What the object is called from now on, its application too.
pub fn renamed(place: &Place, renames: &[(Place, Name)]) -> Place {
    let new = renames.iter().find(|(former, _)| former == place).map(|(_, new)| new);
    with_new_parent(&new.map_or_else(|| place.clone(), |new| place.named(new)), renames)
}

/// Applications are renamed before their environments.
fn with_new_parent(place: &Place, renames: &[(Place, Name)]) -> Place {
    let is_parent =
        |former: &Place| former.kind == Kind::Application && Some(&former.name) == place.parent.as_ref();
    let new = renames.iter().find(|(former, _)| is_parent(former)).map(|(_, new)| new);
    Place { parent: new.or(place.parent.as_ref()).cloned(), ..place.clone() }
}

/// What every change of the fleet brings with it, in its own transaction: it is on
/// record, the review list of before is told of another policy (rules.md 17), and
/// requests that it touches are void (rules.md 9). The second fleet names renames by
/// `was`.
pub async fn record(
    app: &App,
    tx: &Tx,
    by: &str,
    changes: &[Change],
    (old, wanted): (&Fleet, &Fleet),
) -> Result<(), Refusal> {
    let now = app.clock.now();
    for change in changes {
        let action = match change.kind {
            ChangeKind::Added => "fleet.added",
            ChangeKind::Changed => "fleet.changed",
            ChangeKind::Renamed => "fleet.renamed",
            ChangeKind::Removed => "fleet.removed",
        };
        let subject: String = change.object.chars().take(190).collect();
        let facts = json!({ "details": change.details });
        db::audit::append(tx, &app.keys, now, db::audit::Entry { actor: by, action, subject, facts }).await?;
    }
    tell_of_policy(app, tx, old, wanted, by, now).await?;
    freeze::lift_where_nothing_is(app, tx, by, now).await?;
    housekeep::void_changed(app, tx, None, by).await
}

/// After the commit: mirrors follow the names of their applications, a new application
/// is no heir to another repository, and whoever waits looks again.
pub async fn announce(app: &App, before: &Fleet, after: &Fleet, renames: &[(Place, Name)]) {
    let place_of = |name: &Name| Place::new(Kind::Application, None, name);
    let known: BTreeSet<Name> =
        before.applications.iter().map(|known| renamed(&place_of(&known.name), renames).name).collect();
    for (place, new) in renames.iter().filter(|(place, _)| place.kind == Kind::Application) {
        if let Err(error) = app.mirrors.rename(&place.name, new).await {
            tracing::warn!(%place, %new, %error, "its mirror keeps the old name; another one will be made");
        }
    }
    for new in after.applications.iter().filter(|application| !known.contains(&application.name)) {
        if let Err(error) = app.mirrors.begin(&new.name, &new.repository).await {
            tracing::error!(application = %new.name, %error, "what another application of its name left in the mirrors cannot be removed");
        }
    }
    app.wake.outbox.notify_one();
    app.wake.queue.notify_one();
}

/// The memberships that a role gives by naming them.
pub fn memberships(role: &Role, source: &str) -> Vec<RoleMember> {
    let named = |kind, member: &String| RoleMember {
        role: role.name.clone(),
        kind,
        member: member.clone(),
        source: source.to_owned(),
    };
    let teams = role.github_teams.iter().map(|team| named(MemberKind::Team, team));
    teams.chain(role.users.iter().map(|user| named(MemberKind::User, user))).collect()
}

pub fn place_of_webhook_secret(application: &Name) -> String {
    format!("application/{application}/webhook_secret")
}

/// Where the password of a stats page is stored, and what it is good for.
pub fn place_of_stats_page(balancer: &Name, number: usize, stats: &StatsPage) -> (String, String) {
    (format!("load_balancer/{balancer}/{number}"), format!("{} {}", stats.url, stats.user))
}

/// Puts the stored secrets back in their places. What was stored for another endpoint
/// or user stays shut.
async fn open_secrets(app: &App, source: &impl Source, fleet: &mut Fleet) -> Result<(), DbError> {
    for application in &mut fleet.applications {
        if let Some(secret) = &mut application.webhook_secret {
            open(app, source, &place_of_webhook_secret(&application.name), "", secret).await?;
        }
    }
    for balancer in &mut fleet.load_balancers {
        for (number, endpoint) in balancer.endpoints.iter_mut().enumerate() {
            if let Endpoint::Stats(stats) = endpoint {
                let (place, bound_to) = place_of_stats_page(&balancer.name, number, stats);
                open(app, source, &place, &bound_to, &mut stats.password).await?;
            }
        }
    }
    Ok(())
}

async fn open(
    app: &App,
    source: &impl Source,
    place: &str,
    bound_to: &str,
    text: &mut String,
) -> Result<(), DbError> {
    if SecretForm::of(text) != SecretForm::Stored {
        return Ok(());
    }
    let stored = db::fleet::find_secret(source, place).await?.filter(|(bound, _)| bound == bound_to);
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
