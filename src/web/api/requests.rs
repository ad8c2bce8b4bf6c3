//! Requests, to read.

use jiff::Timestamp;
use serde::Serialize;

use super::answer::Answer;
use super::bearer::Bearer;
use super::problem::Problem;
use super::query::{Page, Query, name, number, word};
use crate::app::queries::requests;
use crate::domain::document::one_of;
use crate::domain::name::{CommitId, Name};
use crate::domain::request::{Decision, DecisionKind, Request, RequestWord};

/// The fields of rules.md 47, and what else its page shows.
#[derive(Serialize)]
struct Item<'a> {
    id: i64,
    application: &'a Name,
    environment: &'a Name,
    tag: &'a str,
    commit: &'a CommitId,
    from: Option<&'a CommitId>,
    state: RequestWord,
    requester: &'a Name,
    reason: &'a str,
    fingerprint: &'a str,
    decisions: Vec<Decided<'a>>,
    ticket: &'a str,
    rollback: bool,
    created_at: Timestamp,
    deployment: Option<i64>,
}

#[derive(Serialize)]
struct Decided<'a> {
    person: &'a Name,
    decision: DecisionKind,
    comment: &'a str,
    at: Timestamp,
}

impl<'a> Item<'a> {
    fn new(request: &'a Request, decisions: impl Iterator<Item = &'a Decision>) -> Self {
        let decided = |decision: &'a Decision| Decided {
            person: &decision.person,
            decision: decision.kind,
            comment: &decision.comment,
            at: decision.at,
        };
        Self {
            id: request.id,
            application: &request.application,
            environment: &request.environment,
            tag: &request.release,
            commit: &request.commit,
            from: request.from.as_ref(),
            state: request.state.word(),
            requester: &request.requester,
            reason: &request.reason,
            fingerprint: &request.fingerprint,
            decisions: decisions.map(decided).collect(),
            ticket: &request.ticket,
            rollback: request.rollback,
            created_at: request.created_at,
            deployment: request.deployment,
        }
    }
}

#[rocket::get("/requests")]
pub async fn list(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    let (wanted, limit) = query.read(|r| {
        let page = Page::read(r, number);
        let flag = |text: &str| one_of(text, &[("true", true), ("false", false)]);
        let wanted = requests::Wanted {
            mine: r.text_or("mine", false, flag),
            states: r.optional("state", |text| word(text, RequestWord::from_word)).into_iter().collect(),
            application: r.optional("application", name),
            environment: r.optional("environment", name),
            before: page.after,
        };
        (wanted, page.limit)
    })?;
    let (items, next) = requests::list(bearer.app, bearer.actor(), &wanted, limit).await?;
    let decisions = requests::decisions_of(bearer.app, &items).await?;
    let items: Vec<Item<'_>> = items
        .iter()
        .map(|request| {
            let own = decisions.iter().filter(|(id, _)| *id == request.id);
            Item::new(request, own.map(|(_, decision)| decision))
        })
        .collect();
    Answer::list(&items, next)
}

#[rocket::get("/requests/<id>")]
pub async fn one(bearer: Bearer<'_>, id: i64, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    let request = requests::find(bearer.app, bearer.actor(), id).await?;
    let decisions = requests::decisions_of(bearer.app, std::slice::from_ref(&request)).await?;
    Answer::object(&Item::new(&request, decisions.iter().map(|(_, decision)| decision)))
}
