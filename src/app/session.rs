//! Sessions: kept in the database behind an encrypted cookie, so that signing out
//! and disabling a person end them at once.
//!
//! A session knows what its person could do when it got its secret. When that is no
//! longer so, whoever changed it and by whatever way, the next page brings another
//! secret (security.md 18): nobody is thrown out, and what was known of the session
//! before opens nothing a minute later.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{App, Refusal, access};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::manifest::hex;
use crate::domain::permission::Access;
use crate::domain::person::Person;

const HASH: &str = "session hash";
const CSRF: &str = "csrf";
const STRANGERS_CSRF: &str = "csrf of a stranger";
/// A session's last-seen stamp is not written more often than this.
const STAMP_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// Somebody signed in, and the session that says so.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub session: i64,
    /// What let them in: `github`, `local`, `proxy` or `session`.
    pub how: String,
    pub actor: Actor,
    /// What every form of this session carries.
    pub csrf: String,
    /// It has a secret of when its person could do something else.
    pub is_outdated: bool,
}

/// Begins a session: the one that the browser had until now ends with the same act
/// (security.md 18), and the record says how they came in. Gives the secret, for the
/// cookie alone.
pub(super) async fn begin(
    app: &App,
    tx: &db::Tx,
    person: &Person,
    (how, facts): (&str, serde_json::Value),
    before: Option<i64>,
) -> Result<String, Refusal> {
    let now = app.clock.now();
    if let Some(before) = before {
        db::sessions::end(tx, before, now).await?;
    }
    let secret = open(app, tx, person, how).await?;
    let entry = db::audit::Entry {
        actor: person.name.as_str(),
        action: "person.signed_in",
        subject: format!("person {}", person.name),
        facts,
    };
    db::audit::append(tx, &app.keys, now, entry).await?;
    Ok(secret)
}

/// A session for somebody who has one already and whose rights change: the old one
/// ends, so that nothing that was known of it reaches further than before.
pub(super) async fn renew(app: &App, tx: &db::Tx, signed_in: &SignedIn) -> Result<String, Refusal> {
    db::sessions::end(tx, signed_in.session, app.clock.now()).await?;
    let person = db::people::find(tx, signed_in.actor.id).await?.ok_or(Refusal::SignedOut)?;
    open(app, tx, &person, &signed_in.how).await
}

async fn open(app: &App, tx: &db::Tx, person: &Person, how: &str) -> Result<String, Refusal> {
    let secret = random::<32>()?;
    let rights = rights(&access::access_of(tx, person).await?);
    let hash = hex(&app.keys.mac(HASH, &secret));
    db::sessions::insert(tx, hash, person.id, (how, &rights), app.clock.now()).await?;
    Ok(URL_SAFE_NO_PAD.encode(secret))
}

/// Stands for all that somebody may do: equal where nothing changed.
fn rights(access: &Access) -> String {
    let mut lines: Vec<String> = access.globals.iter().map(|global| format!("{global:?}")).collect();
    lines.extend(access.grants.iter().map(|grant| format!("{grant:?}")));
    lines.extend(access.roles.iter().map(ToString::to_string));
    lines.sort();
    lines.dedup();
    hex(&Sha256::digest(lines.join("\n")))
}

/// Another secret for a session whose person may do something else than when it got
/// the one it has, for the cookie alone; `None` where another answer brings it.
pub async fn bring_up_to_date(
    app: &App,
    cookie: &str,
    signed_in: &SignedIn,
) -> Result<Option<String>, Refusal> {
    let hashes = hashes(app, cookie).unwrap_or_default();
    let secret = random::<32>()?;
    let hash = hex(&app.keys.mac(HASH, &secret));
    let tx = app.db.begin().await?;
    let rights = rights(&access::again(&tx, &signed_in.actor).await?.access);
    let is_ours =
        db::sessions::renew(&tx, signed_in.session, &hashes, &hash, &rights, app.clock.now()).await?;
    tx.commit().await?;
    Ok(is_ours.then(|| URL_SAFE_NO_PAD.encode(secret)))
}

/// What the table may know the secret of a cookie by, under each key.
fn hashes(app: &App, cookie: &str) -> Option<Vec<String>> {
    let secret = URL_SAFE_NO_PAD.decode(cookie).ok()?;
    Some(app.keys.macs(HASH, &secret).iter().map(|hash| hex(hash)).collect())
}

/// Who the cookie speaks for; `None` when it speaks for nobody (any more).
pub async fn find(app: &App, cookie: &str) -> Result<Option<SignedIn>, Refusal> {
    let Some(hashes) = hashes(app, cookie) else { return Ok(None) };
    let now = app.clock.now();
    let Some(session) = db::sessions::find(&app.db, &hashes, now).await? else { return Ok(None) };
    let Some(person) = db::people::find(&app.db, session.person).await? else { return Ok(None) };
    if person.disabled {
        return Ok(None);
    }
    if now.duration_since(session.seen_at) > STAMP_EVERY {
        let tx = app.db.begin().await?;
        db::sessions::touch(&tx, session.id, now).await?;
        tx.commit().await?;
    }
    let actor = access::actor_of(&app.db, person).await?;
    let is_outdated = !session.by_former && session.rights.as_deref() != Some(&rights(&actor.access));
    // Of the session and not of its secret: a form outlives a renewal.
    let csrf = format!("{} {}", session.id, session.created_at.as_millisecond());
    Ok(Some(SignedIn {
        session: session.id,
        how: session.how,
        actor,
        csrf: URL_SAFE_NO_PAD.encode(app.keys.mac(CSRF, csrf.as_bytes())),
        is_outdated,
    }))
}

/// The token of a form for somebody without a session: bound to what their browser
/// was given with the form.
pub fn csrf_of_stranger(app: &App, secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(app.keys.mac(STRANGERS_CSRF, secret.as_bytes()))
}

/// For the cookie that goes with such a form.
pub fn strangers_secret() -> Result<String, Refusal> {
    Ok(URL_SAFE_NO_PAD.encode(random::<16>()?))
}

pub fn csrf_of_stranger_holds(app: &App, secret: &str, token: &str) -> bool {
    csrf_of_stranger(app, secret).as_bytes().ct_eq(token.as_bytes()).into()
}

pub fn csrf_holds(signed_in: &SignedIn, token: &str) -> bool {
    signed_in.csrf.as_bytes().ct_eq(token.as_bytes()).into()
}

pub async fn sign_out(app: &App, signed_in: &SignedIn) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    db::sessions::end(&tx, signed_in.session, now).await?;
    let actor = signed_in.actor.name.as_str();
    let entry = db::audit::Entry {
        actor,
        action: "person.signed_out",
        subject: format!("person {actor}"),
        facts: serde_json::json!({}),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// Fresh random bytes of the operating system.
pub fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Refusal::Internal(format!("no random bytes: {error}")))?;
    Ok(bytes)
}
