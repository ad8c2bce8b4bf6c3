//! Somebody is added by name before they ever signed in: a bot, or a first
//! administrator. Roles given here stay when a fleet file is applied (rules.md 32).
//!
//! A name alone may still be taken by whoever signs in under it first, at GitHub
//! too (rules.md 29). With a password it belongs to somebody local from then on.

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;

use super::edit_person::address;
use super::{App, Refusal};
use crate::db::{self, Tx};
use crate::domain::name::Name;
use crate::domain::person::{ADMIN_ROLE, Identity, LOCAL, MemberKind, Person, RoleMember, may_be_called};

/// What gave the role; `apply` takes back only what a fleet file gave.
const SOURCE: &str = "command";

#[derive(Debug)]
pub struct Wanted<'a> {
    pub name: &'a Name,
    pub role: Option<&'a Name>,
    pub password: Option<SecretString>,
    /// The address that they are written to, by the word of whoever runs this.
    pub mail: Option<&'a str>,
}

/// What of it was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    pub added: bool,
    pub given_role: bool,
    pub set_password: bool,
}

pub async fn add_person(app: &App, by: &str, wanted: Wanted<'_>) -> Result<Done, Refusal> {
    let name = wanted.name;
    let mail = wanted.mail.map(address).transpose()?;
    let hash = match wanted.password {
        Some(password) => Some(app.passwords.hash("password", password).await?),
        None => None,
    };
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let known = db::people::find_by_name(&tx, name).await?;
    let added = known.is_none();
    let person = match known {
        Some(person) if person.disabled => {
            return Err(Refusal::Conflict(format!("{name} is disabled.")));
        }
        Some(person) => person,
        None => add(app, &tx, by, name, now).await?,
    };
    let given_role = match wanted.role {
        Some(role) => give(app, &tx, by, name, role, SOURCE).await?,
        None => false,
    };
    if let Some(hash) = &hash {
        make_local(&tx, &person).await?;
        db::people::set_password_hash(&tx, person.id, hash).await?;
        db::sessions::end_all_of(&tx, person.id, now).await?;
        db::tokens::revoke_sign_ins_of(&tx, person.id, now).await?;
        record(app, &tx, by, "person.password_set", name, json!({})).await?;
    }
    if let Some(mail) = &mail {
        db::people::set_given_mail(&tx, person.id, Some(mail)).await?;
        record(app, &tx, by, "person.mail_set", name, json!({ "mail": mail })).await?;
    }
    tx.commit().await?;
    Ok(Done { added, given_role, set_password: hash.is_some() })
}

pub(super) async fn add(
    app: &App,
    tx: &Tx,
    by: &str,
    name: &Name,
    now: Timestamp,
) -> Result<Person, Refusal> {
    if !may_be_called(name) {
        return Err(Refusal::field("name", format!("The record calls by {name} what no person did.")));
    }
    let id = db::people::insert(tx, name, None, now).await?;
    record(app, tx, by, "person.added", name, json!({})).await?;
    db::people::find(tx, id).await?.ok_or(Refusal::NotFound)
}

/// False when they hold it already, whoever gave it.
pub(super) async fn give(
    app: &App,
    tx: &Tx,
    by: &str,
    name: &Name,
    role: &Name,
    source: &str,
) -> Result<bool, Refusal> {
    let roles = db::fleet::load_roles(tx).await?;
    if role.as_str() != ADMIN_ROLE && !roles.iter().any(|known| &known.name == role) {
        return Err(Refusal::field("role", format!("There is no role {role}.")));
    }
    let member = RoleMember {
        role: role.clone(),
        kind: MemberKind::User,
        member: name.to_string(),
        source: source.to_owned(),
    };
    if db::people::list_all_members(tx).await?.contains(&member) {
        return Ok(false);
    }
    db::people::add_member(tx, &member).await?;
    record(app, tx, by, "role.given", name, json!({ "role": role })).await?;
    Ok(true)
}

/// Only a name that nobody is bound to, or somebody local, may have a password.
pub(super) async fn make_local(tx: &Tx, person: &Person) -> Result<(), Refusal> {
    let name = &person.name;
    if let Some(identity) = &person.identity {
        return if identity.provider == LOCAL {
            Ok(())
        } else {
            Err(Refusal::Conflict(format!("{name} signs in with {}.", identity.provider)))
        };
    }
    let elsewhere = format!("github:{name}");
    let members = db::people::list_all_members(tx).await?;
    if members.iter().any(|member| member.kind == MemberKind::User && member.member == elsewhere) {
        return Err(Refusal::Conflict(format!("The name {name} is reserved for GitHub.")));
    }
    let identity = Identity { provider: LOCAL.to_owned(), subject: name.to_string() };
    Ok(db::people::bind(tx, person.id, &identity).await?)
}

pub(super) async fn record(
    app: &App,
    tx: &Tx,
    by: &str,
    action: &str,
    name: &Name,
    facts: serde_json::Value,
) -> Result<(), Refusal> {
    let entry = db::audit::Entry { actor: by, action, subject: format!("person {name}"), facts };
    db::audit::append(tx, &app.keys, app.clock.now(), entry).await?;
    Ok(())
}
