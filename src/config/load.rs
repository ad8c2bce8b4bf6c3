//! Reads `config.json` with all its layers, and reports everything that is wrong at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Config, Problem, Sandbox, layers, sections, values};
use crate::domain::document::{self, Kind};

/// A configuration that holds, and what is unwise about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    pub warnings: Vec<Problem>,
}

/// Loads the file at `path`, under the environment `env`.
///
/// Relative paths in it are relative to its folder.
pub fn load(path: &Path, env: impl Iterator<Item = (String, String)>) -> Result<Loaded, Vec<Problem>> {
    let whole = |message: String| vec![Problem::new("", format!("{}: {message}", path.display()))];
    let text = std::fs::read_to_string(path).map_err(|error| whole(format!("cannot be read: {error}")))?;
    let mut document = document::from_text(&text).map_err(whole)?;
    let path = std::path::absolute(path).map_err(|error| whole(error.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new("/"));

    let keys = keys();
    let variables: BTreeMap<String, String> = env.collect();
    let mut problems = Vec::new();
    let origins = layers::overlay(&mut document, &keys, &variables, &mut problems);
    let unresolved = problems.len();
    layers::resolve(&mut document, &keys, folder, &variables, &mut problems);
    let lost: Vec<String> = problems[unresolved..].iter().map(|problem| problem.path.clone()).collect();

    let config = match document::read(&document, |r| sections::config(r, folder)) {
        Ok(config) if problems.is_empty() => return Ok(Loaded { warnings: warnings(&config), config }),
        Ok(_) => Vec::new(),
        Err(found) => found,
    };
    // What could not be got was said; that it then does not fit would be said twice.
    problems.extend(config.into_iter().filter(|problem| !lost.contains(&problem.path)));
    for problem in &mut problems {
        if let Some(variable) = origin_of(&problem.path, &origins) {
            problem.message = format!("{} (from {variable})", problem.message);
        }
    }
    Err(problems)
}

/// Where the keys are, or are to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPaths {
    pub auth: PathBuf,
    pub enc: PathBuf,
    pub identity: PathBuf,
}

/// Only the paths of the keys, from a file whose other parts may still be missing or
/// wrong; without a file, the defaults in the current folder.
pub fn key_paths(
    path: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<KeyPaths, Vec<Problem>> {
    let file = path.unwrap_or(Path::new("config.json"));
    let whole = |message: String| vec![Problem::new("", format!("{}: {message}", file.display()))];
    let mut document = match path {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| whole(format!("cannot be read: {error}")))?;
            document::from_text(&text).map_err(whole)?
        }
        None => Value::Object(Map::new()),
    };
    let absolute = std::path::absolute(file).map_err(|error| whole(error.to_string()))?;
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    // Shown as they were given: short, where that is where we are.
    let folder = if file.parent() == Some(Path::new("")) { Path::new("") } else { folder };

    let keys = keys();
    let variables: BTreeMap<String, String> = env.collect();
    // What is wrong with other keys is for the commands that need them.
    layers::overlay(&mut document, &keys, &variables, &mut Vec::new());
    let mut wanted = sections::only_key_paths(&document);
    let mut problems = Vec::new();
    layers::resolve(&mut wanted, &keys, folder, &variables, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    document::read(&wanted, |r| Some(sections::key_paths(r, folder)))
}

/// The environment of this process, for `load`. What is not Unicode in it is
/// made so, and then refused as a value or unknown as a name.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// Every key there is, with what it holds: `mail.smtp`, `webhooks[].url`.
pub fn keys() -> BTreeMap<String, Kind> {
    document::keys(|r| sections::config(r, Path::new("/")))
}

/// The variable that gave a key, or the section or list that it is in.
fn origin_of<'a>(path: &str, origins: &'a layers::Origins) -> Option<&'a String> {
    let within = |key: &str| {
        path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    origins.iter().filter(|(key, _)| within(key)).max_by_key(|(key, _)| key.len()).map(|(_, name)| name)
}

fn warnings(config: &Config) -> Vec<Problem> {
    let mut warnings = Vec::new();
    let urls = [
        ("base_url", &config.base_url),
        ("github.web_url", &config.github.web_url),
        ("github.api_url", &config.github.api_url),
    ];
    for (path, url) in urls {
        if url.scheme() == "http" && !values::is_loopback(url) {
            warnings.push(Problem::new(path, "is http: what is sent there, sessions included, can be read"));
        }
    }
    if config.runner.sandbox == Sandbox::None {
        warnings.push(Problem::new("runner.sandbox", "is none: scripts of repositories run unconfined"));
    }
    if config.runner.sandbox_network {
        let words = "is on: scripts of repositories reach the network of this machine, loopback included";
        warnings.push(Problem::new("runner.sandbox_network", words));
    }
    warnings
}
