//! What applying a fleet file would change, as data: for `--dry-run` and for the
//! output of `apply`.
//!
//! The old fleet first takes over the renames of the new one, so that a cluster
//! does not change because a server in it has a new name. Then both are compared
//! as documents, object by object and key by key: a new key needs no code here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::follow::{fill_stored, follow};
use super::{Fleet, Kind, export};
use crate::domain::document::Problem;
use crate::domain::name::Name;

pub use super::follow::impossible_renames;
use super::object::Place;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Added,
    Changed,
    /// Has a new name; what else changes is among its details.
    Renamed,
    Removed,
}

/// One object that will not be as it was. Objects that stay the same are not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub kind: ChangeKind,
    /// Kind and name: `server web-1`, `environment shop/production`.
    pub object: String,
    /// `port: 22 → 2222`; of a secret only that it is replaced. Of what is new, or gone,
    /// each key with its value, secrets as `stored:`.
    pub details: Vec<String>,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verb = match self.kind {
            ChangeKind::Added => "add",
            ChangeKind::Changed => "change",
            ChangeKind::Renamed => "rename",
            ChangeKind::Removed => "remove",
        };
        write!(f, "{verb} {}", self.object)?;
        // What is new stands in the file, and what is gone is of no use to a reader.
        if matches!(self.kind, ChangeKind::Added | ChangeKind::Removed) {
            return Ok(());
        }
        self.details.iter().try_for_each(|detail| write!(f, "\n  {detail}"))
    }
}

/// An object's kind and full name: `(Environment, "shop/production")`.
pub(super) type Key = (Kind, String);
/// Its keys, nested ones with dots, and their values.
type Fields = BTreeMap<String, Value>;

/// What `new` changes in `old`, by kind and name.
///
/// What `new` does not mention stays, or is removed where `prune` is set. The secrets
/// of `old` are best given opened; one that is `stored:` differs from every literal.
pub fn changes(old: &Fleet, new: &Fleet, prune: bool) -> Vec<Change> {
    let (old, renames) = follow(old, new);
    let (new, _) = fill_stored(new, &old);
    let (before, after) = (objects(&old), objects(&new));
    let (before_shown, after_shown) =
        (objects(&export::presentable(&old)), objects(&export::presentable(&new)));
    let keys: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    let of = |key: &&Key| {
        let object = format!("{} {}", key.0.words(), key.1);
        let (kind, shown) = match (before.get(*key), after.get(*key)) {
            (None, _) => (ChangeKind::Added, &after_shown),
            (Some(_), None) if prune && !is_permanent(key) => (ChangeKind::Removed, &before_shown),
            (Some(_), None) => return None,
            (Some(was), Some(is)) => {
                let shown = (&before_shown[*key], &after_shown[*key]);
                return compare(object, renames.get(*key), (was, is), shown);
            }
        };
        Some(Change { kind, object, details: lines(&shown[*key]) })
    };
    keys.iter().filter_map(of).collect()
}

/// `new` with each `stored:` replaced by the secret that `old` holds for the same
/// object, under its former name too; or where `old` holds none.
pub fn with_stored_secrets(old: &Fleet, new: &Fleet) -> Result<Fleet, Vec<Problem>> {
    let (filled, problems) = fill_stored(new, &follow(old, new).0);
    if problems.is_empty() { Ok(filled) } else { Err(problems) }
}

/// The old fleet under the names that the new one gives.
pub fn under_new_names(old: &Fleet, new: &Fleet) -> Fleet {
    follow(old, new).0
}

/// What has a new name, by the former one; applications before their environments.
pub fn former_names(old: &Fleet, new: &Fleet) -> Vec<(Place, Name)> {
    let (_, renames) = follow(old, new);
    let renames = renames.into_iter().filter_map(|((kind, now), was)| {
        let (parent, name) = match now.split_once('/') {
            Some((application, name)) => (Some(former_application(old, new, application)?), name),
            None => (None, now.as_str()),
        };
        let place = Place::new(kind, parent.as_ref(), &Name::parse(&was).ok()?);
        Some((place, Name::parse(name).ok()?))
    });
    renames.collect()
}

