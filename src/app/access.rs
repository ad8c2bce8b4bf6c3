//! What a person may do, read from the database each time it is asked, and read
//! again from GitHub before a decision or a launch (rules.md 30).

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::{App, Refusal, edit_person, impersonate};
use crate::db::people::Membership;
use crate::db::{self, DbError, Source};
use crate::domain::actor::{Actor, NOBODY};
use crate::domain::deployment::Deployment;
use crate::domain::event::NoteLevel;
use crate::domain::name::Name;
use crate::domain::permission::{Access, GlobalPermission, Lacks};
use crate::domain::person::{self, GITHUB, Person};
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

/// The same actor as they are by now: for the transaction that acts. What bounds them
/// stays, and who acts for another must still be allowed to.
pub async fn again(source: &impl Source, actor: &Actor) -> Result<Actor, Refusal> {
    let person = db::people::find(source, actor.id).await?.ok_or(Refusal::SignedOut)?;
    let fresh = actor_of(source, person).await?;
    if let Some(by) = &actor.access.by {
        let theirs = access_of_name(source, by).await?;
        impersonate::allowed(&theirs, &fresh)?;
    }
    let access =
        Access { within: actor.access.within.clone(), by: actor.access.by.clone(), ..fresh.access.clone() };
    Ok(Actor { access, ..fresh })
}

/// For the journal of what somebody started in another's name.
pub fn note_of(actor: &Actor) -> Option<(NoteLevel, String)> {
    let by = actor.access.by.as_ref()?;
    Some((NoteLevel::Info, format!("{by} started it, acting for {}.", actor.name)))
}

/// For what nobody does in another's name and no bounded token reaches: the means of
/// getting in, one's own and everybody's (rules.md 31).
pub fn in_person(actor: &Actor) -> Result<(), Refusal> {
    not_in_anothers_name(actor)?;
    if actor.access.within.is_some() {
        return Err(out_of_scope());
    }
    Ok(())
}

/// For what is a person's alone, by whatever token of theirs.
pub fn not_in_anothers_name(actor: &Actor) -> Result<(), Refusal> {
    let Some(by) = &actor.access.by else { return Ok(()) };
    let words = format!("{by} acts for {}; only {} in person may do this.", actor.name, actor.name);
    Err(Refusal::Forbidden(words))
}

/// For what is no matter of those who are not signed in, whatever their role holds:
/// people and the means of getting in are shown to people (rules.md 43).
pub fn signed_in(actor: &Actor) -> Result<(), Refusal> {
    if actor.is_anonymous() { Err(Refusal::SignedOut) } else { Ok(()) }
}

pub(super) fn out_of_scope() -> Refusal {
    Refusal::Forbidden("The scope of this token does not reach this.".to_owned())
}

/// For what only administrators do.
pub fn administers(actor: &Actor) -> Result<(), Refusal> {
    signed_in(actor)?;
    match actor.access.lacks_everywhere(GlobalPermission::Admin) {
        None => Ok(()),
        Some(Lacks::Scope) => Err(out_of_scope()),
        Some(Lacks::Right | Lacks::Person) => {
            Err(Refusal::Forbidden("Only an administrator may do this.".to_owned()))
        }
    }
}

/// The same, as they are by now: for the transaction that acts.
pub async fn still_administers(source: &impl Source, actor: &Actor) -> Result<Actor, Refusal> {
    let actor = again(source, actor).await?;
    administers(&actor)?;
    Ok(actor)
}

/// For what administrators do, and who may read everything may see.
pub fn oversees(actor: &Actor) -> Result<(), Refusal> {
    signed_in(actor)?;
    match actor.access.lacks_everywhere(GlobalPermission::ReadAll) {
        None => Ok(()),
        Some(Lacks::Scope) => Err(out_of_scope()),
        Some(Lacks::Right | Lacks::Person) => {
            Err(Refusal::Forbidden("Only an administrator may see this.".to_owned()))
        }
    }
}

