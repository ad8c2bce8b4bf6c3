//! A reviewer wants to know something first, and the requester answers. Neither
//! changes the state of a request; a question stops the clock of the review, and the
//! answer starts it again (rules.md 4, 5).

use jiff::Timestamp;
use serde_json::json;

use super::review_release::{check_comment, readable};
use super::stored_request::Stored;
use super::{App, Refusal, access};
use crate::db::{self, Tx};
use crate::domain::actor::Actor;
use crate::domain::notice::Notice;
use crate::domain::permission::Permission;
use crate::domain::remark::{Remark, RemarkKind, open_questions};
use crate::domain::request::{Request, RequestState, RequestWord};

/// Part of the transaction that judged the reviewer.
pub(super) async fn ask(
    app: &App,
    tx: &Tx,
    mut request: Request,
    actor: &Actor,
    question: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    request.stop_clock(now)?;
    let question = say(app, tx, &request, actor, RemarkKind::Question, question, now).await?;
    db::outbox::put(tx, &Notice::QuestionAsked { request: request.id, question }, None, now).await?;
    Ok(())
}

/// By the requester, in words that everybody who asked is mailed.
pub async fn answer_question(app: &App, actor: &Actor, id: i64, answer: &str) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = access::again(&tx, actor).await?;
    let stored = Stored::load(app, &tx, id, now).await?;
    readable(&actor, &stored)?;
    if !may_answer(&actor, &stored.request) {
        return Err(Refusal::Forbidden(format!("Only {} answers questions here.", stored.request.requester)));
    }
    let mut request = stored.request;
    let is_over = request.state.word() != RequestWord::AwaitingReview || request.state.expire(now).is_some();
    if is_over || open_questions(&stored.remarks).is_empty() {
        return Err(Refusal::Conflict("No question waits for an answer here.".to_owned()));
    }
    check_comment(true, answer, "Write an answer; whoever asked is mailed it.")?;
    request.start_clock(now)?;
    let answer = say(app, &tx, &request, &actor, RemarkKind::Answer, answer, now).await?;
    db::outbox::put(&tx, &Notice::QuestionAnswered { request: id, answer }, None, now).await?;
    tx.commit().await?;
    app.wake.outbox.notify_one();
    Ok(())
}

/// The requester in person: reviewers rely on these words (rules.md 31).
pub fn may_answer(actor: &Actor, request: &Request) -> bool {
    let (application, environment) = (&request.application, &request.environment);
    actor.access.by.is_none() && actor.owns(&request.requester, Permission::Request, application, environment)
}

/// The words, the clock as it stands with them, and the record.
async fn say(
    app: &App,
    tx: &Tx,
    request: &Request,
    actor: &Actor,
    kind: RemarkKind,
    text: &str,
    now: Timestamp,
) -> Result<i64, Refusal> {
    db::requests::update(tx, request).await?;
    if let RequestState::AwaitingReview { until } = request.state {
        db::links::set_review_end(tx, request.id, until).await?;
    }
    let (person, text) = (actor.name.clone(), text.trim().to_owned());
    let remark = Remark { id: 0, request: request.id, person, kind, text, at: now };
    let id = db::remarks::add(tx, &remark).await?;
    let entry = db::audit::Entry {
        actor: &actor.signature(),
        action: match kind {
            RemarkKind::Question => "request.ask",
            RemarkKind::Answer => "request.answer",
        },
        subject: format!("request {}", request.id),
        facts: json!({ "fingerprint": request.fingerprint, "comment": remark.text }),
    };
    db::audit::append(tx, &app.keys, now, entry).await?;
    Ok(id)
}
