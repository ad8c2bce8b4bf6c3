//! Requests: to read, to make, to withdraw and to launch.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, FromBody, Nothing};
use super::problem::Problem;
use super::query::{Page, Query, name, number, word};
use super::steering::begun;
use crate::app::Refusal;
use crate::app::cancel_request::cancel_request;
use crate::app::launch::launch_from_page;
use crate::app::queries::requests;
use crate::app::request_release::{Form, request_release};
use crate::app::stored_request::Stored;
use crate::domain::document::{Reader, one_of};
use crate::domain::name::{CommitId, Name};
use crate::domain::remark::RemarkKind;
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
    /// Who really asked, in the name of `requester`.
    #[serde(skip_serializing_if = "Option::is_none")]
    acting_by: Option<&'a Name>,
    reason: &'a str,
    fingerprint: &'a str,
    decisions: Vec<Decided<'a>>,
    /// Of the hosts, and of who asked, when it was asked for.
    notes: &'a [String],
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
    /// By the requester, where the environment allows that.
    own_request: bool,
    at: Timestamp,
}

/// What one request has beside what it has in a list.
#[derive(Serialize)]
struct More<'a> {
    approval: Approval<'a>,
    questions: Vec<Said<'a>>,
}

/// How far it has come, by the terms that leave most to do.
#[derive(Serialize)]
struct Approval<'a> {
    required: u32,
    accepts: u32,
    groups: Vec<Group<'a>>,
    words: String,
}

#[derive(Serialize)]
struct Group<'a> {
    role: &'a Name,
    required: u32,
    accepts: u32,
}

#[derive(Serialize)]
struct Said<'a> {
    person: &'a Name,
    kind: RemarkKind,
    comment: &'a str,
    at: Timestamp,
}

impl<'a> Item<'a> {
    fn new(request: &'a Request, decisions: impl Iterator<Item = &'a Decision>) -> Self {
        let decided = |decision: &'a Decision| Decided {
            person: &decision.person,
            decision: decision.kind,
            comment: &decision.comment,
            own_request: decision.own_request,
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
            acting_by: request.asked_by.as_ref(),
            reason: &request.reason,
            fingerprint: &request.fingerprint,
            decisions: decisions.map(decided).collect(),
            notes: &request.notes,
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

/// One request as its object.
pub async fn described(bearer: &Bearer<'_>, request: &Request) -> Result<Value, Problem> {
    let decisions = requests::decisions_of(bearer.app, std::slice::from_ref(request)).await?;
    let item = Item::new(request, decisions.iter().map(|(_, decision)| decision));
    let mut object = value(&item)?;
    let stored = Stored::find(bearer.app, request.id).await?;
    let quorum = stored.quorum();
    let groups = quorum.groups.iter();
    let groups = groups.map(|group| Group { role: &group.role, required: group.need, accepts: group.have });
    let questions = stored.remarks.iter().map(|remark| Said {
        person: &remark.person,
        kind: remark.kind,
        comment: &remark.text,
        at: remark.at,
    });
    let more = value(&More {
        approval: Approval {
            required: quorum.need,
            accepts: quorum.have,
            groups: groups.collect(),
            words: quorum.words(),
        },
        questions: questions.collect(),
    })?;
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    Ok(object)
}

fn value(item: &impl Serialize) -> Result<Value, Problem> {
    let value = serde_json::to_value(item);
    Ok(value.map_err(|error| Refusal::Internal(format!("a request does not serialise: {error}")))?)
}

#[rocket::get("/requests/<id>")]
pub async fn one(bearer: Bearer<'_>, id: i64, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    as_it_is(&bearer, id).await
}

/// One request as it stands now: what is answered to whoever did something to it.
pub async fn as_it_is(bearer: &Bearer<'_>, id: i64) -> Result<Answer, Problem> {
    let request = requests::find(bearer.app, bearer.actor(), id).await?;
    Answer::object(&described(bearer, &request).await?)
}

/// What is asked for; the fields of the form (rules.md 48).
pub struct Wish {
    pub tag: String,
    pub reason: String,
    pub ticket: String,
    pub rollback: bool,
}

impl FromBody for Wish {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let as_it_is = |text: &str| Ok::<_, String>(text.to_owned());
        let (tag, reason) = (r.required("tag", as_it_is), r.required("reason", as_it_is));
        let ticket = r.text_or("ticket", String::new(), as_it_is);
        let rollback = r.flag("rollback", false);
        Some(Self { tag: tag?, reason: reason?, ticket, rollback })
    }
}

#[rocket::post("/applications/<application>/environments/<environment>/requests", data = "<body>")]
pub async fn ask(
    bearer: Bearer<'_>,
    application: &str,
    environment: &str,
    query: Query,
    body: Body<Wish>,
) -> Result<Answer, Problem> {
    query.none()?;
    let Body { input: Wish { tag, reason, ticket, rollback }, once } = body;
    let (application, environment) = (application.to_owned(), environment.to_owned());
    let form = Form { application, environment, tag, reason, ticket, rollback };
    let act = Box::pin(async {
        let id = request_release(bearer.app, bearer.actor(), &form).await?;
        let request = requests::find(bearer.app, bearer.actor(), id).await?;
        Answer::made(&format!("/requests/{id}"), &described(&bearer, &request).await?)
    });
    once.answer(&bearer, act).await
}

#[rocket::post("/requests/<id>/cancel", data = "<body>")]
pub async fn cancel(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    body: Body<Nothing>,
) -> Result<Answer, Problem> {
    query.none()?;
    let act = Box::pin(async {
        cancel_request(bearer.app, bearer.actor(), id).await?;
        as_it_is(&bearer, id).await
    });
    body.once.answer(&bearer, act).await
}

/// Uses up the same link as the mail and the page do (rules.md 3).
#[rocket::post("/requests/<id>/launch", data = "<body>")]
pub async fn launch(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    body: Body<Nothing>,
) -> Result<Answer, Problem> {
    query.none()?;
    let act =
        Box::pin(async { begun(&bearer, launch_from_page(bearer.app, bearer.actor(), id).await?).await });
    body.once.answer(&bearer, act).await
}