/// Who is not signed in, where the configuration lets them read (rules.md 43).
pub async fn anonymous(app: &App) -> Result<Option<Actor>, Refusal> {
    let Some(role) = &app.config.anonymous_role else { return Ok(None) };
    let roles = db::fleet::load_roles(&app.db).await?;
    let Some(role) = roles.into_iter().find(|known| &known.name == role) else {
        tracing::warn!(%role, "there is no such role for the anonymous; they read nothing");
        return Ok(None);
    };
    let access = Access { globals: role.global, grants: role.grants, ..Access::default() };
    let name = Name::parse(NOBODY).map_err(|error| Refusal::Internal(error.to_string()))?;
    Ok(Some(Actor {
        id: Actor::ANONYMOUS,
        name,
        display: "Not signed in".to_owned(),
        access: access.reading_only(),
    }))
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

/// The rights of whoever a run rests on, as they are when it begins: by now, within
/// what it was started with, and for who acts for another only while they still may.
pub async fn as_started(
    source: &impl Source,
    name: &Name,
    deployment: &Deployment,
) -> Result<Access, Refusal> {
    let Some(person) = db::people::find_by_name(source, name).await? else { return Ok(Access::default()) };
    let fresh = actor_of(source, person).await?;
    if let Some(by) = &deployment.acted_by {
        impersonate::allowed(&access_of_name(source, by).await?, &fresh)?;
    }
    let (within, by) = (deployment.within.clone(), deployment.acted_by.clone());
    Ok(Access { within, by, ..fresh.access })
}

/// Reads them again for everybody an act rests on; gives those who had to be believed.
pub async fn refresh_all(app: &App, people: &[Name]) -> Result<Vec<Believed>, Refusal> {
    let mut believed = Vec::new();
    for (place, name) in people.iter().enumerate() {
        if people[..place].contains(name) {
            continue;
        }
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
    // Who signs in meanwhile has another token, which is asked with then.
    for _ in 0..TRIES {
        match ask_github(app, name).await? {
            Asked::Known => return Ok(None),
            Asked::Believed(since) => return Ok(Some(since)),
            Asked::Unknown { why, .. } => return Err(Refusal::Unavailable(why)),
            Asked::Outdated => {}
        }
    }
    Err(Refusal::Unavailable(format!("{name} signs in just now. Try again in a moment.")))
}

const TRIES: usize = 3;

enum Asked {
    Known,
    Believed(Timestamp),
    /// The answer is of a token that they no longer have.
    Outdated,
    /// Nothing can be said of them now: GitHub was silent for too long, or gave an answer
    /// that is neither yes nor no, which is no silence.
    Unknown {
        why: String,
        silent: bool,
    },
}

async fn ask_github(app: &App, name: &Name) -> Result<Asked, Refusal> {
    let Some(person) = db::people::find_by_name(&app.db, name).await? else { return Ok(Asked::Known) };
    if !person.is_from(GITHUB) || person.disabled {
        return Ok(Asked::Known);
    }
    let now = app.clock.now();
    let token = person.github_token.as_deref().and_then(|sealed| app.keys.open(TOKEN_PURPOSE, sealed));
    let Some(token) = token.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return store(app, &person, Membership::Lost, now).await;
    };
    match app.github.membership(&SecretString::from(token)).await {
        Ok(membership) => {
            let answer = Membership::Is { teams: &membership.teams, member: membership.member };
            store(app, &person, answer, now).await
        }
        // Nothing shows that they are still a member.
        Err(GitHubError::Revoked) => store(app, &person, Membership::Lost, now).await,
        Err(error) if !error.is_outage() => {
            tracing::warn!(person = %person.name, %error, "membership could not be read again");
            let why = format!("What {} may cannot be read again. {error}", person.name);
            Ok(Asked::Unknown { why, silent: false })
        }
        Err(error) if now.duration_since(person.membership_at) <= BELIEVED => {
            tracing::warn!(person = %person.name, %error, "membership could not be read again; the last fact is used");
            Ok(Asked::Believed(person.membership_at))
        }
        Err(error) => {
            tracing::warn!(person = %person.name, %error, "membership is too old to be believed");
            let why = format!(
                "GitHub does not answer, and what it last said of {} is more than a day old.",
                person.name
            );
            Ok(Asked::Unknown { why, silent: true })
        }
    }
}

/// For the token that was asked with, and no other.
async fn store(app: &App, person: &Person, answer: Membership<'_>, now: Timestamp) -> Result<Asked, Refusal> {
    let asked_with = person.github_token.as_deref();
    let tx = app.db.begin().await?;
    let is_theirs = db::people::set_membership(&tx, person.id, asked_with, answer, now).await?;
    tx.commit().await?;
    Ok(if is_theirs { Asked::Known } else { Asked::Outdated })
}

/// What GitHub said longer ago than this is asked again by housekeeping.
const OLD: SignedDuration = SignedDuration::from_hours(1);
/// In one round: GitHub counts what it is asked.
const AT_ONCE: usize = 10;
const LISTED: u64 = 50;

/// Reads again what is old of whoever may still come in, a few at a time. The first
/// silence of GitHub ends the round; an answer about one person that is of no use does not.
pub async fn refresh_old(app: &App) -> Result<(), Refusal> {
    let mut known = 0;
    for person in db::people::list_stale(&app.db, app.clock.now() - OLD, LISTED).await? {
        match ask_github(app, &person.name).await? {
            Asked::Known => known += 1,
            Asked::Outdated | Asked::Unknown { silent: false, .. } => {}
            Asked::Believed(_) | Asked::Unknown { silent: true, .. } => break,
        }
        if known == AT_ONCE {
            break;
        }
    }
    Ok(())
}

/// Disables a person: their sessions and tokens end with the same act (security.md 10).
pub async fn disable(app: &App, actor: &Actor, name: &Name) -> Result<(), Refusal> {
    edit_person::edit(app, actor, name, None, vec![edit_person::Change::Disable]).await.map(|_| ())
}

/// The token as it is stored.
pub fn seal_token(app: &App, token: &SecretString) -> Vec<u8> {
    app.keys.seal(TOKEN_PURPOSE, token.expose_secret().as_bytes())
}
