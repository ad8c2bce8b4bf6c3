//! One object of the fleet made, changed, renamed or removed, by page and API. What
//! comes in is put into the whole fleet, which is then judged and written as a fleet
//! file would be; so nothing can be done here that a file could not do.
//!
//! A version goes out with each object and may come back with a change: then the
//! change is made only to what its author saw.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::fleet_rows::{self, Givers, Ground, PAGE, Write};
use super::own_tokens::{self, Owned};
use super::{App, Refusal, access, last_admin, under_way};
use crate::db::{self, DbError, Source, Tx};
use crate::domain::actor::Actor;
use crate::domain::document::Problem;
use crate::domain::fleet::changes::{changes, former_names};
use crate::domain::fleet::dependents::{Bounded, dependents, left_behind};
use crate::domain::fleet::export::sorted;
use crate::domain::fleet::object::{self, Place};
use crate::domain::fleet::reserved;
use crate::domain::fleet::{Fleet, Kind};
use crate::domain::manifest::hex;
use crate::domain::name::Name;
use crate::domain::person::ADMIN_ROLE;

/// An object as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub place: Place,
    /// In the fleet file's form, with `stored:` for each secret.
    pub object: Value,
    /// A fleet file gave it: the next `apply` writes over what is changed here.
    pub managed: bool,
    /// Another one after each change.
    pub version: String,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("fields are wrong")]
    Invalid(Vec<Problem>),
    /// It is no longer what the author of the change saw; this is what it is now.
    #[error("{} was changed meanwhile", .0.place)]
    Changed(Box<Seen>),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<DbError> for Trouble {
    fn from(error: DbError) -> Self {
        Trouble::Refused(error.into())
    }
}

/// All of a kind, by name; environments of `parent` in their order.
pub async fn list(app: &App, actor: &Actor, kind: Kind, parent: Option<&Name>) -> Result<Vec<Seen>, Refusal> {
    access::administers(actor)?;
    let ground = load(app, &app.db).await?;
    if parent.is_some_and(|application| ground.fleet.application(application).is_none()) {
        return Err(Refusal::NotFound);
    }
    let fleet = sorted(ground.fleet.clone());
    let places = object::objects(&fleet).into_iter().map(|(place, _)| place);
    let wanted = places.filter(|place| place.kind == kind && place.parent.as_ref() == parent);
    Ok(wanted.filter_map(|place| see(&ground, &place)).collect())
}

pub async fn find(app: &App, actor: &Actor, place: &Place) -> Result<Seen, Refusal> {
    access::administers(actor)?;
    see(&load(app, &app.db).await?, place).ok_or(Refusal::NotFound)
}

/// The whole fleet, for forms that offer the names of other objects.
pub async fn fleet(app: &App, actor: &Actor) -> Result<Fleet, Refusal> {
    access::administers(actor)?;
    Ok(sorted(load(app, &app.db).await?.fleet))
}

/// Makes a new object; its name is in it.
pub async fn create(
    app: &App,
    actor: &Actor,
    kind: Kind,
    parent: Option<&Name>,
    object: Value,
) -> Result<Seen, Trouble> {
    reaches(actor, kind)?;
    let tx = app.db.begin().await?;
    let actor = &access::still_administers(&tx, actor).await?;
    let ground = load(app, &tx).await?;
    if parent.is_some_and(|application| ground.fleet.application(application).is_none()) {
        return Err(Refusal::NotFound.into());
    }
    let place = match name_in(&object, "name") {
        Ok(Some(name)) => Place::new(kind, parent, &name),
        Ok(None) => return Err(with_the_rest(&ground, (kind, parent), object, "is missing".to_owned())),
        Err(problem) => return Err(with_the_rest(&ground, (kind, parent), object, problem.message)),
    };
    if object::find(&ground.fleet, &place).is_some() {
        let words = format!("is already the name of another {}", kind.words());
        return Err(with_the_rest(&ground, (kind, parent), object, words));
    }
    Box::pin(store(app, tx, actor, &ground, (&place, &place), object)).await
}

/// A bounded token administers and changes no people: who holds a role is theirs.
fn reaches(actor: &Actor, kind: Kind) -> Result<(), Refusal> {
    access::administers(actor)?;
    if kind == Kind::Role { access::in_person(actor) } else { Ok(()) }
}

