//! An administrator changes a person: roles, ways in, whether they may come at all.
//! One use case for pages and API, any number of changes in one transaction, each
//! recorded, and none lost to somebody who edits at the same time.

use secrecy::SecretString;
use serde_json::json;

use super::add_person::{add, give, make_local, record};
use super::{App, Refusal, access, last_admin, sign_in};
use crate::db::{self, DbError, Tx};
use crate::domain::actor::Actor;
use crate::domain::name::{Name, has_visible, is_deceptive};
use crate::domain::person::{
    ADMIN_ROLE, GITHUB, Identity, LOCAL, MemberKind, PROVIDERS, PROXY, Person, RoleMember,
};

/// What gave the roles that pages and API give (rules.md 32).
pub const SOURCE: &str = "page";
const LONGEST_TEXT: usize = 190;
const LONGEST_MAIL: usize = 254;

#[derive(Debug)]
pub enum Change {
    Give(Name),
    Take(Name),
    Disable,
    Enable,
    Password(SecretString),
    ExternalId(Option<String>),
    Display(String),
    /// The address that they are written to; one that GitHub verified comes before it.
    Mail(Option<String>),
    Link(Identity),
    Unlink(Identity),
    EndSessions,
}

/// Somebody new, by name, with what else is said of them.
pub async fn create(app: &App, actor: &Actor, name: &Name, changes: Vec<Change>) -> Result<Person, Refusal> {
    access::administers(actor)?;
    access::in_person(actor)?;
    let now = app.clock.now();
    let changes = hashed(app, changes).await?;
    let tx = app.db.begin().await?;
    let actor = access::still_administers(&tx, actor).await?;
    if db::people::find_by_name(&tx, name).await?.is_some() {
        return Err(Refusal::field("name", format!("The name {name} is somebody's already, for ever.")));
    }
    let person = add(app, &tx, actor.name.as_str(), name, now).await?;
    for change in changes {
        apply(app, &tx, &actor, &person, change).await?;
    }
    let person = db::people::find(&tx, person.id).await?.ok_or(Refusal::NotFound)?;
    tx.commit().await?;
    Ok(person)
}

/// `version` is what the editor saw; without it, what stands now is changed.
pub async fn edit(
    app: &App,
    actor: &Actor,
    name: &Name,
    version: Option<i64>,
    changes: Vec<Change>,
) -> Result<Person, Refusal> {
    access::administers(actor)?;
    access::in_person(actor)?;
    let changes = hashed(app, changes).await?;
    let tx = app.db.begin().await?;
    let actor = access::still_administers(&tx, actor).await?;
    let person = db::people::find_by_name(&tx, name).await?.ok_or(Refusal::NotFound)?;
    if version.is_some_and(|version| version != person.version) {
        return Err(changed_meanwhile(name));
    }
    if changes.is_empty() {
        return Ok(person);
    }
    let before = last_admin::Before::read(&tx).await?;
    db::people::next_version(&tx, person.id, person.version).await.map_err(|error| match error {
        DbError::Conflict(_) => changed_meanwhile(name),
        other => other.into(),
    })?;
    for change in changes {
        apply(app, &tx, &actor, &person, change).await?;
    }
    if let Some(words) = before.refuse_lockout(&tx, &actor).await? {
        return Err(Refusal::Conflict(format!("Nothing was changed: {words}.")));
    }
    let person = db::people::find(&tx, person.id).await?.ok_or(Refusal::NotFound)?;
    tx.commit().await?;
    Ok(person)
}

fn changed_meanwhile(name: &Name) -> Refusal {
    Refusal::Conflict(format!("Somebody else changed {name} meanwhile. Nothing of yours was saved."))
}

/// A change that is ready for the transaction: hashing takes its time.
enum Ready {
    Password(String),
    Other(Change),
}

async fn hashed(app: &App, changes: Vec<Change>) -> Result<Vec<Ready>, Refusal> {
    let mut ready = Vec::with_capacity(changes.len());
    for change in changes {
        ready.push(match change {
            Change::Password(password) => Ready::Password(app.passwords.hash("password", password).await?),
            other => Ready::Other(other),
        });
    }
    Ok(ready)
}

