//! Who am I, and what may I.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answer::Answer;
use super::bearer::Bearer;
use super::problem::Problem;
use super::query::Query;
use super::tokens::token_view;

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
