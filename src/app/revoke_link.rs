//! Somebody wants a launch link gone: it leaked, or the start is to wait. The approval
//! stands, and while it does the requester may have a new one made.

use serde_json::json;

use super::stored_request::Stored;
use super::{App, Refusal, access};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::link::Purpose;
use crate::domain::notice::Notice;
use crate::domain::permission::Permission;
use crate::domain::request::{LinkState, Request, RequestWord};

pub async fn revoke_link(app: &App, actor: &Actor, id: i64) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = &access::again(&tx, actor).await?;
    let stored = Stored::load(app, &tx, id, now).await?;
    super::review_release::readable(actor, &stored)?;
    // It takes away what was made for somebody (rules.md 31).
    access::not_in_anothers_name(actor)?;
    if !may_revoke(actor, &stored.request) {
        return Err(Refusal::Forbidden(
            "Only the requester, reviewers and who may deploy here may revoke a link.".to_owned(),
        ));
    }
    let link = db::links::find_latest(&tx, Purpose::Launch, id).await?;
    let works = |state| matches!(state, LinkState::Unused | LinkState::Early);
    let link = link
        .filter(|link| stored.request.state.word() == RequestWord::Accepted && works(link.facts.state(now)));
    let link = link.ok_or_else(|| Refusal::Conflict("No link of this request works.".to_owned()))?;
    db::links::revoke_by(&tx, link.id, &actor.name, now).await?;
    let entry = db::audit::Entry {
        actor: &actor.signature(),
        action: "link.revoked",
        subject: format!("request {id}"),
        facts: json!({ "link": link.id }),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    if actor.name != stored.request.requester {
        db::outbox::put(&tx, &Notice::LinkRevoked { request: id, link: link.id }, None, now).await?;
    }
    tx.commit().await?;
    app.wake.outbox.notify_one();
    Ok(())
}

pub fn may_revoke(actor: &Actor, request: &Request) -> bool {
    let (application, environment) = (&request.application, &request.environment);
    let may = |permission| actor.access.may(permission, application, environment);
    actor.owns(&request.requester, Permission::Request, application, environment)
        || may(Permission::Review)
        || may(Permission::DeployInWindow)
}
