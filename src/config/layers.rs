//! What lies over the file: the environment, then the contents that `file:` and
//! `env:` point to. Both happen on the JSON, before anything is judged, so that a
//! value is held to the same rules wherever it came from.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::Problem;
use crate::domain::document::Kind;

const PREFIX: &str = "COUNTERSIGN_";

/// Which variable each key was taken from, for the words of later problems.
pub type Origins = BTreeMap<String, String>;

/// Lays `COUNTERSIGN_MAIL__SMTP` over `mail.smtp`.
pub fn overlay(
    document: &mut Value,
    keys: &BTreeMap<String, Kind>,
    variables: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Origins {
    let mut origins = Origins::new();
    let ours = variables.iter().filter_map(|(name, value)| {
        let (prefix, rest) = name.split_at_checked(PREFIX.len())?;
        let key = rest.to_ascii_lowercase().replace("__", ".");
        prefix.eq_ignore_ascii_case(PREFIX).then_some((key, name, value))
    });
    let mut ours: Vec<_> = ours.collect();
    // A section before its keys, so that the keys lie over it.
    ours.sort();
    for (key, name, value) in ours {
        let Some(kind) = keys.get(&key) else {
            problems.push(Problem::new(name, "is not a known variable: there is no such key"));
            continue;
        };
        if let Some(other) = origins.insert(key.clone(), name.clone()) {
            problems.push(Problem::new(key, format!("is set by both {other} and {name}")));
            continue;
        }
        put(document, &key, convert(value, *kind));
    }
    origins
}

/// Replaces texts `file:PATH` and `env:NAME` by what they point to.
pub fn resolve(
    document: &mut Value,
    keys: &BTreeMap<String, Kind>,
    folder: &Path,
    variables: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    let mut resolver = Resolver { keys, folder, variables, problems };
    resolver.visit(document, "", "");
}

struct Resolver<'a> {
    keys: &'a BTreeMap<String, Kind>,
    folder: &'a Path,
    variables: &'a BTreeMap<String, String>,
    problems: &'a mut Vec<Problem>,
}

impl Resolver<'_> {
    fn visit(&mut self, value: &mut Value, path: &str, pattern: &str) {
        let below = |parent: &str, key: &str| {
            if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
        };
        match value {
            Value::Object(fields) => {
                for (key, value) in fields.iter_mut() {
                    self.visit(value, &below(path, key), &below(pattern, key));
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.visit(item, &format!("{path}[{index}]"), &format!("{pattern}[]"));
                }
            }
            Value::String(text) => {
                let kind = self.keys.get(pattern).copied().unwrap_or(Kind::Text);
                match self.look_up(text) {
                    Some(Ok(found)) => *value = convert(&found, kind),
                    Some(Err(message)) => {
                        self.problems.push(Problem::new(path, message));
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }

    fn look_up(&self, text: &str) -> Option<Result<String, String>> {
        if let Some(name) = text.strip_prefix("env:") {
            let found = self.variables.get(name).cloned();
            return Some(found.ok_or_else(|| format!("the variable {name} is not set")));
        }
        let path = self.folder.join(text.strip_prefix("file:")?);
        let read = std::fs::read_to_string(&path);
        Some(match read {
            Ok(content) => Ok(content.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        })
    }
}

/// Text as the kind its key wants. Text that does not fit stays text, and is refused as such.
fn convert(text: &str, kind: Kind) -> Value {
    let parsed = || serde_json::from_str(text).ok();
    let fits = |value: &Value| match kind {
        Kind::Text => false,
        Kind::Number => value.is_number(),
        Kind::Flag => value.is_boolean(),
        Kind::List => value.is_array(),
        Kind::Object => value.is_object(),
    };
    parsed().filter(fits).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Sets a dotted key. Where the file has something other than an object on the
/// way there, that is left alone: it is a problem of its own.
fn put(document: &mut Value, key: &str, value: Value) {
    let mut place = document;
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        let Some(fields) = place.as_object_mut() else { return };
        if parts.peek().is_none() {
            fields.insert(part.to_owned(), value);
            return;
        }
        place = fields.entry(part).or_insert_with(|| Value::Object(Map::new()));
    }
}
