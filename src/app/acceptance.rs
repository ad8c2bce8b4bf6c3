//! A request becomes accepted: by the last accept that it takes, at once where none is
//! needed, and by itself when the policy of the day is content with those it has.

use serde_json::json;

use super::stored_request::{Stored, issue_launch_link};
use super::{App, Refusal};
use crate::db::{self, Tx};
use crate::domain::permission::Access;
use crate::domain::policy;
use crate::domain::request::RequestState;

/// Enough accepts make it accepted, and the requester gets the link; fewer leave it
/// waiting for the others.
pub(super) async fn settle(app: &App, tx: &Tx, mut stored: Stored) -> Result<(), Refusal> {
    let now = app.clock.now();
    let approval = stored.situation.environment.approval.clone();
    let quorum = stored.quorum();
    if !quorum.is_reached() {
        // The version moves although the state stays, so that decisions come one after another.
        return Ok(db::requests::update(tx, &stored.request).await?);
    }
    stored.request.state =
        stored.request.state.clone().accept(&approval, stored.situation.slot_begins(), now)?;
    stored.request.accepted_at = Some(now);
    stored.request.required = quorum.need;
    stored.request.terms = stored.terms();
    db::requests::update(tx, &stored.request).await?;
    stored.request.version += 1;
    let by: Vec<String> = stored.accepted_by().iter().map(ToString::to_string).collect();
    let entry = db::audit::Entry {
        actor: "policy",
        action: "request.accepted",
        subject: format!("request {}", stored.request.id),
        facts: json!({ "by": by, "quorum": quorum.words() }),
    };
    db::audit::append(tx, &app.keys, now, entry).await?;
    debug_assert!(matches!(stored.request.state, RequestState::Accepted { .. }));
    issue_launch_link(app, tx, &stored, now).await
}

/// The same for one that waits and has all it takes by now, with its tag just read.
pub(super) async fn settle_waiting(app: &App, stored: &Stored) -> Result<(), Refusal> {
    let is_decided = |stored: &Stored| {
        policy::is_decided(&stored.facts(&stored.request.requester, &Access::default(), None))
    };
    if !is_decided(stored) {
        return Ok(());
    }
    let tx = app.db.begin().await?;
    let stored = stored.again(&tx, app.clock.now()).await?;
    if is_decided(&stored) {
        Box::pin(settle(app, &tx, stored)).await?;
        tx.commit().await?;
        app.wake.outbox.notify_one();
    }
    Ok(())
}
