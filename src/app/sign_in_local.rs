//! A name and a password of ours, for people and for programs: an unknown name, a
//! wrong password, somebody disabled and somebody without a password get one answer
//! and cost the same (security.md 24).

use secrecy::SecretString;
use serde_json::json;

use super::{App, Refusal, session, tokens};
use crate::db;
use crate::domain::name::Name;
use crate::domain::person::{LOCAL, Person};

/// A session's secret; `None` where name and password do not fit.
pub async fn sign_in(
    app: &App,
    name: &str,
    password: &SecretString,
    before: Option<i64>,
) -> Result<Option<String>, Refusal> {
    let Some((person, hash)) = check(app, name, password).await? else { return Ok(None) };
    let tx = app.db.begin().await?;
    let Some(person) = still(&tx, &person, &hash).await? else { return Ok(None) };
    let secret = session::begin(app, &tx, &person, (LOCAL, json!({ "provider": LOCAL })), before).await?;
    tx.commit().await?;
    Ok(Some(secret))
}

/// A token for half an hour, for programs.
pub async fn token(app: &App, name: &str, password: &SecretString) -> Result<Option<tokens::Short>, Refusal> {
    let Some((person, hash)) = check(app, name, password).await? else { return Ok(None) };
    let tx = app.db.begin().await?;
    let Some(person) = still(&tx, &person, &hash).await? else { return Ok(None) };
    let token = tokens::of_sign_in(app, &tx, &person, "sign-in by password").await?;
    tx.commit().await?;
    Ok(Some(token))
}

/// Whose password it is, with the hash that it fitted. The one hash is computed in
/// any case; what is read before is the same for all.
async fn check(app: &App, name: &str, password: &SecretString) -> Result<Option<(Person, String)>, Refusal> {
    // GitHub's own names are written in any case; here there is one way to write them.
    let person = match Name::parse(&name.trim().to_ascii_lowercase()) {
        Ok(name) => db::people::find_by_name(&app.db, &name).await?,
        Err(_) => None,
    };
    let person = person.filter(|person| !person.disabled && person.is_from(LOCAL));
    let hash = match &person {
        Some(person) => db::people::password_hash(&app.db, person.id).await?,
        None => None,
    };
    let fits = app.passwords.fits(password, hash.clone()).await?;
    if !fits {
        tracing::info!("a name and a password did not fit");
    }
    Ok(person.zip(hash).filter(|_| fits))
}

/// They were not disabled, and the password is still this one, as of the transaction.
async fn still(tx: &db::Tx, person: &Person, hash: &str) -> Result<Option<Person>, Refusal> {
    let same = db::people::password_hash(tx, person.id).await?.as_deref() == Some(hash);
    let person = db::people::find(tx, person.id).await?;
    Ok(person.filter(|person| same && !person.disabled))
}
