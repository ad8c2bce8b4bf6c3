//! `freeze` and `unfreeze`: for the moment in which the pages are not at hand.

use clap::{Args, ValueEnum};

use super::{Failed, actor, say};
use crate::app::App;
use crate::app::freeze::{By, Wanted, lift, set};
use crate::domain::freeze::{Edge, Frozen, Level, instant};
use crate::domain::name::Name;

#[derive(Debug, Args)]
pub struct Freeze {
    /// Only this application [default: every one]
    #[arg(long, value_name = "NAME")]
    application: Option<String>,
    /// Only this environment; without an application, that of every one
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Whether it holds starts up, or only says something
    #[arg(long, value_enum, default_value_t)]
    level: LevelArgument,
    /// When it begins, as 2026-12-24T08:00Z, or 2026-12-24 08:00 by the clocks of the
    /// configured timezone [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// When it ends [default: when it is lifted]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Everybody who is held up reads it
    reason: String,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum LevelArgument {
    #[default]
    Lock,
    Warning,
}

#[derive(Debug, Args)]
pub struct Unfreeze {
    /// The number that `freeze` printed
    id: i64,
}

pub async fn freeze(app: &App, arguments: Freeze) -> Result<(), Failed> {
    let name = |text: Option<String>| {
        text.map(|text| Name::parse(&text).map_err(|error| Failed::one(format!("the name {text:?} {error}"))))
            .transpose()
    };
    let zone = &app.config.timezone;
    let time = |option: &str, edge: Edge, text: Option<String>| {
        text.map(|text| instant(&text, zone, edge).map_err(|why| Failed::one(format!("--{option} {why}"))))
            .transpose()
    };
    let wanted = Wanted {
        on: Frozen { application: name(arguments.application)?, environment: name(arguments.environment)? },
        level: match arguments.level {
            LevelArgument::Lock => Level::Lock,
            LevelArgument::Warning => Level::Warning,
        },
        from: time("from", Edge::From, arguments.from)?,
        until: time("until", Edge::Until, arguments.until)?,
        reason: arguments.reason,
    };
    let id = set(app, By::Command(&actor()), wanted).await?;
    say(&id.to_string())
}

pub async fn unfreeze(app: &App, arguments: &Unfreeze) -> Result<(), Failed> {
    use crate::app::Refusal;
    match lift(app, By::Command(&actor()), arguments.id, None).await {
        Err(Refusal::NotFound) => Err(Failed::one(format!("there is no freeze {}", arguments.id))),
        other => Ok(other?),
    }
}
