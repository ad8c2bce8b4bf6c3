//! The requester asks for a new launch link while the approval stands; the old
//! one is revoked with it (rules.md 4).

use serde_json::json;

use super::stored_request::{Stored, issue_launch_link};
use super::{App, Refusal, access};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::permission::Permission;
use crate::domain::request::{Request, RequestState, RequestWord};

pub async fn reissue_link(app: &App, actor: &Actor, request: i64) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = &access::again(&tx, actor).await?;
    let stored = Stored::load(app, &tx, request, now).await?;
    super::review_release::readable(actor, &stored)?;
    let Request { requester, application, environment, .. } = &stored.request;
    let theirs = actor.owns(requester, Permission::Request, application, environment);
    // It takes the place of a link that somebody else may be about to use (rules.md 31).
    if !theirs || actor.access.by.is_some() {
        return Err(Refusal::Forbidden(format!("Only {requester} may have a new link made.")));
    }
    match &stored.request.state {
        RequestState::Accepted { stands_until, .. } if now < *stands_until => {}
        other if other.word() == RequestWord::Accepted => {
            return Err(Refusal::Conflict("The approval has run out. Ask for the release again.".to_owned()));
        }
        other => {
            return Err(Refusal::Conflict(format!(
                "The request is {}; only an accepted one has a link.",
                other.word().word().replace('_', " ")
            )));
        }
    }
    issue_launch_link(app, &tx, &stored, now).await?;
    let entry = db::audit::Entry {
        actor: &actor.signature(),
        action: "link.reissued",
        subject: format!("request {request}"),
        facts: json!({}),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    app.wake.outbox.notify_one();
    Ok(())
}
