//! Freezes: to read for who may read what they are on, to set for administrators.

use jiff::Timestamp;
use rocket::http::Status;
use serde::Serialize;

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, FromBody};
use super::problem::Problem;
use super::query::{Page, Query, instant, name, number, word};
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

fn optional<T>(
    r: &mut Reader<'_>,
    key: &'static str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    if r.raw(key).is_some_and(serde_json::Value::is_null) {
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
pub async fn one(bearer: Bearer<'_>, id: i64, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    let freeze = freezes::find(bearer.app, bearer.actor(), id).await?;
    Answer::object(&Object::of(&freeze, bearer.app.clock.now()))
}

#[rocket::post("/freezes", data = "<body>")]
pub async fn set(bearer: Bearer<'_>, query: Query, body: Body<Form>) -> Result<Answer, Problem> {
    query.none()?;
    let Body { input: Form(wanted), once } = body;
    let act = Box::pin(async {
        let id = freeze::set(bearer.app, By::Person(bearer.actor()), wanted).await?;
        let freeze = freezes::find(bearer.app, bearer.actor(), id).await?;
        Answer::made(&format!("/freezes/{id}"), &Object::of(&freeze, bearer.app.clock.now()))
    });
    once.answer(&bearer, act).await
}

#[rocket::put("/freezes/<id>", data = "<body>")]
pub async fn change(bearer: Bearer<'_>, id: i64, query: Query, body: Body<Form>) -> Result<Answer, Problem> {
    query.none()?;
    let Body { input: Form(wanted), once } = body;
    let act = Box::pin(async {
        freeze::change(bearer.app, By::Person(bearer.actor()), id, wanted, None).await?;
        let freeze = freezes::find(bearer.app, bearer.actor(), id).await?;
        Answer::object(&Object::of(&freeze, bearer.app.clock.now()))
    });
    once.answer(&bearer, act).await
}

/// Lifts it; it stays readable.
#[rocket::delete("/freezes/<id>")]
pub async fn lift(bearer: Bearer<'_>, id: i64, query: Query) -> Result<Status, Problem> {
    query.none()?;
    freeze::lift(bearer.app, By::Person(bearer.actor()), id).await?;
    Ok(Status::NoContent)
}
