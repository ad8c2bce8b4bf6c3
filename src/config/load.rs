//! Reads `config.json` with all its layers, and reports everything that is wrong at once.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

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
    let mut document: Value = serde_json::from_str(&text).map_err(|error| whole(error.to_string()))?;
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
        if let Some(variable) = origins.get(&problem.path) {
            problem.message = format!("{} (from {variable})", problem.message);
        }
    }
    Err(problems)
}

/// Every key there is, with what it holds: `mail.smtp`, `webhooks[].url`.
pub fn keys() -> BTreeMap<String, Kind> {
    document::keys(|r| sections::config(r, Path::new("/")))
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
