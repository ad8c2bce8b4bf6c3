//! A request that names itself with a key is acted on once, however often it is
//! sent: the same request again gets the answer of the first.
//!
//! Only what was done is remembered. A refusal changed nothing, so the key is free
//! again and a later try is judged by what is true then. When the process dies
//! between the act and its answer, the key stays taken for its day: nobody can say
//! whether it was done, and doing it twice is worse than asking.

use jiff::SignedDuration;

use super::{App, FieldError, Refusal};
use crate::db;

pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
const SEAL: &str = "idempotent answer";
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

/// Takes the key for one request, by route and SHA-256 of the body.
pub async fn begin(
    app: &App,
    person: i64,
    key: &Key,
    route: &str,
    body_sha256: &str,
) -> Result<Begun, Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    db::idempotency::clean(&tx, now - KEPT_FOR).await?;
    match db::idempotency::insert(&tx, person, &key.0, route, body_sha256, now).await {
        Ok(id) => {
            tx.commit().await?;
            return Ok(Begun::First(id));
        }
        Err(error) if error.is_taken() => drop(tx),
        Err(error) => return Err(error.into()),
    }
    // It may have been given up in between: then the client tries once more.
    let taken = db::idempotency::find(&app.db, person, &key.0).await?;
    let Some(taken) = taken else { return Err(Refusal::Conflict(AT_WORK.to_owned())) };
    if taken.route != route || taken.body_sha256 != body_sha256 {
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