/// A name that will not do, and what else is wrong with a new object.
fn with_the_rest(ground: &Ground, place: (Kind, Option<&Name>), object: Value, words: String) -> Trouble {
    let mut problems = vec![Problem::new("name", words)];
    problems.extend(object::references(&object));
    problems.extend(reserved::in_object(&ground.fleet, place, &object, ""));
    let rest = object::problems_as_new(&ground.fleet, place, object);
    problems.extend(rest.into_iter().filter(|problem| problem.path != "name"));
    Trouble::Invalid(problems)
}

/// Puts `object` in the place of the one that is there. Another name in it renames it;
/// `was` in it says that it still has that name. With `versions`, only while what is
/// there is of one of them.
pub async fn replace(
    app: &App,
    actor: &Actor,
    place: &Place,
    object: Value,
    versions: Option<&[String]>,
) -> Result<Seen, Trouble> {
    reaches(actor, place.kind)?;
    let mut object = object;
    let was = name_in(&object, "was").map_err(wrong)?;
    let tx = app.db.begin().await?;
    let actor = &access::still_administers(&tx, actor).await?;
    let ground = load(app, &tx).await?;
    let exists = |name: &Name| object::find(&ground.fleet, &place.named(name)).is_some();
    let former = match was {
        Some(was) if !exists(&place.name) => place.named(&was),
        // To follow it, two would have to become one.
        Some(was) if was != place.name && exists(&was) => {
            let (name, words) = (&place.name, "cannot be renamed: both");
            return Err(invalid("was", format!("{words} \"{was}\" and \"{name}\" exist already")));
        }
        _ => place.clone(),
    };
    let seen = see(&ground, &former).ok_or(Refusal::NotFound)?;
    if versions.is_some_and(|versions| !versions.contains(&seen.version)) {
        return Err(Trouble::Changed(Box::new(seen)));
    }
    let named = name_in(&object, "name");
    let fields = object.as_object_mut().ok_or_else(|| invalid("", "must be an object"))?;
    fields.remove("was");
    let name = match named {
        Ok(name) => name.unwrap_or_else(|| place.name.clone()),
        Err(problem) => {
            // The rest of it, under the name that it has.
            fields.insert("name".to_owned(), former.name.to_string().into());
            let mut problems = vec![problem];
            let rest = object::put(&ground.fleet, &former, object).err().unwrap_or_default();
            problems.extend(rest);
            return Err(Trouble::Invalid(problems));
        }
    };
    fields.insert("name".to_owned(), name.to_string().into());
    if place.kind == Kind::Application && !fields.contains_key("environments") {
        let environments = seen.object.get("environments").cloned().unwrap_or_default();
        fields.insert("environments".to_owned(), environments);
    }
    let now = former.named(&name);
    if now != former {
        refuse_rename(app, &ground, &former, &now)?;
        fields.insert("was".to_owned(), former.name.to_string().into());
    }
    Box::pin(store(app, tx, actor, &ground, (&former, &now), object)).await
}

/// Removes an object that nothing needs any more. History keeps its name.
pub async fn remove(
    app: &App,
    actor: &Actor,
    place: &Place,
    versions: Option<&[String]>,
) -> Result<(), Trouble> {
    reaches(actor, place.kind)?;
    let tx = app.db.begin().await?;
    let actor = &access::still_administers(&tx, actor).await?;
    let ground = load(app, &tx).await?;
    let seen = see(&ground, place).ok_or(Refusal::NotFound)?;
    if versions.is_some_and(|versions| !versions.contains(&seen.version)) {
        return Err(Trouble::Changed(Box::new(seen)));
    }
    let reasons = needed_by(app, &tx, &ground, place).await?;
    if !reasons.is_empty() {
        return Err(Refusal::Conflict(format!("The {place} stays: {}.", reasons.join("; "))).into());
    }
    let after = object::without(&ground.fleet, place);
    let told = changes(&ground.fleet, &after, true);
    let managed = ground.managed(&[]);
    let before = last_admin::Before::read(&tx).await?;
    let is_managed = |place: &Place| managed.contains(place);
    Write { ground: &ground, after: &after, renames: &[], managed: &is_managed }.rows(app, &tx).await?;
    if place.kind == Kind::Role {
        db::people::remove_members_of(&tx, &place.name).await?;
        if let Some(words) = before.refuse_lockout(&tx, actor).await? {
            return Err(Refusal::Conflict(format!("The {place} stays: {words}.")).into());
        }
    }
    Box::pin(fleet_rows::record(app, &tx, &actor.signature(), &told, (&ground.fleet, &after))).await?;
    tx.commit().await?;
    fleet_rows::announce(app, &ground.fleet, &after, &[]).await;
    Ok(())
}

