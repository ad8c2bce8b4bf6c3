//! The command line: reads the arguments, prepares the process, prints.
//!
//! What a command answers goes to stdout and can be piped; problems go to stderr,
//! one a line, as do logs. The exit code is 0 when all went well, 1 when something
//! did not, and 2 when the command was called wrongly. A command adds nothing of
//! its own to what a use case does: what it prints is all that lives here.

mod audit;
mod check;
mod fleet;
mod freeze;
mod keys;
pub mod logs;
mod serve;
mod token;
mod user;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::{App, Refusal};
use crate::boot;
use crate::clock::Clock;
use crate::config::{self, Config, Problem};
use crate::domain::name::Name;

/// Lets people release code to servers they have no access to.
#[derive(Debug, Parser)]
#[command(name = "countersign", version)]
struct Arguments {
    /// The configuration file [default: config.json]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service until SIGTERM or SIGINT
    Serve(serve::Serve),
    /// Make the keys that are missing; one that exists is never touched
    Keys,
    /// Say of everything the service needs whether it works
    Check,
    /// Make what a fleet file describes; changes nothing when any part is wrong
    Apply(fleet::Apply),
    /// Print the fleet as a fleet file
    Export,
    /// Bring the database to the schema of this version
    Migrate,
    /// Hold deployments up, or warn of them; prints the number of the freeze
    Freeze(freeze::Freeze),
    /// Lift a freeze
    Unfreeze(freeze::Unfreeze),
    /// Read the audit trail
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Add people
    #[command(subcommand)]
    User(user::User),
    /// Make, list and end the tokens of programs
    #[command(subcommand)]
    Token(token::TokenCommand),
}

/// Why a command ended with exit code 1: lines for stderr.
#[derive(Debug)]
struct Failed(Vec<String>);

impl Failed {
    fn one(line: impl Into<String>) -> Self {
        Failed(vec![line.into()])
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Failed(format!("{error:#}").lines().map(str::to_owned).collect())
    }
}

impl From<Vec<Problem>> for Failed {
    fn from(problems: Vec<Problem>) -> Self {
        Failed(problems.iter().map(ToString::to_string).collect())
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(errors) => Failed(errors.into_iter().map(|error| error.message).collect()),
            other => Failed::one(other.to_string()),
        }
    }
}

pub fn main() -> ExitCode {
    // Before anything can open a connection. Twice is fine: the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(lines)) => {
            for line in lines {
                eprintln!("{line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failed> {
    let path = arguments.config.as_deref();
    if let Command::Keys = arguments.command {
        return keys::keys(path);
    }
    let path = path.unwrap_or(Path::new(DEFAULT_CONFIG));
    let loaded = config::load(path, config::environment());
    if let Command::Check = arguments.command {
        return runtime()?.block_on(check::check(path, loaded));
    }
    let loaded = loaded?;
    let config = loaded.config;
    logs::start(&config.log)?;
    runtime()?.block_on(async {
        match arguments.command {
            Command::Keys | Command::Check => Ok(()),
            Command::Serve(options) => {
                for warning in &loaded.warnings {
                    tracing::warn!("{warning}");
                }
                serve::serve(config, &options).await
            }
            Command::Apply(options) => fleet::apply(&open_to_write(config).await?, &options).await,
            Command::Export => fleet::export(&open(config).await?).await,
            Command::Migrate => {
                open(config).await?;
                say("the schema is that of this version")
            }
            Command::Freeze(what) => freeze::freeze(&open_to_write(config).await?, what).await,
            Command::Unfreeze(what) => freeze::unfreeze(&open_to_write(config).await?, &what).await,
            Command::Audit(what) => audit::audit(&open(config).await?, &what).await,
            Command::User(what) => user::user(&open(config).await?, &what).await,
            Command::Token(what) => token::token(&open(config).await?, &what).await,
        }
    })
}

const DEFAULT_CONFIG: &str = "config.json";

async fn open(config: Config) -> Result<App, Failed> {
    Ok(boot::open(config, Clock::system()).await?)
}

async fn open_to_write(config: Config) -> Result<App, Failed> {
    Ok(boot::open_to_write(config, Clock::system()).await?)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failed> {
    // One alone would let a single long computation hold up every page.
    let workers = std::thread::available_parallelism().map_or(2, usize::from).max(2);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(|error| Failed::one(format!("no threads to work with: {error}")))
}

/// `command:rosa`. Who stands behind a shared account is not ours to know.
fn actor() -> String {
    let said = std::process::Command::new("id")
        .arg("-un")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    match said.as_deref().map(str::trim).map(Name::parse) {
        Some(Ok(name)) => format!("command:{name}"),
        _ => "command".to_owned(),
    }
}

/// Prints to stdout. A reader that has gone away (`| head`) is no reason to panic.
fn say(line: &str) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| Failed::one(format!("stdout: {error}")))
}
