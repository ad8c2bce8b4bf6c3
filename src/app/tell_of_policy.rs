//! Whoever changes how a place is approved, by a fleet file or a page: the review list
//! of before is told, and it is on record (rules.md 17). In the transaction of the
//! change, so that there is no change without it.

use jiff::Timestamp;
use serde_json::json;

use super::{App, Refusal};
use crate::db::{self, Tx};
use crate::domain::fleet::Fleet;
use crate::domain::fleet::approval_changes::{ApprovalChange, approval_changes};
use crate::domain::notice::Notice;

/// `old` is what was there; `wanted` names renames by `was` (the old fleet itself where
/// there are none). What is there now is read from the transaction.
pub async fn tell_of_policy(
    app: &App,
    tx: &Tx,
    old: &Fleet,
    wanted: &Fleet,
    actor: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    let new = db::fleet::load(tx).await?;
    for change in approval_changes(old, wanted, &new) {
        tell(app, tx, &change, actor, now).await?;
    }
    Ok(())
}

/// The mail is written from the audit row: the outbox holds no more than its number.
async fn tell(
    app: &App,
    tx: &Tx,
    change: &ApprovalChange,
    actor: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    let entry = db::audit::Entry {
        actor,
        action: "approval.changed",
        subject: format!("environment {}/{}", change.application, change.environment),
        facts: json!({
            "application": change.application, "environment": change.environment,
            "changes": change.changes, "told": change.told,
        }),
    };
    let row = db::audit::append(tx, &app.keys, now, entry).await?;
    if !change.told.is_empty() {
        db::outbox::put(tx, &Notice::ApprovalChanged { audit: row.count }, None, now).await?;
    }
    Ok(())
}
