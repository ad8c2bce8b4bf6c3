//! `apply` and `export`: the fleet as a file.

use std::path::PathBuf;

use clap::Args;

use super::{Failed, actor, say};
use crate::app::App;
use crate::app::apply_fleet::{ApplyError, Options, apply_fleet, export_fleet};
use crate::domain::document;

#[derive(Debug, Args)]
pub struct Apply {
    /// The fleet file
    #[arg(value_name = "FLEET.json")]
    file: PathBuf,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Remove what the file does not name
    #[arg(long)]
    prune: bool,
}

pub async fn apply(app: &App, arguments: &Apply) -> Result<(), Failed> {
    let file = arguments.file.display();
    let nothing_changed = "nothing was changed";
    let whole = |message: String| Failed(vec![format!("{file}: {message}"), nothing_changed.to_owned()]);
    let text = std::fs::read_to_string(&arguments.file)
        .map_err(|error| whole(format!("cannot be read: {error}")))?;
    let document = document::from_text(&text).map_err(whole)?;
    let options = Options { dry_run: arguments.dry_run, prune: arguments.prune };
    let changes = match apply_fleet(app, &actor(), &document, options).await {
        Ok(changes) => changes,
        Err(ApplyError::Invalid(problems)) => {
            let mut lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            lines.push(nothing_changed.to_owned());
            return Err(Failed(lines));
        }
        Err(ApplyError::Refused(refusal)) => {
            return Err(Failed(vec![refusal.to_string(), nothing_changed.to_owned()]));
        }
    };
    for change in &changes {
        say(&change.to_string())?;
    }
    match (changes.is_empty(), arguments.dry_run) {
        (true, _) => say("nothing to change"),
        (false, true) => say("this was a dry run: nothing was changed"),
        (false, false) => Ok(()),
    }
}

pub async fn export(app: &App) -> Result<(), Failed> {
    let text = export_fleet(app).await?;
    say(text.trim_end())
}
