//! `token`: how programs get in. Only `create` ever shows a secret, alone on stdout.

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;

use super::{Failed, actor, say};
use crate::app::App;
use crate::app::tokens::{Token, Wanted, create, list, revoke};
use crate::domain::name::Name;
use crate::domain::permission::TokenScope;

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token for somebody and print it; it is shown this once
    Create {
        #[arg(long, value_name = "NAME")]
        user: Name,
        /// How long it lasts
        #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=3650))]
        days: i64,
        /// What it is for, for whoever reads the list
        #[arg(long, value_name = "TEXT", default_value = "command line")]
        name: String,
        /// Bound it, as a role is: `read`, `request`, `deploy_in_window`, `deploy`, `review`, or `admin`, `impersonate`, `read_all`
        #[arg(long = "permission", value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// Where the permissions hold; everywhere without it
        #[arg(long = "application", value_name = "NAME", requires = "permissions")]
        applications: Vec<Name>,
        /// In which environments they hold; in all without it
        #[arg(long = "environment", value_name = "NAME", requires = "permissions")]
        environments: Vec<Name>,
    },
    /// Print somebody's tokens, one a line: number, state, end, last use, name
    List {
        #[arg(long, value_name = "NAME")]
        user: Name,
    },
    /// End a token at once
    Revoke {
        /// Its number, from `token list`
        id: i64,
    },
}

pub async fn token(app: &App, what: &TokenCommand) -> Result<(), Failed> {
    match what {
        TokenCommand::Create { user, days, name, permissions, applications, environments } => {
            let lasts_for = Some(SignedDuration::from_hours(days * 24));
            let scope = TokenScope::of_words(permissions, applications, environments).map_err(Failed::one)?;
            let (_, secret) =
                create(app, &actor(), Wanted { user, name, lasts_for, scope, made_by: None }).await?;
            say(secret.expose_secret())
        }
        TokenCommand::List { user } => {
            let now = app.clock.now();
            for token in list(app, user).await? {
                say(&line(&token, now))?;
            }
            Ok(())
        }
        TokenCommand::Revoke { id } => {
            revoke(app, &actor(), *id).await?;
            say(&format!("revoked token {id}"))
        }
    }
}

fn line(token: &Token, now: Timestamp) -> String {
    let state = match token.revoked_at {
        Some(_) => "revoked",
        None if token.is_usable(now) => "usable",
        None => "expired",
    };
    let end = token.expires_at.map_or_else(|| "never ends".to_owned(), |at| format!("until {}", day(at)));
    let used = token.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {}", day(at)));
    format!("{} {state}, {end}, {used}, {}", token.id, token.name)
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
