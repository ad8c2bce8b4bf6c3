//! What people do to their own account: another password, an end to their other
//! sessions. Never in another's name, and never by a bounded token (rules.md 31).

use secrecy::SecretString;
use serde_json::json;

use super::session::{self, SignedIn};
use super::{App, Refusal, access, add_person::record};
use crate::db::{self, sessions::Session};
use crate::domain::actor::Actor;
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

/// What asks, and goes on where everything else that came of a sign-in ends.
#[derive(Debug, Clone, Copy)]
pub enum Asking<'a> {
    Session(&'a SignedIn),
    /// A program's, by the number of its token.
    Token(&'a Actor, i64),
}

impl Asking<'_> {
    fn actor(&self) -> &Actor {
        match self {
            Asking::Session(signed_in) => &signed_in.actor,
            Asking::Token(actor, _) => actor,
        }
    }

    async fn end_others(&self, app: &App, tx: &db::Tx) -> Result<(), Refusal> {
        let (id, now) = (self.actor().id, app.clock.now());
        match self {
            Asking::Session(signed_in) => {
                db::sessions::end_others_of(tx, id, signed_in.session, now).await?;
                db::tokens::revoke_sign_ins_of(tx, id, now).await?;
            }
            Asking::Token(_, token) => {
                db::sessions::end_all_of(tx, id, now).await?;
                db::tokens::revoke_other_sign_ins_of(tx, id, *token, now).await?;
            }
        }
        Ok(())
    }
}

/// Needs the old password; ends every other session, and renews the one that asks. Gives
/// its new secret.
pub async fn change_password(
    app: &App,
    asking: Asking<'_>,
    old: &SecretString,
    new: SecretString,
) -> Result<Option<String>, Refusal> {
    let actor = asking.actor();
    access::in_person(actor)?;
    let known = db::people::password_hash(&app.db, actor.id).await?;
    let Some(known) = known else {
        return Err(Refusal::Conflict("You sign in without a password of Countersign's.".to_owned()));
    };
    if !app.passwords.fits(old, Some(known.clone())).await? {
        return Err(Refusal::field("old", "This is not your password."));
    }
    let hash = app.passwords.hash("new", new).await?;
    let tx = app.db.begin().await?;
    if db::people::password_hash(&tx, actor.id).await?.as_ref() != Some(&known) {
        return Err(Refusal::Conflict("Your password was changed meanwhile.".to_owned()));
    }
    db::people::set_password_hash(&tx, actor.id, &hash).await?;
    asking.end_others(app, &tx).await?;
    let secret = match asking {
        Asking::Session(signed_in) => Some(session::renew(app, &tx, signed_in).await?),
        Asking::Token(..) => None,
    };
    record(app, &tx, actor.name.as_str(), "person.password_set", &actor.name, json!({ "own": true })).await?;
    tx.commit().await?;
    Ok(secret)
}

/// Only a wrong old password is a guess, for whoever counts them.
pub fn is_guess<T>(changed: &Result<T, Refusal>) -> bool {
    matches!(changed, Err(Refusal::Invalid(wrong)) if wrong.iter().any(|wrong| wrong.field == "old"))
}

pub async fn end_other_sessions(app: &App, asking: Asking<'_>) -> Result<(), Refusal> {
    let actor = asking.actor();
    access::in_person(actor)?;
    let tx = app.db.begin().await?;
    asking.end_others(app, &tx).await?;
    record(app, &tx, actor.name.as_str(), "person.sessions_ended", &actor.name, json!({ "own": true }))
        .await?;
    tx.commit().await?;
    Ok(())
}
