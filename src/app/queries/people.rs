//! People, for those who administer or may read everything.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::app::{App, Refusal, access};
use crate::db;
use crate::db::sessions::Session;
use crate::domain::actor::Actor;
use crate::domain::name::Name;
use crate::domain::permission::Access;
use crate::domain::person::{Identity, MemberKind, Person, RoleMember};

/// A person with what they hold.
#[derive(Debug, Clone)]
pub struct Known {
    pub person: Person,
    /// With who or what gave each role.
    pub memberships: Vec<RoleMember>,
    pub access: Access,
    /// As far as sessions and tokens are still kept.
    pub seen_at: Option<Timestamp>,
}

impl Known {
    /// Roles that were given to them by name.
    pub fn given(&self) -> impl Iterator<Item = &RoleMember> {
        self.memberships.iter().filter(|member| member.kind == MemberKind::User)
    }
}

/// One person, with their ways in.
#[derive(Debug, Clone)]
pub struct Whole {
    pub known: Known,
    pub linked: Vec<Identity>,
    pub sessions: Vec<Session>,
    /// Tokens that programs got by signing in as them, and that still work.
    pub sign_ins: u64,
}

/// In the order of their names, above `after`. `words` stand in a name.
pub async fn list(
    app: &App,
    actor: &Actor,
    words: &str,
    after: Option<&Name>,
    limit: u64,
) -> Result<Vec<Known>, Refusal> {
    access::oversees(actor)?;
    let people = db::people::list(&app.db, words.trim(), after, limit).await?;
    let seen = last_seen(app).await?;
    let mut known = Vec::with_capacity(people.len());
    for person in people {
        known.push(know(app, person, &seen).await?);
    }
    Ok(known)
}

pub async fn find(app: &App, actor: &Actor, name: &str) -> Result<Whole, Refusal> {
    access::oversees(actor)?;
    let name = Name::parse(name).map_err(|_| Refusal::NotFound)?;
    let person = db::people::find_by_name(&app.db, &name).await?.ok_or(Refusal::NotFound)?;
    let linked = db::identities::list_of(&app.db, person.id).await?;
    let now = app.clock.now();
    let sessions = db::sessions::list_of(&app.db, person.id, now).await?;
    let sign_ins = db::tokens::count_sign_ins_of(&app.db, person.id, now).await?;
    let known = know(app, person, &last_seen(app).await?).await?;
    Ok(Whole { known, linked, sessions, sign_ins })
}

/// The names of all roles that can be given.
pub async fn roles(app: &App) -> Result<Vec<Name>, Refusal> {
    let mut names: Vec<Name> =
        db::fleet::load_roles(&app.db).await?.into_iter().map(|role| role.name).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

async fn know(app: &App, person: Person, seen: &BTreeMap<i64, Timestamp>) -> Result<Known, Refusal> {
    let memberships = db::people::list_memberships(&app.db, &person).await?;
    let access = access::access_of(&app.db, &person).await?;
    let seen_at = seen.get(&person.id).copied();
    Ok(Known { person, memberships, access, seen_at })
}

async fn last_seen(app: &App) -> Result<BTreeMap<i64, Timestamp>, Refusal> {
    let mut latest: BTreeMap<i64, Timestamp> = BTreeMap::new();
    let sessions = db::sessions::last_seen(&app.db).await?;
    for (person, at) in sessions.into_iter().chain(db::tokens::last_used(&app.db).await?) {
        let known = latest.entry(person).or_insert(at);
        *known = at.max(*known);
    }
    Ok(latest)
}
