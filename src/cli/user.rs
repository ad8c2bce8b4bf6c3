//! `user`: people who are added here, before or without signing in at GitHub.

use std::io::Read as _;

use clap::Subcommand;
use secrecy::SecretString;

use super::{Failed, actor, say};
use crate::app::App;
use crate::app::add_person::{Wanted, add_person};
use crate::domain::name::Name;

#[derive(Debug, Subcommand)]
pub enum User {
    /// Add somebody, or give a role or a new password to somebody who is there
    Add {
        /// Also a name that a fleet file mentions and nobody signed in with yet
        name: Name,
        /// A role that exists; applying a fleet file does not take it back
        #[arg(long, value_name = "ROLE")]
        role: Option<Name>,
        /// Read a password from standard input: its first line, 12 to 1024 bytes
        #[arg(long)]
        password_stdin: bool,
        /// The address that they are mailed at, where GitHub has none that is verified
        #[arg(long, value_name = "ADDRESS")]
        mail: Option<String>,
    },
}

pub async fn user(app: &App, what: &User) -> Result<(), Failed> {
    let User::Add { name, role, password_stdin, mail } = what;
    let password = if *password_stdin { Some(password()?) } else { None };
    let wanted = Wanted { name, role: role.as_ref(), password, mail: mail.as_deref() };
    let done = add_person(app, &actor(), wanted).await?;
    say(&if done.added { format!("added {name}") } else { format!("{name} is there already") })?;
    match role {
        Some(role) if done.given_role => say(&format!("gave {name} the role {role}"))?,
        Some(role) => say(&format!("{name} has the role {role} already"))?,
        None => {}
    }
    if done.set_password {
        say(&format!("set the password of {name}"))?;
    }
    if mail.is_some() {
        say(&format!("set the address of {name}"))?;
    }
    Ok(())
}

/// More than a password may have, so that one that is too long is not cut off unseen.
const LONGEST_INPUT: u64 = 4096;

fn password() -> Result<SecretString, Failed> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(LONGEST_INPUT)
        .read_to_string(&mut text)
        .map_err(|error| Failed::one(format!("stdin: {error}")))?;
    let line = text.split(['\r', '\n']).next().unwrap_or_default();
    Ok(SecretString::from(line))
}
