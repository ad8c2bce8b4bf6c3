//! The operator's own commands, which configuration holds and fleet and API only name.
//!
//! They are trusted and run as the service does, in no sandbox. But they pass facts on
//! to other programs, so their environment is made anew, and what they answer is
//! checked like everything that comes from outside.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::facts::{Facts, MethodFacts, Variables};
use super::process::{Limits, Outcome, Program, Stdin, run, run_noting};
use super::sandbox::Private;
use super::{LANG, PATH};
use crate::config::CommandConfig;
use crate::domain::event::StepOutcome;
use crate::domain::name::is_deceptive;
use crate::runner::output::Output;

/// What an artifact command answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The folder to deploy, with no symbolic link in its path. It is the operator's.
    pub folder: PathBuf,
    /// Whether the release's local scripts run before it is deployed.
    pub run_local_scripts: bool,
}

/// Runs an artifact command: facts as JSON on its standard input, and its answer on the
/// last line of its standard output that is not blank. All it says goes to the journal.
///
/// `Err` is how a step without an artifact ends. `private` is what no artifact may hold.
pub async fn artifact(
    command: &CommandConfig,
    facts: &Facts,
    tree: &Path,
    private: &Private,
    out: &Output,
    cancel: &CancellationToken,
) -> Result<Artifact, StepOutcome> {
    let mut program = program(command, facts.variables());
    program.stdin = Stdin::Bytes(format!("{}\n", facts.json(tree)).into_bytes());
    let mut last = String::new();
    let note = |line: &str| {
        if !line.trim().is_empty() {
            line.trim().clone_into(&mut last);
        }
    };
    let what = title(command);
    match run_noting(&program, out, cancel, note).await.judged(&what) {
        StepOutcome::Done => {}
        other => return Err(other),
    }
    answer(&last, private).map_err(|why| StepOutcome::Failed { why: format!("{what} {why}") })
}

/// Runs a command that deploys by itself. Its exit code decides.
pub async fn method(
    command: &CommandConfig,
    facts: &MethodFacts,
    out: &Output,
    cancel: &CancellationToken,
) -> StepOutcome {
    let outcome: Outcome = run(&program(command, facts.variables()), out, cancel).await;
    outcome.judged(&title(command))
}

fn title(command: &CommandConfig) -> String {
    format!("the command {}", command.name)
}

/// The command as configured, with facts in its environment and nothing to read.
pub fn program(command: &CommandConfig, facts: Variables) -> Program {
    // Its tools are found where ours are, and what it knows of other machines is in our home.
    let ours = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let mut env: Vec<(OsString, OsString)> = vec![
        ("PATH".into(), ours("PATH").unwrap_or_else(|| PATH.into())),
        ("HOME".into(), ours("HOME").unwrap_or_else(|| "/".into())),
        ("LANG".into(), LANG.into()),
    ];
    env.extend(facts.into_iter().map(|(name, value)| (name.into(), value.into())));
    let time = Some(Duration::from_secs(command.timeout_s.into()));
    Program {
        argv: command.argv.iter().map(OsString::from).collect(),
        env,
        folder: PathBuf::from("/"),
        stdin: Stdin::Bytes(Vec::new()),
        limits: Limits { time, ..Limits::default() },
        mark: None,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    folder: String,
    #[serde(default = "yes")]
    local_scripts: bool,
}

fn yes() -> bool {
    true
}

/// A plain path or `{"folder": "/path", "local_scripts": false}`. An error goes on
/// after the command's name.
fn answer(line: &str, private: &Private) -> Result<Artifact, String> {
    let Answer { folder, local_scripts } = match line.strip_prefix('{') {
        _ if line.is_empty() => return Err("named no folder".to_owned()),
        None => Answer { folder: line.to_owned(), local_scripts: true },
        Some(_) => serde_json::from_str(line)
            .map_err(|error| format!("gave an answer that is not the JSON it should be: {error}"))?,
    };
    let shown: String = folder.chars().filter(|c| !is_deceptive(*c)).take(200).collect();
    let path = Path::new(&folder);
    if !path.is_absolute() {
        return Err(format!("answered {shown:?}, which is not an absolute path"));
    }
    let folder = path.canonicalize().map_err(|error| format!("named {shown}: {error}"))?;
    if !folder.is_dir() {
        return Err(format!("named {shown}, which is not a folder"));
    }
    if is_of_the_system(&folder) {
        return Err(format!("named {shown}, which is a folder of the system"));
    }
    if private.first_in(&folder).is_some() {
        return Err(format!("named {shown}, which holds what is private to this service"));
    }
    Ok(Artifact { folder, run_local_scripts: local_scripts })
}

/// Nothing in these is a build.
const WHOLLY: [&str; 11] =
    ["bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys"];
/// These hold much; what they hold may be a build.
const BY_THEMSELVES: [&str; 10] = ["home", "media", "mnt", "opt", "root", "run", "srv", "tmp", "usr", "var"];

/// `/`, a folder that a machine is made of, or somebody's home.
fn is_of_the_system(folder: &Path) -> bool {
    let parts: Vec<&str> = folder.iter().skip(1).filter_map(|part| part.to_str()).collect();
    match parts[..] {
        [] => true,
        [first, ..] if WHOLLY.contains(&first) => true,
        [first] | ["home", first] if BY_THEMSELVES.contains(&first) || parts.len() == 2 => true,
        ["usr", second, ..] => second != "local" && second != "src",
        _ => false,
    }
}
