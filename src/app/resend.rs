//! A notice that did not arrive is sent again. What held a link is written anew with
//! a new one, since the old link's secret is gone (rules.md 34).

use serde_json::json;

use super::stored_request::{Stored, issue_launch_link, issue_review_link};
use super::{App, Refusal, access};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::notice::Notice;
use crate::domain::request::RequestWord;

pub async fn resend(app: &App, actor: &Actor, id: i64) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = access::still_administers(&tx, actor).await?;
    let delivery = db::outbox::find(&tx, id).await?.ok_or(Refusal::NotFound)?;
    match &delivery.notice {
        Notice::ReviewAsked { request, .. } => {
            let stored = still(app, &tx, *request, RequestWord::AwaitingReview, now).await?;
            db::outbox::replaced(&tx, id, now).await?;
            issue_review_link(app, &tx, &stored.request, now).await?;
        }
        Notice::RequestAccepted { request, .. } => {
            let stored = still(app, &tx, *request, RequestWord::Accepted, now).await?;
            db::outbox::replaced(&tx, id, now).await?;
            issue_launch_link(app, &tx, &stored, now).await?;
        }
        // Written from what is true then, and not at all when that makes it pointless.
        Notice::RequestEnded { .. }
        | Notice::DeploymentEnded { .. }
        | Notice::FreezeTold { .. }
        | Notice::GlassBroken { .. }
        | Notice::OverrideUnsigned { .. }
        | Notice::QuestionAsked { .. }
        | Notice::QuestionAnswered { .. }
        | Notice::ReviewReminder { .. }
        | Notice::SlotReminder { .. }
        | Notice::LinkRevoked { .. }
        | Notice::ApprovalChanged { .. } => {
            db::outbox::once_more(&tx, id, now).await?;
        }
    }
    let signature = actor.signature();
    let entry = db::audit::Entry {
        actor: &signature,
        action: "delivery.resent",
        subject: format!("delivery {id}"),
        facts: json!({ "notice": delivery.notice.kind() }),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    app.wake.outbox.notify_one();
    Ok(())
}

/// A link is of use only while its request waits for just that.
async fn still(
    app: &App,
    tx: &db::Tx,
    request: i64,
    word: RequestWord,
    now: jiff::Timestamp,
) -> Result<Stored, Refusal> {
    let stored = Stored::load(app, tx, request, now).await?;
    let is = stored.request.state.word();
    if is == word {
        return Ok(stored);
    }
    let is = is.word().replace('_', " ");
    Err(Refusal::Conflict(format!("Request {request} is {is} by now; that mail would be of no use.")))
}
