//! Tokens: how programs say who they act for. The secret is shown once, when the
//! token is made; the database keeps a keyed hash of it, so that neither a dump of
//! the database nor a log lets anybody in (security.md 26).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::json;

use super::{App, Refusal, access, session};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::fleet::Fleet;
use crate::domain::manifest::hex;
use crate::domain::name::{Name, has_visible, is_deceptive};
use crate::domain::permission::{Access, TokenScope};
use crate::domain::person::Person;

pub use crate::db::tokens::Token;

const HASH: &str = "token hash";
/// So that people and scanners of leaked secrets know one when they see it.
const PREFIX: &str = "cs_";
/// A token's last-used stamp is not written more often than this.
const STAMP_EVERY: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_NAME: usize = 80;
const MOST_GRANTS: usize = 100;
const SIGN_IN_LASTS: SignedDuration = SignedDuration::from_mins(30);

/// Who a token speaks for.
#[derive(Debug, Clone)]
pub struct Held {
    pub token: Token,
    pub actor: Actor,
}

/// What a new token is to be.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub user: &'a Name,
    /// What it is for, for people who read the list.
    pub name: &'a str,
    /// `None`: it does not run out.
    pub lasts_for: Option<SignedDuration>,
    /// `None`: all that its person may do.
    pub scope: Option<TokenScope>,
    /// The number of the token that it is made with, if by one.
    pub made_by: Option<i64>,
}

/// A token as its secret is told, this once.
#[derive(Debug)]
pub struct Short {
    pub secret: SecretString,
    pub expires_at: Timestamp,
}

/// Makes a token; gives its number and its secret, which nobody sees again.
pub async fn create(app: &App, by: &str, wanted: Wanted<'_>) -> Result<(i64, SecretString), Refusal> {
    let name = check_name(wanted.name)?;
    check_scope(&db::fleet::load(&app.db).await?, wanted.scope.as_ref())?;
    let now = app.clock.now();
    let lasts_until = |lasts_for| now.checked_add(lasts_for).map_err(|_| too_long());
    let expires_at = wanted.lasts_for.map(lasts_until).transpose()?;
    let secret = session::random::<32>()?;
    let tx = app.db.begin().await?;
    let expires_at = match wanted.made_by {
        Some(maker) => within_maker(&tx, maker, expires_at, now).await?,
        None => expires_at,
    };
    let person = db::people::find_by_name(&tx, wanted.user).await?.ok_or_else(|| nobody(wanted.user))?;
    if person.disabled {
        return Err(Refusal::Conflict(format!("{} is disabled.", person.name)));
    }
    let hash = hex(&app.keys.mac(HASH, &secret));
    let scope = wanted.scope.as_ref();
    let new = db::tokens::NewToken {
        person: person.id,
        name,
        hash,
        created_by: by,
        expires_at,
        scope,
        of_sign_in: false,
        made_by: wanted.made_by,
    };
    let id = db::tokens::insert(&tx, new, now).await?;
    let entry = db::audit::Entry {
        actor: by,
        action: "token.created",
        subject: format!("token {id}"),
        facts: json!({
            "person": person.name, "name": name, "expires_at": expires_at, "scope": scope,
            "made_by": wanted.made_by,
        }),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    Ok((id, told(&secret)))
}

/// The end of what is made with a token: never after the maker's own, which must still
/// be there as of the transaction.
async fn within_maker(
    tx: &db::Tx,
    maker: i64,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    let maker = db::tokens::find(tx, maker).await?.filter(|maker| maker.is_usable(now));
    let maker = maker.ok_or(Refusal::SignedOut)?;
    Ok(match (expires_at, maker.expires_at) {
        (Some(wanted), Some(end)) => Some(wanted.min(end)),
        (wanted, end) => wanted.or(end),
    })
}

/// For somebody who just showed who they are: it lasts half an hour.
pub(super) async fn of_sign_in(app: &App, tx: &db::Tx, person: &Person, how: &str) -> Result<Short, Refusal> {
    let (now, secret) = (app.clock.now(), session::random::<32>()?);
    let expires_at = now + SIGN_IN_LASTS;
    let new = db::tokens::NewToken {
        person: person.id,
        name: how,
        hash: hex(&app.keys.mac(HASH, &secret)),
        created_by: person.name.as_str(),
        expires_at: Some(expires_at),
        scope: None,
        of_sign_in: true,
        made_by: None,
    };
    let id = db::tokens::insert(tx, new, now).await?;
    let entry = db::audit::Entry {
        actor: person.name.as_str(),
        action: "token.created",
        subject: format!("token {id}"),
        facts: json!({ "person": person.name, "how": how, "expires_at": expires_at }),
    };
    db::audit::append(tx, &app.keys, now, entry).await?;
    Ok(Short { secret: told(&secret), expires_at })
}

fn told(secret: &[u8]) -> SecretString {
    SecretString::from(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret)))
}

