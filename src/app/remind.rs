//! Reminders: to the reviewers while a request waits, to the requester while a slot
//! runs out. They name no link with a secret; the request's page does as well.

use jiff::Timestamp;

use super::{App, Refusal};
use crate::db;
use crate::domain::notice::Notice;
use crate::domain::reminder::{
    BEFORE_SLOT_END, ReviewReminder, ReviewTime, review_reminder, slot_reminder_is_due,
};
use crate::domain::request::{Request, RequestState, RequestWord};

/// One round of housekeeping.
pub async fn remind(app: &App) -> Result<(), Refusal> {
    remind_reviewers(app).await?;
    remind_requesters(app).await
}

async fn remind_reviewers(app: &App) -> Result<(), Refusal> {
    let filter = db::requests::Filter { states: vec![RequestWord::AwaitingReview], ..Default::default() };
    let waiting = db::requests::list(&app.db, &filter, 10_000).await?;
    let ids: Vec<i64> = waiting.iter().map(|request| request.id).collect();
    let names = ids.iter().flat_map(|id| [half(*id), last(*id)]).collect::<Vec<String>>();
    let sent = db::reminders::list(&app.db, &names).await?;
    let decided = db::requests::list_decisions_of(&app.db, &ids).await?;
    for request in waiting {
        let is_decided = decided.iter().any(|(id, _)| *id == request.id);
        let due = due(&request, is_decided, &sent, app.clock.now());
        if let Some(reminder) = due {
            let is_last = reminder == ReviewReminder::Last;
            let name = if is_last { last(request.id) } else { half(request.id) };
            send(app, &name, &Notice::ReviewReminder { request: request.id, is_last }).await?;
        }
    }
    Ok(())
}

fn half(request: i64) -> String {
    format!("review {request} half")
}

fn last(request: i64) -> String {
    format!("review {request} last")
}

fn due(request: &Request, is_decided: bool, sent: &[String], now: Timestamp) -> Option<ReviewReminder> {
    let RequestState::AwaitingReview { until } = request.state else { return None };
    let was = |name: String, reminder| sent.contains(&name).then_some(reminder);
    review_reminder(ReviewTime {
        whole: request.pause.review_time(request.created_at, until),
        left: until.duration_since(now),
        is_paused: request.pause.until(now).is_some(),
        is_decided_by_anybody: is_decided,
        sent: was(last(request.id), ReviewReminder::Last)
            .or_else(|| was(half(request.id), ReviewReminder::Half)),
    })
}

async fn remind_requesters(app: &App) -> Result<(), Refusal> {
    let now = app.clock.now();
    for link in db::links::list_ending(&app.db, BEFORE_SLOT_END, now).await? {
        if slot_reminder_is_due(&link.facts, now) {
            let notice = Notice::SlotReminder { request: link.request, link: link.id };
            send(app, &format!("slot {}", link.id), &notice).await?;
        }
    }
    Ok(())
}

async fn send(app: &App, name: &str, notice: &Notice) -> Result<(), Refusal> {
    if db::reminders::list(&app.db, &[name.to_owned()]).await?.is_empty() {
        let now = app.clock.now();
        let tx = app.db.begin().await?;
        if db::reminders::claim(&tx, name, now).await? {
            db::outbox::put(&tx, notice, None, now).await?;
            tx.commit().await?;
            app.wake.outbox.notify_one();
        }
    }
    Ok(())
}
