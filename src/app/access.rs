//! What a person may do, read from the database each time it is asked, and read
//! again from GitHub before a decision or a launch (rules.md 30).

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::{App, Refusal};
use crate::db::{self, DbError, Source};
use crate::domain::actor::Actor;
use crate::domain::event::NoteLevel;
use crate::domain::name::Name;
use crate::domain::permission::Access;
use crate::domain::person::{self, Person};
use crate::github::GitHubError;

/// How long the last known membership is believed while GitHub does not answer.
const BELIEVED: SignedDuration = SignedDuration::from_hours(24);
pub const TOKEN_PURPOSE: &str = "github token";

pub async fn access_of(source: &impl Source, person: &Person) -> Result<Access, DbError> {
    let memberships = db::people::list_memberships(source, person).await?;
    let roles = db::fleet::load_roles(source).await?;
    Ok(person::access(person, &memberships, &roles))
}

pub async fn actor_of(source: &impl Source, person: Person) -> Result<Actor, DbError> {
    let access = access_of(source, &person).await?;
    Ok(Actor { id: person.id, name: person.name, display: person.display, access })
}

/// The rights of somebody who is not here, by name; nobody has none.
pub async fn access_of_name(source: &impl Source, name: &Name) -> Result<Access, DbError> {
    match db::people::find_by_name(source, name).await? {
        Some(person) => access_of(source, &person).await,
        None => Ok(Access::default()),
    }
}

/// Somebody whose rights rest on what GitHub said earlier, since it does not answer now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Believed {
    pub person: Name,
    pub since: Timestamp,
}

impl Believed {
    /// For the journal of what they start (rules.md 30).
    pub fn note(&self) -> (NoteLevel, String) {
        let since = self.since.strftime("%Y-%m-%d %H:%M UTC");
        let words =
            format!("GitHub did not answer; what it said of {} at {since} was believed.", self.person);
        (NoteLevel::Warning, words)
    }
}

/// Reads them again for everybody an act rests on; gives those who had to be believed.
pub async fn refresh_all(app: &App, actor: &Name, approvers: &[Name]) -> Result<Vec<Believed>, Refusal> {
    let mut believed = Vec::new();
    for name in std::iter::once(actor).chain(approvers.iter().filter(|approver| *approver != actor)) {
        if let Some(since) = refresh(app, name).await? {
            believed.push(Believed { person: name.clone(), since });
        }
    }
    Ok(believed)
}

/// Reads membership and teams again and stores them. `Some(since)`: GitHub did
/// not answer, so the last fact is used, and since when it is known. When that is
/// too old nothing is known, which loses nobody a right and starts nothing.
pub async fn refresh(app: &App, name: &Name) -> Result<Option<Timestamp>, Refusal> {
    let Some(person) = db::people::find_by_name(&app.db, name).await? else { return Ok(None) };
    let from_github = person.identity.as_ref().is_some_and(|identity| identity.provider == "github");
    if !from_github || person.disabled {
        return Ok(None);
    }
    let now = app.clock.now();
    let token = person.github_token.as_deref().and_then(|sealed| app.keys.open(TOKEN_PURPOSE, sealed));
    let Some(token) = token.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return lose(app, &person, now).await;
    };
    match app.github.membership(&SecretString::from(token)).await {
        Ok(membership) => {
            let tx = app.db.begin().await?;
            db::people::set_membership(&tx, person.id, &membership.teams, membership.member, now).await?;
            tx.commit().await?;
            Ok(None)
        }
        Err(GitHubError::Revoked) => lose(app, &person, now).await,
        Err(error) if now.duration_since(person.membership_at) <= BELIEVED => {
            tracing::warn!(person = %person.name, %error, "membership could not be read again; the last fact is used");
            Ok(Some(person.membership_at))
        }
        Err(error) => {
            tracing::warn!(person = %person.name, %error, "membership is too old to be believed");
            Err(Refusal::Unavailable(format!(
                "GitHub does not answer, and what it last said of {} is more than a day old.",
                person.name
            )))
        }
    }
}

/// The token no longer opens anything: nothing shows that they are still a member.
async fn lose(app: &App, person: &Person, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let tx = app.db.begin().await?;
    db::people::set_membership(&tx, person.id, &[], false, now).await?;
    db::people::forget_token(&tx, person.id).await?;
    tx.commit().await?;
    Ok(None)
}

/// Disables a person: their sessions and tokens end with the same act (security.md 10).
pub async fn disable(app: &App, actor: &Actor, name: &Name) -> Result<(), Refusal> {
    if !actor.access.is_admin() {
        return Err(Refusal::Forbidden("Only an administrator may disable people.".to_owned()));
    }
    let person = db::people::find_by_name(&app.db, name).await?.ok_or(Refusal::NotFound)?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    db::people::set_disabled(&tx, person.id, Some(now)).await?;
    db::sessions::end_all_of(&tx, person.id, now).await?;
    db::tokens::revoke_all_of(&tx, person.id, now).await?;
    let entry = db::audit::Entry {
        actor: actor.name.as_str(),
        action: "person.disabled",
        subject: format!("person {name}"),
        facts: serde_json::json!({}),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// The token as it is stored.
pub fn seal_token(app: &App, token: &SecretString) -> Vec<u8> {
    app.keys.seal(TOKEN_PURPOSE, token.expose_secret().as_bytes())
}
