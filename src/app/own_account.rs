//! What people do to their own account: another password, an end to their other
//! sessions. Never in another's name, and never by a bounded token (rules.md 31).

use secrecy::SecretString;
use serde_json::json;

use super::session::{self, SignedIn};
use super::{App, Refusal, access, add_person::record};
use crate::db::{self, sessions::Session};
use crate::domain::person::{Identity, Person};

/// What somebody's account page shows of their ways in.
#[derive(Debug)]
pub struct Ways {
    pub person: Person,
    pub linked: Vec<Identity>,
    /// Newest first.
    pub sessions: Vec<Session>,
}

pub async fn ways(app: &App, signed_in: &SignedIn) -> Result<Ways, Refusal> {
    let id = signed_in.actor.id;
    let person = db::people::find(&app.db, id).await?.ok_or(Refusal::SignedOut)?;
    let linked = db::identities::list_of(&app.db, id).await?;
    let sessions = db::sessions::list_of(&app.db, id, app.clock.now()).await?;
    Ok(Ways { person, linked, sessions })
}

/// Needs the old password; ends every other session, and renews this one. Gives its
/// new secret.
pub async fn change_password(
    app: &App,
    signed_in: &SignedIn,
    old: &SecretString,
    new: SecretString,
) -> Result<String, Refusal> {
    let actor = &signed_in.actor;
    access::in_person(actor)?;
    let known = db::people::password_hash(&app.db, actor.id).await?;
    let Some(known) = known else {
        return Err(Refusal::Conflict("You sign in without a password of Countersign's.".to_owned()));
    };
    if !app.passwords.fits(old, Some(known.clone())).await? {
        return Err(Refusal::field("old", "This is not your password."));
    }
    let hash = app.passwords.hash("new", new).await?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    if db::people::password_hash(&tx, actor.id).await?.as_ref() != Some(&known) {
        return Err(Refusal::Conflict("Your password was changed meanwhile.".to_owned()));
    }
    db::people::set_password_hash(&tx, actor.id, &hash).await?;
    db::sessions::end_others_of(&tx, actor.id, signed_in.session, now).await?;
    db::tokens::revoke_sign_ins_of(&tx, actor.id, now).await?;
    let secret = session::renew(app, &tx, signed_in).await?;
    record(app, &tx, actor.name.as_str(), "person.password_set", &actor.name, json!({ "own": true })).await?;
    tx.commit().await?;
    Ok(secret)
}

pub async fn end_other_sessions(app: &App, signed_in: &SignedIn) -> Result<(), Refusal> {
    let actor = &signed_in.actor;
    access::in_person(actor)?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    db::sessions::end_others_of(&tx, actor.id, signed_in.session, now).await?;
    db::tokens::revoke_sign_ins_of(&tx, actor.id, now).await?;
    record(app, &tx, actor.name.as_str(), "person.sessions_ended", &actor.name, json!({ "own": true }))
        .await?;
    tx.commit().await?;
    Ok(())
}