async fn apply(app: &App, tx: &Tx, actor: &Actor, person: &Person, change: Ready) -> Result<(), Refusal> {
    let (by, name, now) = (actor.name.as_str(), &person.name, app.clock.now());
    let (action, facts) = match change {
        Ready::Password(hash) => {
            make_local(tx, person).await?;
            db::people::set_password_hash(tx, person.id, &hash).await?;
            end_everything(app, tx, person).await?;
            ("person.password_set", json!({}))
        }
        Ready::Other(Change::Password(_)) => {
            return Err(Refusal::Internal("an unhashed password".to_owned()));
        }
        Ready::Other(Change::Give(role)) => {
            give(app, tx, by, name, &role, SOURCE).await?;
            return Ok(());
        }
        Ready::Other(Change::Take(role)) => {
            take(tx, actor, name, &role).await?;
            ("role.taken", json!({ "role": role }))
        }
        Ready::Other(Change::Disable) => {
            if person.id == actor.id {
                return Err(Refusal::Conflict(
                    "Nobody disables themselves; ask another administrator.".to_owned(),
                ));
            }
            db::people::set_disabled(tx, person.id, Some(now)).await?;
            db::sessions::end_all_of(tx, person.id, now).await?;
            db::tokens::revoke_all_of(tx, person.id, now).await?;
            ("person.disabled", json!({}))
        }
        Ready::Other(Change::Enable) => {
            db::people::set_disabled(tx, person.id, None).await?;
            ("person.enabled", json!({}))
        }
        Ready::Other(Change::ExternalId(id)) => {
            let id = id.map(|id| text("external_id", &id)).transpose()?;
            set_external_id(tx, person, id.as_deref()).await?;
            if person.external_id.is_some() && person.external_id != id {
                end_everything(app, tx, person).await?;
            }
            ("person.external_id_set", json!({ "external_id": id }))
        }
        Ready::Other(Change::Display(display)) => {
            let display = text("display", &display)?;
            db::people::set_display(tx, person.id, &display).await?;
            ("person.display_set", json!({ "display": display }))
        }
        Ready::Other(Change::Mail(mail)) => {
            let mail = mail.map(|mail| address(&mail)).transpose()?;
            db::people::set_given_mail(tx, person.id, mail.as_deref()).await?;
            ("person.mail_set", json!({ "mail": mail }))
        }
        Ready::Other(Change::Unlink(identity)) => {
            let facts = json!({ "provider": identity.provider, "subject": identity.subject });
            unlink(tx, person, &identity).await?;
            end_everything(app, tx, person).await?;
            ("person.unlinked", facts)
        }
        Ready::Other(Change::Link(identity)) => {
            let linked = link(app, tx, person, identity).await?;
            ("person.linked", json!({ "provider": linked.provider, "subject": linked.subject }))
        }
        Ready::Other(Change::EndSessions) => {
            end_everything(app, tx, person).await?;
            ("person.sessions_ended", json!({}))
        }
    };
    record(app, tx, by, action, name, facts).await
}

/// What came of a sign-in ends where the way in itself changes.
async fn end_everything(app: &App, tx: &Tx, person: &Person) -> Result<(), Refusal> {
    let now = app.clock.now();
    db::sessions::end_all_of(tx, person.id, now).await?;
    Ok(db::tokens::revoke_sign_ins_of(tx, person.id, now).await?)
}

/// Whoever gave it, as where a role's own form leaves somebody out. What a fleet file
/// gives comes back when that is applied.
async fn take(tx: &Tx, actor: &Actor, name: &Name, role: &Name) -> Result<(), Refusal> {
    if role.as_str() == ADMIN_ROLE && actor.name == *name {
        return Err(Refusal::Conflict("Nobody takes the administration from themselves.".to_owned()));
    }
    let members = db::people::list_all_members(tx).await?;
    let theirs: Vec<&RoleMember> = members
        .iter()
        .filter(|member| &member.role == role && member.kind == MemberKind::User)
        .filter(|member| member.member.rsplit(':').next() == Some(name.as_str()))
        .collect();
    if theirs.is_empty() {
        return Err(Refusal::Conflict(format!("{name} was not given the role {role} by name.")));
    }
    for member in theirs {
        db::people::remove_member(tx, member).await?;
    }
    Ok(())
}

