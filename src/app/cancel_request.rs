//! Somebody withdraws an open request: its requester, or a reviewer (rules.md 22).

use serde_json::json;

use super::stored_request::{Stored, ended};
use super::{App, Refusal, access};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::permission::Permission;
use crate::domain::request::Request;

pub async fn cancel_request(app: &App, actor: &Actor, id: i64) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = &access::again(&tx, actor).await?;
    let stored = Stored::load(app, &tx, id, now).await?;
    super::review_release::readable(actor, &stored)?;
    let mut request = stored.request;
    if !may_cancel(actor, &request) {
        return Err(Refusal::Forbidden("Only the requester and reviewers may cancel a request.".to_owned()));
    }
    request.state = request.state.clone().cancel(actor.name.clone(), actor.access.by.clone(), now)?;
    db::requests::update(&tx, &request).await?;
    ended(app, &tx, &request, "request.cancelled", &actor.signature(), json!({}), now).await?;
    tx.commit().await?;
    app.wake.outbox.notify_one();
    Ok(())
}

pub fn may_cancel(actor: &Actor, request: &Request) -> bool {
    let (application, environment) = (&request.application, &request.environment);
    actor.owns(&request.requester, Permission::Request, application, environment)
        || actor.access.may(Permission::Review, application, environment)
}
