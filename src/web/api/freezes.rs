//! Freezes: to read for who may read what they are on, to set for administrators.

use jiff::Timestamp;
use rocket::http::Status;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, FromBody};
use super::problem::Problem;
use super::query::{Page, Query, instant, name, number, word};
use super::versions::{Echoed, IfMatch, Tagged};
use crate::app::access;
use crate::app::freeze::{self, By, Wanted};
use crate::app::queries::freezes;
use crate::domain::document::Reader;
use crate::domain::freeze::{Freeze, FreezeState, Frozen, Level};
use crate::domain::name::Name;

#[derive(Serialize)]
struct Object<'a> {
    id: i64,
    application: Option<&'a Name>,
    environment: Option<&'a Name>,
    reason: &'a str,
    level: Level,
    from: Timestamp,
    until: Option<Timestamp>,
    state: FreezeState,
    author: &'a str,
    changed_by: Option<&'a str>,
    created_at: Timestamp,
    lifted_by: Option<&'a str>,
    lifted_at: Option<Timestamp>,
}

impl<'a> Object<'a> {
    fn of(freeze: &'a Freeze, now: Timestamp) -> Self {
        let lifted = freeze.lifted.as_ref();
        Self {
            id: freeze.id,
            application: freeze.on.application.as_ref(),
            environment: freeze.on.environment.as_ref(),
            reason: &freeze.reason,
            level: freeze.level,
            from: freeze.from,
            until: freeze.until,
            state: freeze.state(now),
            author: &freeze.author,
            changed_by: freeze.changed_by.as_deref(),
            created_at: freeze.created_at,
            lifted_by: lifted.map(|lifted| lifted.by.as_str()),
            lifted_at: lifted.map(|lifted| lifted.at),
        }
    }
}

/// `{application?, environment?, reason, level, from?, until?}`; null says the same as
/// leaving a field out.
pub struct Form(Wanted);

impl FromBody for Form {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let application = optional(r, "application", name);
        let environment = optional(r, "environment", name);
        let reason = r.required("reason", |text| Ok::<_, String>(text.to_owned()));
        let levels: Vec<_> = Level::ALL.iter().map(|level| (level.word(), *level)).collect();
        let level = r.word("level", &levels);
        let from = optional(r, "from", instant);
        let until = optional(r, "until", instant);
        let on = Frozen { application, environment };
        Some(Self(Wanted { on, level, reason: reason?, from, until }))
    }
}

/// The same, with what GET gives beside it.
pub struct Again {
    form: Form,
    echoed: Echoed,
}

impl FromBody for Again {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let seen = ["id", "state", "author", "changed_by", "created_at", "lifted_by", "lifted_at"];
        let echoed = Echoed::read(r, &seen);
        Some(Self { form: Form::read(r)?, echoed })
    }
}

/// What the clock changes.
const PASSING: &[&str] = &["state"];
/// What may come back as it was before: the same change twice is no mistake.
const PASSED: &[&str] = &["state", "changed_by"];

/// The freeze as it stands, if it is the one that was seen.
async fn seen(bearer: &Bearer<'_>, id: i64, wanted: &IfMatch) -> Result<(Freeze, Value), Problem> {
    let freeze = freezes::find(bearer.app, bearer.actor(), id).await?;
    let object = json!(Object::of(&freeze, bearer.app.clock.now()));
    wanted.check(&format!("freeze {id}"), &object, PASSING)?;
    Ok((freeze, object))
}

fn optional<T>(
    r: &mut Reader<'_>,
    key: &'static str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    if r.raw(key).is_some_and(Value::is_null) {
        r.skip(key);
        return None;
    }
    r.optional(key, parse)
}

#[rocket::get("/freezes")]
pub async fn list(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    let (page, state) = query.read(|r| {
        let state = r.optional("state", |text| word(text, FreezeState::from_word));
        (Page::read(r, number), state)
    })?;
    let now = bearer.app.clock.now();
    let (freezes, next) = freezes::list(bearer.app, bearer.actor(), state, page.after, page.limit).await?;
    let items: Vec<Object<'_>> = freezes.iter().map(|freeze| Object::of(freeze, now)).collect();
    Answer::list(&items, next)
}

#[rocket::get("/freezes/<id>")]
pub async fn one(bearer: Bearer<'_>, id: i64, query: Query) -> Result<Tagged, Problem> {
    query.none()?;
    let (_, object) = seen(&bearer, id, &IfMatch::Anything).await?;
    Ok(Tagged::new(Answer::object(&object)?, PASSING))
}

#[rocket::post("/freezes", data = "<body>")]
pub async fn set(bearer: Bearer<'_>, query: Query, body: Body<Form>) -> Result<Tagged, Problem> {
    query.none()?;
    let Body { input: Form(wanted), once } = body;
    let act = Box::pin(async {
        let id = freeze::set(bearer.app, By::Person(bearer.actor()), wanted).await?;
        let freeze = freezes::find(bearer.app, bearer.actor(), id).await?;
        Answer::made(&format!("/freezes/{id}"), &Object::of(&freeze, bearer.app.clock.now()))
    });
    Ok(Tagged::new(once.answer(&bearer, act).await?, PASSING))
}

#[rocket::put("/freezes/<id>", data = "<body>")]
pub async fn change(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    wanted: IfMatch,
    body: Body<Again>,
) -> Result<Tagged, Problem> {
    query.none()?;
    let Body { input: Again { form: Form(to_be), echoed }, once } = body;
    let act = Box::pin(async {
        access::administers(bearer.actor())?;
        let (freeze, object) = seen(&bearer, id, &wanted).await?;
        echoed.check(&object, PASSED)?;
        let version = wanted.versions().map(|_| freeze.version);
        freeze::change(bearer.app, By::Person(bearer.actor()), id, to_be, version).await?;
        let (_, object) = seen(&bearer, id, &IfMatch::Anything).await?;
        Answer::object(&object)
    });
    Ok(Tagged::new(once.answer(&bearer, act).await?, PASSING))
}

/// Lifts it; it stays readable.
#[rocket::delete("/freezes/<id>")]
pub async fn lift(bearer: Bearer<'_>, id: i64, query: Query, wanted: IfMatch) -> Result<Status, Problem> {
    query.none()?;
    access::administers(bearer.actor())?;
    let (freeze, _) = seen(&bearer, id, &wanted).await?;
    let version = wanted.versions().map(|_| freeze.version);
    freeze::lift(bearer.app, By::Person(bearer.actor()), id, version).await?;
    Ok(Status::NoContent)
}
