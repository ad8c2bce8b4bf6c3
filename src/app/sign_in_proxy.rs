//! Somebody whom a reverse proxy of the operator's vouches for, by a header. Whether
//! the header may be believed is the business of whoever read it; here the name
//! becomes a person, by the identity (`proxy`, name), and a session (rules.md 29).

use serde_json::json;

use super::sign_in::{NotIn, bind};
use super::{App, Refusal, session};
use crate::db;
use crate::domain::name::Name;
use crate::domain::person::{Identity, PROXY};

/// Whether the name that the proxy says is this person's.
pub async fn is(app: &App, name: &Name, person: i64) -> Result<bool, Refusal> {
    let found = db::identities::find_person(&app.db, PROXY, name.as_str()).await?;
    Ok(found.is_some_and(|found| found.id == person))
}

/// A new session's secret. `before` is the session that the browser had until now.
pub async fn sign_in(app: &App, name: &Name, before: Option<i64>) -> Result<String, NotIn> {
    let identity = Identity { provider: PROXY.to_owned(), subject: name.to_string() };
    let tx = app.db.begin().await?;
    let person = match db::identities::find_person(&tx, PROXY, name.as_str()).await? {
        Some(person) => person,
        None => bind(app, &tx, name, &identity).await?,
    };
    if person.disabled {
        return Err(NotIn::Disabled { login: name.to_string() });
    }
    let facts = json!({ "provider": PROXY, "subject": name });
    let secret = session::begin(app, &tx, &person, (PROXY, facts), before).await?;
    tx.commit().await?;
    Ok(secret)
}