/// What keeps an object from being removed, each in words.
pub async fn what_needs(app: &App, actor: &Actor, place: &Place) -> Result<Vec<String>, Refusal> {
    access::administers(actor)?;
    let ground = load(app, &app.db).await?;
    needed_by(app, &app.db, &ground, place).await
}

/// What names an object and would be left without its place, each in words. It keeps
/// nothing.
pub async fn what_is_left(app: &App, actor: &Actor, place: &Place) -> Result<Vec<String>, Refusal> {
    access::administers(actor)?;
    let (now, ground) = (app.clock.now(), load(app, &app.db).await?);
    let after = object::without(&ground.fleet, place);
    let freezes = db::freezes::list_standing(&app.db, now).await?;
    let all = db::tokens::list(&app.db, None, 0, u64::from(u32::MAX)).await?;
    let bounded = all.into_iter().filter(|token| token.is_usable(now) && token.scope.is_some());
    let owned = own_tokens::named(app, bounded.collect()).await?;
    let tokens: Vec<Bounded> = owned
        .into_iter()
        .filter_map(|Owned { token, user }| {
            Some(Bounded { id: token.id, name: token.name, user, scope: token.scope? })
        })
        .collect();
    Ok(left_behind(&ground.fleet, &after, &freezes, &tokens))
}

/// The fleet with the roles that always exist.
async fn load(app: &App, source: &impl Source) -> Result<Ground, DbError> {
    let mut ground = Ground::load(app, source, Givers::Everybody).await?;
    for name in [ADMIN_ROLE, crate::domain::person::DEFAULT_ROLE] {
        let is_there = ground.fleet.roles.iter().any(|role| role.name.as_str() == name);
        if let (false, Ok(name)) = (is_there, Name::parse(name)) {
            ground.fleet.roles.push(ground.permanent_role(&name));
        }
    }
    Ok(ground)
}

fn see(ground: &Ground, place: &Place) -> Option<Seen> {
    let object = object::without_secrets(object::find(&ground.fleet, place)?);
    let standing = ground.standings.get(place);
    let mut hash = Sha256::new();
    hash.update(object.to_string());
    // A secret that was replaced shows in no other way.
    for (at, standing) in &ground.standings {
        let is_within = place.kind == Kind::Application && at.parent.as_ref() == Some(&place.name);
        if at == place || is_within {
            hash.update(format!("\n{at} {}", standing.version));
        }
    }
    let managed = standing.is_some_and(|standing| standing.managed);
    Some(Seen { place: place.clone(), object, managed, version: hex(&hash.finalize()[..8]) })
}

async fn store(
    app: &App,
    tx: Tx,
    actor: &Actor,
    ground: &Ground,
    (former, place): (&Place, &Place),
    object: Value,
) -> Result<Seen, Trouble> {
    let before = &ground.fleet;
    let mut problems = object::references(&object);
    problems.extend(reserved::in_object(before, (place.kind, place.parent.as_ref()), &object, ""));
    let base = object::renamed(before, former, &place.name);
    let after = match object::put(&base, place, object) {
        Ok(after) if problems.is_empty() => after,
        other => {
            problems.extend(other.err().into_iter().flatten());
            return Err(Trouble::Invalid(problems));
        }
    };
    refuse_lost_environments(&tx, &base, &after, place).await?;
    let told = changes(before, &after, true);
    let renames = former_names(before, &after);
    // Those of its environments too, where an application comes with them.
    for (former, _) in &renames {
        let reasons = under_way::find_named(&tx, former, app.clock.now()).await?;
        if !reasons.is_empty() {
            let words = format!("The {former} keeps its name meanwhile: {}.", reasons.join("; "));
            return Err(Refusal::Conflict(words).into());
        }
    }
    if !told.is_empty() {
        let held = last_admin::Before::read(&tx).await?;
        let managed = ground.managed(&renames);
        let is_managed = |place: &Place| managed.contains(place);
        let write = Write { ground, after: &after, renames: &renames, managed: &is_managed };
        Box::pin(write.rows(app, &tx)).await?;
        if place.kind == Kind::Role {
            members(&tx, &after, &place.name).await?;
            if let Some(words) = held.refuse_lockout(&tx, actor).await? {
                return Err(invalid("users", words));
            }
        }
        Box::pin(fleet_rows::record(app, &tx, &actor.signature(), &told, (before, &after))).await?;
    }
    let seen = see(&load(app, &tx).await?, place);
    tx.commit().await?;
    fleet_rows::announce(app, before, &after, &renames).await;
    Ok(seen.ok_or(Refusal::NotFound)?)
}

