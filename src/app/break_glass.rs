//! Break-glass (rules.md 1): somebody with the right to deploy passes approval and
//! calendar, with a reason. Everybody is told at once, and the deployment stays open
//! until somebody else has looked at it and signed.

use jiff::Timestamp;
use serde_json::json;

use super::deploy::{Ask, Grounds, queue};
use super::{App, Refusal, access};
use crate::db::{self, Tx};
use crate::domain::actor::Actor;
use crate::domain::deployment::Deployment;
use crate::domain::notice::Notice;
use crate::domain::overriding::{Override, Via};
use crate::domain::permission::Permission;

const LONGEST_REASON: usize = 2_000;
const LONGEST_COMMENT: usize = 4_000;

/// The wish to break the glass.
#[derive(Debug, Clone, Copy)]
pub struct Break<'a> {
    pub reason: &'a str,
    pub via: Via,
}

/// Queues it, and gives its number.
pub async fn break_glass(app: &App, actor: &Actor, ask: &Ask, wish: Break<'_>) -> Result<i64, Refusal> {
    if wish.reason.trim().is_empty() {
        return Err(Refusal::field("reason", "Say why; everybody concerned is told at once."));
    }
    if wish.reason.len() > LONGEST_REASON {
        return Err(Refusal::field("reason", format!("At most {LONGEST_REASON} bytes.")));
    }
    let id = queue(app, actor, ask, Grounds { broken: Some(wish), ..Grounds::default() }).await?;
    app.wake.outbox.notify_one();
    Ok(id)
}

/// With the deployment, in its transaction.
pub(super) async fn record(
    app: &App,
    tx: &Tx,
    deployment: &Deployment,
    reason: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    let broken = Override {
        deployment: deployment.id,
        who: deployment.started_by.clone(),
        reason: reason.trim().to_owned(),
        at: now,
        signed: None,
    };
    db::overrides::insert(tx, &broken).await?;
    let entry = db::audit::Entry {
        actor: broken.who.as_str(),
        action: "deployment.overridden",
        subject: format!("deployment {}", deployment.id),
        facts: json!({
            "application": deployment.application, "environment": deployment.environment,
            "release": deployment.release, "reason": broken.reason,
        }),
    };
    db::audit::append(tx, &app.keys, now, entry).await?;
    db::outbox::put(tx, &Notice::GlassBroken { deployment: deployment.id }, None, now).await?;
    Ok(())
}

/// Somebody with the right to review there, or an administrator, and never who overrode.
pub fn may_sign(actor: &Actor, deployment: &Deployment, broken: &Override) -> bool {
    deployment.state.is_over()
        && actor.name != broken.who
        && actor.access.may(Permission::Review, &deployment.application, &deployment.environment)
}

/// Closes the review after the fact.
pub async fn sign(app: &App, actor: &Actor, id: i64, comment: &str) -> Result<(), Refusal> {
    let now = app.clock.now();
    let comment = comment.trim();
    let deployment = super::queries::deployments::find(app, actor, id).await?;
    access::refresh(app, &actor.name).await?;
    let tx = app.db.begin().await?;
    let actor = access::again(&tx, actor).await?;
    let broken = db::overrides::find(&tx, id).await?.ok_or_else(|| {
        Refusal::Conflict("It was not started by break-glass: there is nothing to sign.".to_owned())
    })?;
    if !deployment.state.is_over() {
        let words = "It has not ended: there is nothing to look back on yet.";
        return Err(Refusal::Conflict(words.to_owned()));
    }
    if !may_sign(&actor, &deployment, &broken) {
        let words = if actor.name == broken.who {
            "Somebody else has to sign it: you overrode."
        } else {
            "Only who may review here, or an administrator, may sign it."
        };
        return Err(Refusal::Forbidden(words.to_owned()));
    }
    if let Some(signed) = &broken.signed {
        return Err(Refusal::Conflict(format!("{} has signed it already.", signed.by)));
    }
    if comment.is_empty() {
        return Err(Refusal::field("comment", "Say what you found; it stays on record."));
    }
    if comment.len() > LONGEST_COMMENT {
        return Err(Refusal::field("comment", format!("At most {LONGEST_COMMENT} bytes.")));
    }
    db::overrides::sign(&tx, id, &actor.name, comment, now).await?;
    let entry = db::audit::Entry {
        actor: actor.name.as_str(),
        action: "deployment.override_signed",
        subject: format!("deployment {id}"),
        facts: json!({ "who": broken.who, "comment": comment }),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// Who has not been heard is asked again, once a day.
pub async fn remind(app: &App) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    if !db::rounds::claim(&tx, db::rounds::Round::Overrides, jiff::SignedDuration::from_hours(24), now)
        .await?
    {
        tx.commit().await?;
        return Ok(());
    }
    for broken in db::overrides::list_unsigned(&tx).await? {
        // One of this hour was just told.
        if now.duration_since(broken.at) >= jiff::SignedDuration::from_hours(1) {
            let notice = Notice::OverrideUnsigned { deployment: broken.deployment };
            db::outbox::put(&tx, &notice, None, now).await?;
        }
    }
    tx.commit().await?;
    app.wake.outbox.notify_one();
    Ok(())
}
