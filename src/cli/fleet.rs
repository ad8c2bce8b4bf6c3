//! `apply` and `export`: the fleet as a file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::{Failed, actor, say};
use crate::app::App;
use crate::app::apply_fleet::{Applied, ApplyError, Options, apply_fleet, export_fleet};
use crate::domain::document;
use crate::domain::ics::LARGEST_FILE;

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
    let mut document = document::from_text(&text).map_err(whole)?;
    read_calendars(&mut document, &arguments.file)
        .map_err(|line| Failed(vec![line, nothing_changed.to_owned()]))?;
    let options = Options { dry_run: arguments.dry_run, prune: arguments.prune };
    let Applied { changes, warnings } = match apply_fleet(app, &actor(), &document, options).await {
        Ok(applied) => applied,
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
    for warning in &warnings {
        say(&format!("warning: {warning}"))?;
    }
    match (changes.is_empty(), arguments.dry_run) {
        (true, _) => say("nothing to change"),
        (false, true) => say("this was a dry run: nothing was changed"),
        (false, false) => Ok(()),
    }
}

/// An .ics calendar may lie in a file beside the fleet file: `"ics": "file:holidays.ics"`.
/// Its text takes the place of its name, and is what is stored.
fn read_calendars(document: &mut Value, fleet_file: &Path) -> Result<(), String> {
    let folder = fleet_file.parent().unwrap_or(Path::new(""));
    let calendars = document.get_mut("calendars").and_then(Value::as_array_mut);
    for (place, calendar) in calendars.into_iter().flatten().enumerate() {
        let Some(Value::String(ics)) = calendar.get_mut("ics") else { continue };
        let Some(path) = ics.strip_prefix("file:") else { continue };
        let wrong = |why: String| format!("calendars[{place}].ics: {why}");
        let file = std::fs::File::open(folder.join(path))
            .map_err(|error| wrong(format!("{path} cannot be read: {error}")))?;
        let mut text = String::new();
        file.take(LARGEST_FILE as u64 + 1)
            .read_to_string(&mut text)
            .map_err(|error| wrong(format!("{path} cannot be read: {error}")))?;
        *ics = text;
    }
    Ok(())
}

pub async fn export(app: &App) -> Result<(), Failed> {
    let text = export_fleet(app).await?;
    say(text.trim_end())
}