async fn set_external_id(tx: &Tx, person: &Person, id: Option<&str>) -> Result<(), Refusal> {
    let set = db::people::set_external_id(tx, person.id, id).await;
    if matches!(&set, Err(error) if error.is_taken()) {
        return Err(Refusal::field("external_id", "This account is somebody else's already."));
    }
    Ok(set?)
}

/// A further way in, or the first one for a name that nobody was bound to (rules.md 29).
/// Gives it as it is stored.
async fn link(app: &App, tx: &Tx, person: &Person, identity: Identity) -> Result<Identity, Refusal> {
    if !PROVIDERS.contains(&identity.provider.as_str()) {
        return Err(Refusal::field("provider", "This is none of the providers."));
    }
    if identity.provider == LOCAL {
        return Err(Refusal::field("provider", "Set a password instead; that makes a local identity."));
    }
    let subject = subject_of(&identity.provider, &identity.subject)?;
    if let Some(whose) = db::identities::find_person(tx, &identity.provider, &subject).await? {
        return Err(Refusal::field("subject", format!("This identity is {}'s already.", whose.name)));
    }
    let identity = Identity { subject, ..identity };
    match person.identity {
        None if sign_in::is_reserved_elsewhere(tx, &person.name, &identity.provider).await? => {
            let words = format!("A role keeps the name {} for another provider.", person.name);
            return Err(Refusal::field("provider", words));
        }
        None => db::people::bind(tx, person.id, &identity).await?,
        Some(_) => db::identities::link(tx, person.id, &identity, app.clock.now()).await?,
    }
    Ok(identity)
}

/// As the provider says it when somebody comes; anything else would never fit.
fn subject_of(provider: &str, typed: &str) -> Result<String, Refusal> {
    let subject = text("subject", typed)?;
    match provider {
        GITHUB if subject.bytes().all(|b| b.is_ascii_digit()) => Ok(subject),
        GITHUB => {
            Err(Refusal::field("subject", "The number of the account at GitHub, not its name: digits alone."))
        }
        PROXY => Name::parse(&subject.to_ascii_lowercase()).map(String::from).map_err(|error| {
            Refusal::field("subject", format!("The name that the proxy sends: it {error}."))
        }),
        _ => Ok(subject),
    }
}

/// A way in is taken away. Where it was the first one, the next takes its place; the
/// last one stays, since the name would be anybody's then (rules.md 29).
async fn unlink(tx: &Tx, person: &Person, identity: &Identity) -> Result<(), Refusal> {
    if person.identity.as_ref() != Some(identity) {
        let removed = db::identities::unlink(tx, person.id, identity).await?;
        return if removed { Ok(()) } else { Err(Refusal::NotFound) };
    }
    let linked = db::identities::list_of(tx, person.id).await?;
    let Some(next) = linked.first() else {
        let words = format!(
            "It is the only one of {}: link another before, or disable them. The name would be anybody's.",
            person.name
        );
        return Err(Refusal::Conflict(words));
    };
    db::identities::unlink(tx, person.id, next).await?;
    Ok(db::people::change_identity(tx, person.id, next).await?)
}

/// An address as it stands in the head of a mail, without a name.
pub(super) fn address(mail: &str) -> Result<String, Refusal> {
    let mail = mail.trim();
    let found = crate::mail::recipients([mail]);
    match found.mailboxes.first() {
        Some(mailbox) if mailbox.name.is_none() && mail.len() <= LONGEST_MAIL => {
            Ok(mailbox.email.to_string())
        }
        _ => Err(Refusal::field("mail", "An address like somebody@example.com.")),
    }
}

fn text(field: &'static str, text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if !has_visible(text) || text.len() > LONGEST_TEXT || text.chars().any(is_deceptive) {
        return Err(Refusal::field(field, format!("1 to {LONGEST_TEXT} bytes that can be seen.")));
    }
    Ok(text.to_owned())
}
