//! Freezes are set, changed and lifted by administrators, and from the command line
//! (rules.md 33). What they mean for a start is decided by policy, each time anew.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{App, FieldError, Refusal, access};
use crate::db::{self, Tx};
use crate::domain::actor::Actor;
use crate::domain::fleet::Fleet;
use crate::domain::freeze::{Freeze, FreezeState, Frozen, Level, Lifted};
use crate::domain::name::has_visible;
use crate::domain::notice::Notice;
use crate::domain::request::{Request, RequestWord};

const LONGEST_REASON: usize = 2_000;
/// Further ahead is a slip of the hand.
const FURTHEST: SignedDuration = SignedDuration::from_hours(24 * 366 * 5);

/// Who wants something of a freeze.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    Person(&'a Actor),
    /// `command:rosa`: who has the keys of the machine.
    Command(&'a str),
}

/// A freeze as somebody wants it.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub on: Frozen,
    pub level: Level,
    pub reason: String,
    /// Absent: now.
    pub from: Option<Timestamp>,
    /// Absent: until it is lifted.
    pub until: Option<Timestamp>,
}

/// Gives its number.
pub async fn set(app: &App, by: By<'_>, wanted: Wanted) -> Result<i64, Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let author = administrator(&tx, by).await?;
    let mut errors = no_such_place(&db::fleet::load(&tx).await?, &wanted.on);
    errors.extend(check(&wanted, wanted.from.unwrap_or(now), now));
    refuse(errors)?;
    let mut freeze = Freeze {
        id: 0,
        on: wanted.on,
        level: wanted.level,
        reason: wanted.reason.trim().to_owned(),
        author,
        changed_by: None,
        created_at: now,
        from: wanted.from.unwrap_or(now),
        until: wanted.until,
        lifted: None,
        version: 1,
    };
    freeze.id = db::freezes::insert(&tx, &freeze).await?;
    record(app, &tx, "freeze.set", &freeze.author, &freeze, now).await?;
    tell(&tx, None, &freeze, now).await?;
    finish(app, tx).await?;
    Ok(freeze.id)
}

/// Changes one that is not over. `version` is that of the form it was made with. It may
/// stay on a place that is no more: whoever changes its reason does not widen it.
pub async fn change(
    app: &App,
    by: By<'_>,
    id: i64,
    wanted: Wanted,
    version: Option<i64>,
) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let who = administrator(&tx, by).await?;
    let old = db::freezes::find(&tx, id).await?.ok_or(Refusal::NotFound)?;
    not_over(&old, now)?;
    not_changed(&old, version)?;
    let from = wanted.from.unwrap_or(old.from);
    let mut errors = Vec::new();
    if wanted.on != old.on {
        errors = no_such_place(&db::fleet::load(&tx).await?, &wanted.on);
    }
    errors.extend(check(&wanted, from, now));
    refuse(errors)?;
    let freeze = Freeze {
        on: wanted.on,
        level: wanted.level,
        reason: wanted.reason.trim().to_owned(),
        from,
        until: wanted.until,
        ..old.clone()
    };
    if freeze == old {
        return Ok(());
    }
    let freeze = Freeze { changed_by: Some(who.clone()), ..freeze };
    db::freezes::update(&tx, &freeze).await?;
    record(app, &tx, "freeze.changed", &who, &freeze, now).await?;
    tell(&tx, Some(&old), &freeze, now).await?;
    finish(app, tx).await
}

/// Ends it now. It stays in the list, with who lifted it. With `version`, only while
/// it is what was seen.
pub async fn lift(app: &App, by: By<'_>, id: i64, version: Option<i64>) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let who = administrator(&tx, by).await?;
    let freeze = db::freezes::find(&tx, id).await?.ok_or(Refusal::NotFound)?;
    not_over(&freeze, now)?;
    not_changed(&freeze, version)?;
    db::freezes::lift(&tx, id, &Lifted { by: who.clone(), at: now }).await?;
    record(app, &tx, "freeze.lifted", &who, &freeze, now).await?;
    tell(&tx, None, &freeze, now).await?;
    finish(app, tx).await
}

/// What was frozen was removed: nothing of that name is meant any more.
pub(super) async fn lift_where_nothing_is(
    app: &App,
    tx: &Tx,
    by: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    let fleet = db::fleet::load(tx).await?;
    for freeze in db::freezes::list_standing(tx, now).await? {
        let Some(application) = &freeze.on.application else { continue };
        let is_there = match &freeze.on.environment {
            None => fleet.application(application).is_some(),
            Some(environment) => fleet.environment(application, environment).is_some(),
        };
        if !is_there {
            db::freezes::lift(tx, freeze.id, &Lifted { by: by.to_owned(), at: now }).await?;
            record(app, tx, "freeze.lifted", by, &freeze, now).await?;
        }
    }
    Ok(())
}