/// Who holds the role is who it names, whoever gave it before. What is given here stays
/// when a fleet file is applied (rules.md 32).
async fn members(tx: &Tx, after: &Fleet, role: &Name) -> Result<(), DbError> {
    let Some(role) = after.roles.iter().find(|one| one.name == *role) else { return Ok(()) };
    let wanted = fleet_rows::memberships(role, PAGE);
    let known: Vec<_> = db::people::list_all_members(tx).await?;
    let held: Vec<_> = known.iter().filter(|member| member.role == role.name).collect();
    let same = |a: &crate::domain::person::RoleMember, b: &crate::domain::person::RoleMember| {
        a.kind == b.kind && a.member == b.member
    };
    for member in held.iter().filter(|member| !wanted.iter().any(|one| same(one, member))) {
        db::people::remove_member(tx, member).await?;
    }
    for member in wanted.iter().filter(|member| !held.iter().any(|one| same(one, member))) {
        db::people::add_member(tx, member).await?;
    }
    Ok(())
}

/// An application that comes without one of its environments removes that.
async fn refuse_lost_environments(
    tx: &Tx,
    base: &Fleet,
    after: &Fleet,
    place: &Place,
) -> Result<(), Trouble> {
    if place.kind != Kind::Application {
        return Ok(());
    }
    let (was, is) = (base.application(&place.name), after.application(&place.name));
    let renamed = |name: &Name| {
        let now = is.into_iter().flat_map(|application| &application.environments);
        now.into_iter().any(|environment| environment.was.as_ref() == Some(name))
    };
    for environment in was.into_iter().flat_map(|application| &application.environments) {
        let name = &environment.name;
        let stays = is.is_some_and(|application| application.environment(name).is_some()) || renamed(name);
        let lost = Place::new(Kind::Environment, Some(&place.name), name);
        let reasons = if stays { Vec::new() } else { under_way::find_all(tx, &lost).await? };
        if !reasons.is_empty() {
            return Err(Refusal::Conflict(format!("The {lost} stays: {}.", reasons.join("; "))).into());
        }
    }
    Ok(())
}

fn refuse_rename(app: &App, ground: &Ground, former: &Place, now: &Place) -> Result<(), Trouble> {
    if former.is_permanent() {
        return Err(invalid("name", "the roles admin and default cannot be renamed"));
    }
    if object::find(&ground.fleet, now).is_some() {
        return Err(invalid("name", format!("is already the name of another {}", now.kind.words())));
    }
    if former.kind == Kind::Role && app.config.anonymous_role.as_ref() == Some(&former.name) {
        return Err(invalid("name", "is the anonymous_role of config.json and cannot be another"));
    }
    Ok(())
}

async fn needed_by(
    app: &App,
    source: &impl Source,
    ground: &Ground,
    place: &Place,
) -> Result<Vec<String>, Refusal> {
    if place.is_permanent() {
        return Ok(vec!["it always exists".to_owned()]);
    }
    let used = dependents(&ground.fleet, place);
    let mut reasons: Vec<String> = used.iter().map(|other| format!("the {other} uses it")).collect();
    if place.kind == Kind::Role && app.config.anonymous_role.as_ref() == Some(&place.name) {
        reasons.push("it is the anonymous_role of config.json".to_owned());
    }
    reasons.extend(under_way::find_all(source, place).await?);
    Ok(reasons)
}

fn name_in(object: &Value, key: &str) -> Result<Option<Name>, Problem> {
    let Some(value) = object.get(key) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| Problem::new(key, "must be text"))?;
    Name::parse(text).map(Some).map_err(|error| Problem::new(key, error.to_string()))
}

fn wrong(problem: Problem) -> Trouble {
    Trouble::Invalid(vec![problem])
}

fn invalid(path: &str, message: impl Into<String>) -> Trouble {
    wrong(Problem::new(path, message))
}
