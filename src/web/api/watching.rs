//! Who may do what, what was done, and what did not arrive: for those who watch over
//! the service.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, Nothing};
use super::problem::Problem;
use super::query::{Page, Query, instant, name, number, word};
use crate::app::Refusal;
use crate::app::queries::watching::{self, AuditLine, AuditWanted, Delivery, Entry};
use crate::app::resend::resend;
use crate::domain::name::Name;
use crate::domain::notice::{DeliveryState, Notice};
use crate::domain::permission::{GlobalPermission, Permission};

#[derive(Serialize)]
struct Right<'a> {
    person: &'a Name,
    application: &'a Name,
    environment: &'a Name,
    permissions: &'a [Permission],
    global: &'a [GlobalPermission],
    why: Vec<Why<'a>>,
}

#[derive(Serialize)]
struct Why<'a> {
    role: &'a Name,
    through: Vec<String>,
    gives: &'a [Permission],
}

impl<'a> From<&'a Entry> for Right<'a> {
    fn from(entry: &'a Entry) -> Self {
        let why = entry.line.why.iter().map(|why| Why {
            role: &why.role,
            through: why.through.iter().map(ToString::to_string).collect(),
            gives: &why.gives,
        });
        Self {
            person: &entry.person,
            application: &entry.application,
            environment: &entry.environment,
            permissions: &entry.line.permissions,
            global: &entry.globals,
            why: why.collect(),
        }
    }
}

/// Of one `person`, or of one `environment` of an `application`.
#[rocket::get("/access")]
pub async fn access(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    let (person, application, environment, page) = query.read(|r| {
        let person = r.optional("person", name);
        let place = (r.optional("application", name), r.optional("environment", name));
        (person, place.0, place.1, Page::read(r, name))
    })?;
    let (app, actor) = (bearer.app, bearer.actor());
    let (entries, next) = match (person, application, environment) {
        (Some(person), None, None) => (watching::what_may(app, actor, &person).await?, None),
        (None, Some(application), Some(environment)) => {
            let place = (&application, &environment);
            watching::who_may(app, actor, place, page.after.as_ref(), page.limit).await?
        }
        _ => {
            let words = "give a person, or an application and an environment";
            return Err(Refusal::field("person", words).into());
        }
    };
    let rights: Vec<Right<'_>> = entries.iter().map(Right::from).collect();
    Answer::list(&rights, next)
}

#[derive(Serialize)]
struct Row<'a> {
    seq: i64,
    at: Timestamp,
    actor: &'a str,
    action: &'a str,
    subject: &'a str,
    facts: Value,
}

impl<'a> From<&'a AuditLine> for Row<'a> {
    fn from(line: &'a AuditLine) -> Self {
        let as_it_stands = || Value::String(line.facts.clone());
        Self {
            seq: line.seq,
            at: line.at,
            actor: &line.actor,
            action: &line.action,
            subject: &line.subject,
            facts: serde_json::from_str(&line.facts).unwrap_or_else(|_| as_it_stands()),
        }
    }
}

/// Newest first.
#[rocket::get("/audit")]
pub async fn audit(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    let (wanted, limit) = query.read(|r| {
        let page = Page::read(r, number);
        let text = |text: &str| Ok::<_, String>(text.to_owned());
        let wanted = AuditWanted {
            actor: r.optional("actor", text),
            action: r.optional("action", text),
            subject: r.optional("subject", text),
            since: r.optional("since", instant),
            until: r.optional("until", instant),
            before: page.after,
        };
        (wanted, page.limit)
    })?;
    let (lines, next) = watching::audit(bearer.app, bearer.actor(), &wanted, limit).await?;
    let rows: Vec<Row<'_>> = lines.iter().map(Row::from).collect();
    Answer::list(&rows, next)
}

/// Where the trail ends, to be kept and compared: `audit verify --head` takes `head`.
#[rocket::get("/audit/head")]
pub async fn audit_head(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    let head = watching::audit_head(bearer.app, bearer.actor()).await?;
    let count = head.as_ref().map_or(0, |head| head.count);
    let text = head.map(|head| format!("{}:{}", head.count, head.mac));
    Answer::object(&json!({ "count": count, "head": text }))
}

#[derive(Serialize)]
struct Item<'a> {
    id: i64,
    #[serde(flatten)]
    notice: Value,
    state: &'static str,
    attempts: u32,
    error: Option<&'a str>,
    created_at: Timestamp,
    /// The next try, or when it was given up.
    at: Timestamp,
}

fn item(row: &Delivery) -> Item<'_> {
    Item {
        id: row.id,
        notice: facts(&row.notice),
        state: row.state.word(),
        attempts: row.attempts,
        error: row.error.as_deref(),
        created_at: row.created_at,
        at: row.at,
    }
}

/// What it is, and what about: nothing that opens anything.
fn facts(notice: &Notice) -> Value {
    let (kind, about) = (notice.kind(), notice.about());
    json!({ "notice": kind, "about": about.to_string() })
}

/// What was given up, and what failed and is tried again, newest first.
#[rocket::get("/deliveries")]
pub async fn deliveries(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    let (state, page) = query.read(|r| {
        let state = r.optional("state", |text| word(text, DeliveryState::from_word));
        (state, Page::read(r, number))
    })?;
    let found = watching::deliveries(bearer.app, bearer.actor(), state, page.after, page.limit).await?;
    let items: Vec<Item<'_>> = found.0.iter().map(item).collect();
    Answer::list(&items, found.1)
}

#[rocket::post("/deliveries/<id>/resend", data = "<body>")]
pub async fn send_again(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    body: Body<Nothing>,
) -> Result<Answer, Problem> {
    query.none()?;
    let act = Box::pin(async {
        resend(bearer.app, bearer.actor(), id).await?;
        Ok(Answer::nothing())
    });
    body.once.answer(&bearer, act).await
}
