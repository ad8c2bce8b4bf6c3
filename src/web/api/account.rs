//! Who am I, and what may I.

use std::collections::BTreeSet;

use serde_json::json;

use super::answer::Answer;
use super::bearer::Bearer;
use super::problem::Problem;
use super::query::Query;
use crate::domain::permission::{Grant, Pattern, Permission};

#[rocket::get("/account")]
pub fn account(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    let (actor, token) = (bearer.actor(), &bearer.held.token);
    let access = &actor.access;
    let grants = access.grants.iter().map(|grant| {
        json!({
            "permission": grant.permission,
            "application": grant.application,
            "environment": grant.environment,
            "words": words(grant),
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
        "token": {
            "id": token.id,
            "user": actor.name,
            "name": token.name,
            "expires_at": token.expires_at,
            "last_used_at": token.last_used_at,
        },
    }))
}

fn words(grant: &Grant) -> String {
    let what = match grant.permission {
        Permission::Read => "read",
        Permission::Request => "read and request releases of",
        Permission::DeployInWindow => "read, request and, within its windows, deploy",
        Permission::Deploy => "read, request and at any time deploy",
        Permission::Review => "read and review releases of",
    };
    let application = match &grant.application {
        Pattern::All => "every application".to_owned(),
        Pattern::Only(name) => name.to_string(),
    };
    let environment = match &grant.environment {
        Pattern::All => "every environment".to_owned(),
        Pattern::Only(name) => name.to_string(),
    };
    format!("may {what} {application} in {environment}")
}
