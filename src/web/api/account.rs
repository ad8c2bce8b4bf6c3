//! Who am I, and what may I; and what is one's own to change.

use std::collections::BTreeSet;

use rocket::State;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, FromBody, Nothing};
use super::problem::Problem;
use super::query::Query;
use super::tokens::token_view;
use crate::app::Refusal;
use crate::app::own_account::{self, Asking};
use crate::domain::document::Reader;
use crate::web::guard::Address;
use crate::web::limit::Limits;

#[rocket::get("/account")]
pub fn account(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    let actor = bearer.actor();
    let access = &actor.access;
    let grants = access.grants.iter().map(|grant| {
        json!({
            "permission": grant.permission,
            "application": grant.application,
            "environment": grant.environment,
            "words": grant.words(),
        })
    });
    // Several roles may give the same.
    let globals: BTreeSet<_> = access.globals.iter().collect();
    Answer::object(&json!({
        "name": actor.name,
        "display": actor.display,
        "roles": access.roles,
        "globals": globals,
        "grants": grants.collect::<Vec<_>>(),
        "acting": access.by,
        "token": match &bearer.token {
            // A token's own person; in another's name, the one who acts.
            Some(token) => token_view(token, access.by.as_ref().unwrap_or(&actor.name)),
            None => Value::Null,
        },
    }))
}

pub struct Passwords {
    old: SecretString,
    new: SecretString,
}

impl FromBody for Passwords {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let old = r.required("old", str::parse::<String>);
        let new = r.required("new", str::parse::<String>);
        Some(Self { old: SecretString::from(old?), new: SecretString::from(new?) })
    }
}

fn asking<'a>(bearer: &'a Bearer<'_>) -> Result<Asking<'a>, Refusal> {
    let token = bearer.token.as_ref().ok_or(Refusal::SignedOut)?;
    Ok(Asking::Token(bearer.actor(), token.id))
}

/// Ends all sessions and what came of a sign-in, but for the token that asks.
#[rocket::put("/account/password", data = "<body>")]
pub async fn password(
    bearer: Bearer<'_>,
    limits: &State<Limits>,
    address: Address,
    query: Query,
    body: Body<Passwords>,
) -> Result<Answer, Problem> {
    query.none()?;
    let (app, Passwords { old, new }) = (bearer.app, body.input);
    // Before the old one is looked at: who may not change it learns nothing of it.
    crate::app::access::in_person(bearer.actor())?;
    let name = bearer.actor().name.to_string();
    let tried = limits.begin_try(address.0, "account/password", Some(&name), &app.clock).await?;
    let changed = own_account::change_password(app, asking(&bearer)?, &old, new).await;
    if !own_account::is_guess(&changed) {
        tried.take_back();
    }
    changed?;
    Ok(Answer::nothing())
}

#[rocket::post("/account/end-sessions", data = "<body>")]
pub async fn end_sessions(bearer: Bearer<'_>, query: Query, body: Body<Nothing>) -> Result<Answer, Problem> {
    query.none()?;
    let act = Box::pin(async {
        own_account::end_other_sessions(bearer.app, asking(&bearer)?).await?;
        Ok(Answer::nothing())
    });
    body.once.answer(&bearer, act).await
}