pub(super) fn check_name(name: &str) -> Result<&str, Refusal> {
    let name = name.trim();
    if !has_visible(name) || name.chars().count() > LONGEST_NAME || name.chars().any(is_deceptive) {
        let words = format!("A token's name is 1 to {LONGEST_NAME} characters that can be seen.");
        return Err(Refusal::field("name", words));
    }
    Ok(name)
}

/// A scope that names what does not exist would be a surprise on the day it does.
/// `fleet` is what its maker may know of.
pub(super) fn check_scope(fleet: &Fleet, scope: Option<&TokenScope>) -> Result<(), Refusal> {
    let Some(scope) = scope else { return Ok(()) };
    if scope.global.is_empty() && scope.grants.is_empty() {
        return Err(Refusal::field(
            "scope",
            "A scope that allows nothing is no use; leave it out or fill it.",
        ));
    }
    if scope.grants.len() > MOST_GRANTS {
        return Err(Refusal::field("scope", format!("At most {MOST_GRANTS} grants.")));
    }
    for grant in &scope.grants {
        if let Some(nowhere) = fleet.no_such_place(grant.application.name(), grant.environment.name()) {
            return Err(Refusal::field("scope", format!("{}.", nowhere.words)));
        }
    }
    Ok(())
}

/// Who a presented token speaks for; `None` when it speaks for nobody (any more).
pub async fn find(app: &App, presented: &str) -> Result<Option<Held>, Refusal> {
    let secret = presented.strip_prefix(PREFIX).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let Some(secret) = secret else { return Ok(None) };
    let hashes: Vec<String> = app.keys.macs(HASH, &secret).iter().map(|hash| hex(hash)).collect();
    let now = app.clock.now();
    let Some(token) = db::tokens::find_usable(&app.db, &hashes, now).await? else { return Ok(None) };
    let Some(person) = db::people::find(&app.db, token.person).await? else { return Ok(None) };
    if person.disabled {
        return Ok(None);
    }
    if token.last_used_at.is_none_or(|used| now.duration_since(used) >= STAMP_EVERY) {
        let tx = app.db.begin().await?;
        db::tokens::touch(&tx, token.id, now).await?;
        tx.commit().await?;
    }
    let actor = access::actor_of(&app.db, person).await?;
    let access = Access { within: token.scope.clone(), ..actor.access };
    let actor = Actor { access, ..actor };
    Ok(Some(Held { token, actor }))
}

/// A person's tokens, oldest first, those that are over too.
pub async fn list(app: &App, user: &Name) -> Result<Vec<Token>, Refusal> {
    let person = db::people::find_by_name(&app.db, user).await?.ok_or_else(|| nobody(user))?;
    Ok(db::tokens::list_of(&app.db, person.id).await?)
}

/// Ends a token at once. The command line may end any.
pub async fn revoke(app: &App, by: &str, id: i64) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let token = db::tokens::find(&tx, id).await?;
    let token = token.ok_or_else(|| Refusal::Conflict(format!("There is no token {id}.")))?;
    if token.revoked_at.is_some() {
        return Err(Refusal::Conflict(format!("The token {id} is revoked already.")));
    }
    db::tokens::revoke(&tx, id, now).await?;
    let person = db::people::find(&tx, token.person).await?;
    let entry = db::audit::Entry {
        actor: by,
        action: "token.revoked",
        subject: format!("token {id}"),
        facts: json!({ "person": person.map(|person| person.name), "name": token.name }),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    Ok(())
}

impl Token {
    /// Whether it lets anybody in at this instant.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

fn nobody(user: &Name) -> Refusal {
    Refusal::Conflict(format!(
        "There is nobody called {user}. `countersign user add {user}` adds somebody who has not signed in yet."
    ))
}

fn too_long() -> Refusal {
    Refusal::field("expires_at", "A token cannot last that long.")
}