async fn administrator(tx: &Tx, by: By<'_>) -> Result<String, Refusal> {
    match by {
        By::Command(name) => Ok(name.to_owned()),
        By::Person(actor) => Ok(access::still_administers(tx, actor).await?.signature()),
    }
}

fn not_over(freeze: &Freeze, now: Timestamp) -> Result<(), Refusal> {
    match (&freeze.lifted, freeze.state(now)) {
        (Some(lifted), _) => Err(Refusal::Conflict(format!("{} lifted it already.", lifted.by))),
        (None, FreezeState::Ended) => Err(Refusal::Conflict("It has ended already.".to_owned())),
        (None, FreezeState::Planned | FreezeState::Current) => Ok(()),
    }
}

fn not_changed(freeze: &Freeze, version: Option<i64>) -> Result<(), Refusal> {
    if version.is_some_and(|version| version != freeze.version) {
        let words = "Somebody else changed this freeze meanwhile. Nothing of yours was saved.";
        return Err(Refusal::Conflict(words.to_owned()));
    }
    Ok(())
}

fn no_such_place(fleet: &Fleet, on: &Frozen) -> Vec<FieldError> {
    let nowhere = fleet.no_such_place(on.application.as_ref(), on.environment.as_ref());
    let error = nowhere.map(|nowhere| FieldError::new(nowhere.field, format!("{}.", nowhere.words)));
    error.into_iter().collect()
}

fn refuse(errors: Vec<FieldError>) -> Result<(), Refusal> {
    if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors)) }
}

fn check(wanted: &Wanted, from: Timestamp, now: Timestamp) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut error = |field, message: String| errors.push(FieldError { field, message });
    if !has_visible(&wanted.reason) {
        error("reason", "Say why; everybody who is held up reads it.".to_owned());
    } else if wanted.reason.len() > LONGEST_REASON {
        error("reason", format!("At most {LONGEST_REASON} bytes."));
    }
    let too_far = |at: Timestamp| at.duration_since(now) > FURTHEST;
    if wanted.from.is_some_and(too_far) {
        error("from", "That is more than five years ahead.".to_owned());
    }
    match wanted.until {
        Some(until) if until <= from => error("until", "It must be later than the beginning.".to_owned()),
        Some(until) if until <= now => error("until", "It must be in the future.".to_owned()),
        Some(until) if too_far(until) => error("until", "That is more than five years ahead.".to_owned()),
        _ => {}
    }
    errors
}

fn facts(freeze: &Freeze) -> Value {
    json!({
        "application": freeze.on.application, "environment": freeze.on.environment, "level": freeze.level,
        "reason": freeze.reason, "from": freeze.from, "until": freeze.until,
    })
}

async fn record(
    app: &App,
    tx: &Tx,
    action: &'static str,
    actor: &str,
    freeze: &Freeze,
    now: Timestamp,
) -> Result<(), Refusal> {
    let entry =
        db::audit::Entry { actor, action, subject: format!("freeze {}", freeze.id), facts: facts(freeze) };
    db::audit::append(tx, &app.keys, now, entry).await?;
    Ok(())
}

/// Who holds an accepted request there waits for it: they learn that it is held up, for
/// how long, and when it no longer is. `old` is what it was before it was changed: where
/// only that one held them up, they learn that this is over.
async fn tell(tx: &Tx, old: Option<&Freeze>, freeze: &Freeze, now: Timestamp) -> Result<(), Refusal> {
    let released = match old {
        Some(old) => held_up(tx, old).await?,
        None => Vec::new(),
    };
    for request in released.iter().filter(|one| !freeze.locks(&one.application, &one.environment)) {
        let notice = Notice::FreezeTold { freeze: freeze.id, request: request.id, released: true };
        db::outbox::put(tx, &notice, None, now).await?;
    }
    for request in held_up(tx, freeze).await? {
        let notice = Notice::FreezeTold { freeze: freeze.id, request: request.id, released: false };
        db::outbox::put(tx, &notice, None, now).await?;
    }
    Ok(())
}

/// The accepted requests that it keeps from being started.
async fn held_up(tx: &Tx, freeze: &Freeze) -> Result<Vec<Request>, Refusal> {
    if freeze.level != Level::Lock {
        return Ok(Vec::new());
    }
    let filter = db::requests::Filter {
        states: vec![RequestWord::Accepted],
        application: freeze.on.application.clone(),
        environment: freeze.on.environment.clone(),
        ..Default::default()
    };
    Ok(db::requests::list(tx, &filter, 1_000).await?)
}

/// What waits in the queue is looked at again: it may be held up, or free.
async fn finish(app: &App, tx: Tx) -> Result<(), Refusal> {
    tx.commit().await?;
    app.wake.queue.notify_one();
    app.wake.outbox.notify_one();
    Ok(())
}
