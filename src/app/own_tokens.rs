//! Tokens as people see and make them: their own, and everybody's for administrators.
//! A token that is bounded, or used in another's name, makes none: it would be a way
//! past its own bounds.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::json;

use super::queries::applications::readable_fleet;
use super::tokens::{self, Token, Wanted, check_name, check_scope};
use super::{App, Refusal, access};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::name::Name;
use crate::domain::permission::{GlobalPermission, TokenScope};

/// As long as a token may last that was made here.
pub const LONGEST_DAYS: i64 = 3650;
pub const USUAL_DAYS: i64 = 90;

/// A token with the name of its person.
#[derive(Debug, Clone)]
pub struct Owned {
    pub token: Token,
    pub user: Name,
}

/// What somebody wants a token for.
#[derive(Debug)]
pub struct Asked {
    /// `None`: for themselves.
    pub user: Option<Name>,
    pub name: String,
    /// `None`: as long as usual, or as the token that it is made with where that ends sooner.
    pub expires_at: Option<Timestamp>,
    pub scope: Option<TokenScope>,
}

/// Those that the actor may see: their own, an administrator everybody's. Oldest
/// first, above `after`.
pub async fn list(app: &App, actor: &Actor, after: i64, limit: u64) -> Result<Vec<Owned>, Refusal> {
    access::signed_in(actor)?;
    let of = if actor.access.is_admin() { None } else { Some(actor.id) };
    named(app, db::tokens::list(&app.db, of, after, limit).await?).await
}

/// The actor's own: those that work first, and the newest of each.
pub async fn list_own(app: &App, actor: &Actor) -> Result<Vec<Token>, Refusal> {
    const MOST: u64 = 500;
    Ok(db::tokens::list_newest(&app.db, actor.id, app.clock.now(), MOST).await?)
}

pub async fn find(app: &App, actor: &Actor, id: i64) -> Result<Owned, Refusal> {
    access::signed_in(actor)?;
    let token = db::tokens::find(&app.db, id).await?;
    let token = token.filter(|token| token.person == actor.id || actor.access.is_admin());
    let found = named(app, token.into_iter().collect()).await?;
    found.into_iter().next().ok_or(Refusal::NotFound)
}

pub(super) async fn named(app: &App, tokens: Vec<Token>) -> Result<Vec<Owned>, Refusal> {
    let mut names: BTreeMap<i64, Name> = BTreeMap::new();
    let mut owned = Vec::with_capacity(tokens.len());
    for token in tokens {
        let user = if let Some(name) = names.get(&token.person) {
            name.clone()
        } else {
            let person = db::people::find(&app.db, token.person).await?.ok_or(Refusal::NotFound)?;
            names.insert(token.person, person.name.clone());
            person.name
        };
        owned.push(Owned { token, user });
    }
    Ok(owned)
}

/// Gives its number and its secret, which is shown this once. `maker` is the token that
/// the actor came with: what is made with it lasts no longer, and ends with it.
pub async fn create(
    app: &App,
    actor: &Actor,
    maker: Option<&Token>,
    asked: Asked,
) -> Result<(i64, SecretString), Refusal> {
    access::in_person(actor)?;
    let user = asked.user.as_ref().unwrap_or(&actor.name);
    if *user != actor.name {
        access::administers(actor)?;
    }
    let now = app.clock.now();
    let end = maker.and_then(|maker| maker.expires_at);
    if let (Some(wanted), Some(end)) = (asked.expires_at, end)
        && wanted > end
    {
        let words = format!("The token that makes it ends at {end}, and this one not later.");
        return Err(Refusal::field("expires_at", words));
    }
    let usual = now + SignedDuration::from_hours(USUAL_DAYS * 24);
    let lasts_for = asked.expires_at.unwrap_or(usual).duration_since(now);
    if lasts_for <= SignedDuration::ZERO || lasts_for > SignedDuration::from_hours(LONGEST_DAYS * 24) {
        let words = format!("A token ends after now, and within {LONGEST_DAYS} days.");
        return Err(Refusal::field("expires_at", words));
    }
    // Who acts for others needs to read nothing to bound a token to where they do.
    let known = if actor.access.has(GlobalPermission::Impersonate) {
        db::fleet::load(&app.db).await?
    } else {
        readable_fleet(app, actor).await?
    };
    check_scope(&known, asked.scope.as_ref())?;
    if db::people::find_by_name(&app.db, user).await?.is_none() {
        return Err(Refusal::field("user", format!("There is nobody called {user}.")));
    }
    let wanted = Wanted {
        user,
        name: &asked.name,
        lasts_for: Some(lasts_for),
        scope: asked.scope,
        made_by: maker.map(|maker| maker.id),
    };
    tokens::create(app, actor.name.as_str(), wanted).await
}

/// Another name, or an earlier end, of a token as `find` gave it: a conflict when it is
/// another one by now. What it may do stays as it was made.
pub async fn change(
    app: &App,
    actor: &Actor,
    seen: Owned,
    name: &str,
    expires_at: Option<Timestamp>,
) -> Result<Owned, Refusal> {
    access::in_person(actor)?;
    let name = check_name(name)?;
    let Owned { token, user } = &seen;
    let expires_at = expires_at.or(token.expires_at);
    if token.expires_at.is_some_and(|end| expires_at.is_none_or(|new| new > end)) {
        return Err(Refusal::field("expires_at", "A token may end earlier, not later; make a new one."));
    }
    if (token.name.as_str(), token.expires_at) == (name, expires_at) {
        return Ok(seen);
    }
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    db::tokens::change(&tx, token, db::tokens::Change { name, expires_at }).await?;
    let entry = db::audit::Entry {
        actor: actor.name.as_str(),
        action: "token.changed",
        subject: format!("token {}", token.id),
        facts: json!({ "person": user, "name": name, "expires_at": expires_at }),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    find(app, actor, token.id).await
}

/// One's own, or an administrator anybody's; at once. A bounded token may at least
/// end itself.
pub async fn revoke(app: &App, actor: &Actor, own: Option<i64>, id: i64) -> Result<(), Refusal> {
    if own != Some(id) || actor.access.by.is_some() {
        access::in_person(actor)?;
    }
    find(app, actor, id).await?;
    tokens::revoke(app, actor.name.as_str(), id).await
}
