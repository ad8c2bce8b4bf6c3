//! A request that names itself with a key is acted on once, however often it is
//! sent: the same request again gets the answer of the first.
//!
//! Only what was done is remembered. A refusal changed nothing, so the key is free
//! again and a later try is judged by what is true then. When the process dies
//! between the act and its answer, the key stays taken for its day: nobody can say
//! whether it was done, and doing it twice is worse than asking.

use jiff::SignedDuration;

use sha2::{Digest, Sha256};

use super::{App, FieldError, Refusal};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::manifest::hex;

pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
const SEAL: &str = "idempotent answer";
const BODY: &str = "idempotent body";
const LONGEST: usize = 100;

/// A key as a client may choose it: 1 to 100 visible ASCII characters.
#[derive(Debug, Clone)]
pub struct Key(String);

impl Key {
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        let message = format!("must be 1 to {LONGEST} visible ASCII characters");
        if fits { Ok(Self(text.to_owned())) } else { Err(FieldError { field: "Idempotency-Key", message }) }
    }
}

/// What was answered: enough to answer the same again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

#[derive(Debug)]
pub enum Begun {
    /// The first of its key: act, then `end` or `give_up`.
    First(i64),
    Again(Answer),
}

impl Key {
    /// What it is stored as. The same key is another one for who is bounded otherwise, or
    /// acts for the person: what is told to one of them is not the other's to hear.
    fn of(&self, actor: &Actor) -> Result<String, Refusal> {
        let scope = serde_json::to_string(&actor.access.within)
            .map_err(|error| Refusal::Internal(format!("a scope does not serialise: {error}")))?;
        let by = actor.access.by.as_ref().map_or("", |by| by.as_str());
        Ok(hex(&Sha256::digest(format!("{by}\n{scope}\n{}", self.0))))
    }
}

/// Takes the key for one request, by route and body. Of the body a keyed hash is kept,
/// since it may hold a password.
pub async fn begin(app: &App, actor: &Actor, key: &Key, route: &str, body: &[u8]) -> Result<Begun, Refusal> {
    let (person, key) = (actor.id, key.of(actor)?);
    let bodies: Vec<String> = app.keys.macs(BODY, body).iter().map(|mac| hex(mac)).collect();
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    db::idempotency::clean(&tx, now - KEPT_FOR).await?;
    let body = hex(&app.keys.mac(BODY, body));
    match db::idempotency::insert(&tx, person, &key, route, &body, now).await {
        Ok(id) => {
            tx.commit().await?;
            return Ok(Begun::First(id));
        }
        Err(error) if error.is_taken() => drop(tx),
        Err(error) => return Err(error.into()),
    }
    // It may have been given up in between: then the client tries once more.
    let taken = db::idempotency::find(&app.db, person, &key).await?;
    let Some(taken) = taken else { return Err(Refusal::Conflict(AT_WORK.to_owned())) };
    if taken.route != route || !bodies.contains(&taken.body_mac) {
        let field = "Idempotency-Key";
        return Err(Refusal::field(field, "was used for another request; use a new one"));
    }
    let Some(answer) = taken.answer else { return Err(Refusal::Conflict(AT_WORK.to_owned())) };
    let body = app.keys.open(SEAL, &answer.sealed_body);
    let body = body.ok_or_else(|| Refusal::Internal("a stored answer does not open".to_owned()))?;
    Ok(Begun::Again(Answer { status: answer.status, location: answer.location, body }))
}

const AT_WORK: &str = "The first request with this Idempotency-Key has not been answered. Try again in a moment; \
                       if this stays, look whether it was done before sending it with a new key.";

pub async fn end(app: &App, id: i64, answer: &Answer) -> Result<(), Refusal> {
    let row = db::idempotency::Answer {
        status: answer.status,
        location: answer.location.clone(),
        sealed_body: app.keys.seal(SEAL, &answer.body),
    };
    let tx = app.db.begin().await?;
    db::idempotency::answer(&tx, id, &row).await?;
    Ok(tx.commit().await?)
}

/// Nothing was done.
pub async fn give_up(app: &App, id: i64) -> Result<(), Refusal> {
    let tx = app.db.begin().await?;
    db::idempotency::forget(&tx, id).await?;
    Ok(tx.commit().await?)
}