fn former_application(old: &Fleet, new: &Fleet, now: &str) -> Option<Name> {
    let now = Name::parse(now).ok()?;
    let was = new.application(&now).and_then(|application| application.was.clone());
    let is_known = |name: &Name| old.application(name).is_some();
    Some(was.filter(|was| is_known(was) && !is_known(&now)).unwrap_or(now))
}

/// Roles that exist whatever a file says.
fn is_permanent((kind, name): &Key) -> bool {
    *kind == Kind::Role && matches!(name.as_str(), "admin" | "default")
}

fn compare(
    object: String,
    former: Option<&String>,
    (was, is): (&Fields, &Fields),
    (was_shown, is_shown): (&Fields, &Fields),
) -> Option<Change> {
    let mut details: Vec<String> =
        former.map(|former| format!("name: {former} → {}", last_part(&object))).into_iter().collect();
    let keys: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    for key in keys.into_iter().filter(|key| was.get(*key) != is.get(*key)) {
        let (old, new) = (words(was_shown.get(key)), words(is_shown.get(key)));
        details.push(if old == new { format!("{key}: replaced") } else { format!("{key}: {old} → {new}") });
    }
    let kind = if former.is_some() { ChangeKind::Renamed } else { ChangeKind::Changed };
    (!details.is_empty()).then_some(Change { kind, object, details })
}

fn last_part(object: &str) -> &str {
    object.rsplit([' ', '/']).next().unwrap_or(object)
}

/// The whole of an object, without what says nothing.
fn lines(fields: &Fields) -> Vec<String> {
    let says_nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let told = fields.iter().filter(|(_, value)| !says_nothing(value));
    told.map(|(key, value)| format!("{key}: {}", words(Some(value)))).collect()
}

fn words(value: Option<&Value>) -> String {
    match value {
        None => "none".to_owned(),
        // An .ics calendar is nothing to read in a line.
        Some(Value::String(text)) if text.contains('\n') => format!("{} lines", text.lines().count()),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn objects(fleet: &Fleet) -> BTreeMap<Key, Fields> {
    let mut objects = BTreeMap::new();
    let mut add = |kind, name: String, fields| objects.insert((kind, name), fields);
    for server in &fleet.servers {
        add(Kind::Server, server.name.to_string(), fields(server));
    }
    for balancer in &fleet.load_balancers {
        add(Kind::LoadBalancer, balancer.name.to_string(), fields(balancer));
    }
    for cluster in &fleet.clusters {
        add(Kind::Cluster, cluster.name.to_string(), fields(cluster));
    }
    for calendar in &fleet.calendars {
        add(Kind::Calendar, calendar.name.to_string(), fields(calendar));
    }
    for role in &fleet.roles {
        add(Kind::Role, role.name.to_string(), fields(role));
    }
    for application in &fleet.applications {
        add(Kind::Application, application.name.to_string(), fields(application));
        for environment in &application.environments {
            let name = format!("{}/{}", application.name, environment.name);
            add(Kind::Environment, name, fields(environment));
        }
    }
    objects
}

fn fields(object: &impl Serialize) -> Fields {
    let mut fields = Fields::new();
    flatten(&mut fields, "", serde_json::to_value(object).unwrap_or_default());
    // The name is the object's key; environments are objects of their own.
    for key in ["name", "was", "environments"] {
        fields.remove(key);
    }
    fields
}

fn flatten(fields: &mut Fields, path: &str, value: Value) {
    let Value::Object(inner) = value else {
        fields.insert(path.to_owned(), value);
        return;
    };
    for (key, value) in inner {
        let path = if path.is_empty() { key } else { format!("{path}.{key}") };
        flatten(fields, &path, value);
    }
}
