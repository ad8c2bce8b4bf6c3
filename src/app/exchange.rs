//! A session that somebody has elsewhere, exchanged for one here: the operator's
//! verifier says whose it is, and that account must be one that an administrator gave
//! to a person (`external_id`). Nobody is made by it.

use jiff::SignedDuration;
use serde_json::json;

use super::{App, Refusal, session, tokens};
use crate::db;
use crate::domain::person::Person;
use crate::verifier::{self, VerifierError};

const HOW: &str = "session";
/// When a place among those that are verified may be free again.
const BUSY_FOR: SignedDuration = SignedDuration::from_secs(10);
const LONGEST_ID: usize = 4096;

/// A session's secret; `None` where the id is nobody's here.
pub async fn sign_in(app: &App, id: &str, before: Option<i64>) -> Result<Option<String>, Refusal> {
    let Some(account) = account(app, id).await? else { return Ok(None) };
    let tx = app.db.begin().await?;
    let Some(person) = person(&tx, &account).await? else { return Ok(None) };
    let facts = json!({ "provider": HOW, "account": account });
    let secret = session::begin(app, &tx, &person, (HOW, facts), before).await?;
    tx.commit().await?;
    Ok(Some(secret))
}

/// A token for half an hour, for programs.
pub async fn token(app: &App, id: &str) -> Result<Option<tokens::Short>, Refusal> {
    let Some(account) = account(app, id).await? else { return Ok(None) };
    let tx = app.db.begin().await?;
    let Some(person) = person(&tx, &account).await? else { return Ok(None) };
    let token = tokens::of_sign_in(app, &tx, &person, "sign-in by a session elsewhere").await?;
    tx.commit().await?;
    Ok(Some(token))
}

async fn account(app: &App, id: &str) -> Result<Option<String>, Refusal> {
    let Some(config) = &app.config.session_verifier else {
        return Err(Refusal::Conflict("No verifier of sessions is configured here.".to_owned()));
    };
    if id.is_empty() || id.len() > LONGEST_ID || id.chars().any(char::is_control) {
        return Ok(None);
    }
    match verifier::ask(&config.source, id).await {
        Ok(account) => Ok(account),
        Err(error @ VerifierError::Busy) => Err(Refusal::too_many(error.to_string(), BUSY_FOR)),
        Err(error) => {
            tracing::error!(%error, "the verifier of sessions cannot be asked");
            Err(Refusal::Unavailable("Sessions cannot be verified just now.".to_owned()))
        }
    }
}

async fn person(tx: &db::Tx, account: &str) -> Result<Option<Person>, Refusal> {
    let person = db::people::find_by_external_id(tx, account).await?;
    Ok(person.filter(|person| !person.disabled))
}
