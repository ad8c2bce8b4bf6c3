//! Sessions: kept in the database behind an encrypted cookie, so that signing out
//! and disabling a person end them at once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use subtle::ConstantTimeEq;

use super::{App, Refusal, access};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::manifest::hex;

const HASH: &str = "session hash";
const CSRF: &str = "csrf";
/// A session's last-seen stamp is not written more often than this.
const STAMP_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// Somebody signed in, and the session that says so.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub session: i64,
    pub actor: Actor,
    /// What every form of this session carries.
    pub csrf: String,
}

/// A new session's secret, for the cookie alone.
pub(super) async fn open(app: &App, tx: &db::Tx, person: i64) -> Result<String, Refusal> {
    let secret = random::<32>()?;
    db::sessions::insert(tx, hex(&app.keys.mac(HASH, &secret)), person, app.clock.now()).await?;
    Ok(URL_SAFE_NO_PAD.encode(secret))
}

/// Who the cookie speaks for; `None` when it speaks for nobody (any more).
pub async fn find(app: &App, cookie: &str) -> Result<Option<SignedIn>, Refusal> {
    let Ok(secret) = URL_SAFE_NO_PAD.decode(cookie) else { return Ok(None) };
    let hashes: Vec<String> = app.keys.macs(HASH, &secret).iter().map(|hash| hex(hash)).collect();
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
    Ok(Some(SignedIn {
        session: session.id,
        actor,
        csrf: URL_SAFE_NO_PAD.encode(app.keys.mac(CSRF, &secret)),
    }))
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
