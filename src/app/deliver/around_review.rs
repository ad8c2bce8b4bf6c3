//! The mails beside the decision itself: questions and answers, reminders, and what
//! changed about who decides. Each is written from what is true when it is sent, and
//! none goes out when that makes it pointless.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Written, address, change, copy, display, host, mail_of, page, thread, to_requester};
use crate::app::stored_request::Stored;
use crate::app::{App, Refusal};
use crate::db::{self, outbox::Due};
use crate::domain::link::{Link, Purpose};
use crate::domain::name::Name;
use crate::domain::remark::{Remark, answered_by};
use crate::domain::request::{LinkState, RequestState};
use crate::mail::messages::{
    ApprovalChanged, LinkRevoked, Moment, Question, QuestionAnswered, QuestionAsked, ReviewReminder,
    SlotReminder, Thread,
};
use crate::mail::recipients;

pub(super) async fn question_asked(app: &App, due: &Due, id: i64, question: i64) -> Result<Written, Refusal> {
    let stored = Stored::find(app, id).await?;
    let Some(asked) = find(&stored.remarks, question) else { return Ok(Written::Pointless) };
    let zone = stored.situation.zone();
    let mail = QuestionAsked {
        change: change(&stored.request),
        by: display(app, &asked.person).await?,
        question: asked.text.clone(),
        paused_until: stored.request.pause.until(app.clock.now()).map(|at| Moment { at, zone }),
        url: page(app, &format!("requests/{id}"))?,
        thread: thread(app, &stored.request, copy(question)),
    };
    to_requester(app, due, &stored.request, |to| mail.letter(to, due.created_at)).await
}

fn find(remarks: &[Remark], id: i64) -> Option<&Remark> {
    remarks.iter().find(|remark| remark.id == id)
}

pub(super) async fn question_answered(
    app: &App,
    due: &Due,
    id: i64,
    answer: i64,
) -> Result<Written, Refusal> {
    let stored = Stored::find(app, id).await?;
    let Some(answered) = find(&stored.remarks, answer) else { return Ok(Written::Pointless) };
    let (mut questions, mut to) = (Vec::new(), Vec::new());
    for asked in answered_by(&stored.remarks, answer) {
        questions.push(Question { by: display(app, &asked.person).await?, text: asked.text.clone() });
        to.extend(mail_of(app, &asked.person).await?);
    }
    let mail = QuestionAnswered {
        change: change(&stored.request),
        by: display(app, &answered.person).await?,
        answer: answered.text.clone(),
        questions,
        decide_before: review_end(&stored),
        url: page(app, &format!("requests/{id}"))?,
        thread: thread(app, &stored.request, copy(answer)),
    };
    address(due, recipients(to.iter().map(String::as_str)), |to| mail.letter(to, due.created_at))
}

fn review_end(stored: &Stored) -> Option<Moment> {
    let RequestState::AwaitingReview { until } = stored.request.state else { return None };
    Some(Moment { at: until, zone: stored.situation.zone() })
}

pub(super) async fn review_reminder(
    app: &App,
    due: &Due,
    id: i64,
    is_last: bool,
) -> Result<Written, Refusal> {
    let stored = Stored::find(app, id).await?;
    let Some(decide_before) = review_end(&stored) else { return Ok(Written::Pointless) };
    let mail = ReviewReminder {
        change: change(&stored.request),
        requester: display(app, &stored.request.requester).await?,
        is_last,
        approval: stored.quorum().words(),
        decide_before,
        url: page(app, &format!("requests/{id}"))?,
        thread: thread(app, &stored.request, 0),
    };
    let to = recipients(stored.situation.environment.approval.review_list.iter().map(String::as_str));
    address(due, to, |to| mail.letter(to, due.created_at))
}

/// An accepted request, with this launch link and until when the approval stands. None
/// where it went on, or a newer link makes news of this one old.
async fn startable(app: &App, id: i64, link: i64) -> Result<Option<(Stored, Link, Timestamp)>, Refusal> {
    let stored = Stored::find(app, id).await?;
    let latest = db::links::find_latest(&app.db, Purpose::Launch, id).await?;
    let RequestState::Accepted { stands_until, .. } = stored.request.state else { return Ok(None) };
    Ok(latest.filter(|latest| latest.id == link).map(|link| (stored, link, stands_until)))
}

pub(super) async fn slot_reminder(app: &App, due: &Due, id: i64, link: i64) -> Result<Written, Refusal> {
    let Some((stored, link, stands_until)) = startable(app, id, link).await? else {
        return Ok(Written::Pointless);
    };
    if link.facts.state(app.clock.now()) != LinkState::Unused {
        return Ok(Written::Pointless);
    }
    let zone = stored.situation.zone();
    let mail = SlotReminder {
        change: change(&stored.request),
        slot_until: Moment { at: link.facts.expires_at, zone: zone.clone() },
        stands_until: Moment { at: stands_until, zone },
        url: page(app, &format!("requests/{id}"))?,
        thread: thread(app, &stored.request, copy(link.id)),
    };
    to_requester(app, due, &stored.request, |to| mail.letter(to, due.created_at)).await
}

pub(super) async fn link_revoked(app: &App, due: &Due, id: i64, link: i64) -> Result<Written, Refusal> {
    let Some((stored, link, stands_until)) = startable(app, id, link).await? else {
        return Ok(Written::Pointless);
    };
    let Some(by) = &link.revoked_by else { return Ok(Written::Pointless) };
    let mail = LinkRevoked {
        change: change(&stored.request),
        by: display(app, by).await?,
        stands_until: Moment { at: stands_until, zone: stored.situation.zone() },
        url: page(app, &format!("requests/{id}"))?,
        thread: thread(app, &stored.request, copy(link.id)),
    };
    to_requester(app, due, &stored.request, |to| mail.letter(to, due.created_at)).await
}

/// What the audit row of such a change holds.
#[derive(Deserialize)]
struct Changed {
    application: Name,
    environment: Name,
    changes: Vec<String>,
    told: Vec<String>,
}

pub(super) async fn approval_changed(app: &App, due: &Due, audit: i64) -> Result<Written, Refusal> {
    let row = db::audit::find(&app.db, audit).await?.ok_or(Refusal::NotFound)?;
    let changed: Changed = serde_json::from_str(&row.facts)
        .map_err(|error| Refusal::Internal(format!("audit row {audit}: {error}")))?;
    let Changed { application, environment, changes, told } = changed;
    let mail = ApprovalChanged {
        url: page(app, &format!("applications/{application}/{environment}"))?,
        application: application.to_string(),
        environment: environment.to_string(),
        by: row.actor,
        at: Moment { at: row.at, zone: app.config.timezone.clone() },
        changes,
        thread: Thread { id: format!("policy-{audit}"), host: host(app), copy: 0 },
    };
    address(due, recipients(told.iter().map(String::as_str)), |to| mail.letter(to, due.created_at))
}
