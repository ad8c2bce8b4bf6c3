//! One object of the fleet by itself: where it is, what it looks like in the fleet
//! file, and the fleet with another one in its place.
//!
//! A single object is never judged alone. It is put into the document of the whole
//! fleet, and that is parsed: so a page and the API can do nothing that a fleet file
//! could not.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::changes::with_stored_secrets;
use super::follow::{follow, impossible_renames};
use super::parse::parse;
use super::secret::{self, SecretForm};
use super::{Fleet, Kind};
use crate::domain::document::Problem;
use crate::domain::name::Name;

/// Which object: `server web-1`, `environment shop/production`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub kind: Kind,
    /// The application of an environment; nothing has one otherwise.
    pub parent: Option<Name>,
    pub name: Name,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind.words())?;
        if let Some(parent) = &self.parent {
            write!(f, "{parent}/")?;
        }
        write!(f, "{}", self.name)
    }
}

impl Place {
    pub fn new(kind: Kind, parent: Option<&Name>, name: &Name) -> Self {
        Self { kind, parent: parent.cloned(), name: name.clone() }
    }

    #[must_use]
    pub fn named(&self, name: &Name) -> Self {
        Self { name: name.clone(), ..self.clone() }
    }

    /// Roles that exist whatever anybody says.
    pub fn is_permanent(&self) -> bool {
        self.kind == Kind::Role && matches!(self.name.as_str(), "admin" | "default")
    }
}

/// Every object with its JSON, in the order of the file. An application stands there
/// without its environments, which follow it; `was` is an instruction and left out.
pub fn objects(fleet: &Fleet) -> Vec<(Place, Value)> {
    let mut objects = Vec::new();
    let mut add = |kind, parent: Option<&Name>, name: &Name, object: Value| {
        let mut object = object;
        if let Some(fields) = object.as_object_mut() {
            fields.remove("was");
        }
        objects.push((Place::new(kind, parent, name), object));
    };
    for server in &fleet.servers {
        add(Kind::Server, None, &server.name, json(server));
    }
    for balancer in &fleet.load_balancers {
        add(Kind::LoadBalancer, None, &balancer.name, json(balancer));
    }
    for cluster in &fleet.clusters {
        add(Kind::Cluster, None, &cluster.name, json(cluster));
    }
    for calendar in &fleet.calendars {
        add(Kind::Calendar, None, &calendar.name, json(calendar));
    }
    for role in &fleet.roles {
        add(Kind::Role, None, &role.name, json(role));
    }
    for application in &fleet.applications {
        let mut alone = application.clone();
        alone.environments = Vec::new();
        add(Kind::Application, None, &application.name, json(&alone));
        for environment in &application.environments {
            add(Kind::Environment, Some(&application.name), &environment.name, json(environment));
        }
    }
    objects
}

fn json(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// One object as the fleet file has it; an application with its environments.
pub fn find(fleet: &Fleet, place: &Place) -> Option<Value> {
    let name = &place.name;
    match place.kind {
        Kind::Server => fleet.server(name).map(json),
        Kind::LoadBalancer => fleet.load_balancers.iter().find(|one| one.name == *name).map(json),
        Kind::Cluster => fleet.cluster(name).map(json),
        Kind::Calendar => fleet.calendar(name).map(json),
        Kind::Role => fleet.roles.iter().find(|one| one.name == *name).map(json),
        Kind::Application => fleet.application(name).map(json),
        Kind::Environment => {
            let (_, environment) = fleet.environment(place.parent.as_ref()?, name)?;
            Some(json(environment))
        }
    }
}

/// The same without a secret, not even as a reference: that names a file or a variable
/// of the server's. `stored:` stands for each.
pub fn without_secrets(mut object: Value) -> Value {
    for secret in secrets(&mut object) {
        *secret = Value::from(secret::STORED);
    }
    object
}

/// Secrets that the server would read from its own surroundings. Only the command line
/// may say so (rules.md 40).
pub fn references(object: &Value) -> Vec<Problem> {
    let is_reference =
        |secret: &Value| secret.as_str().is_some_and(|text| SecretForm::of(text).is_reference());
    let words = "env: and file: are taken from the command line only; give the secret itself";
    let refuse = |path: String| Problem::new(path, words);
    let mut problems = Vec::new();
    if object.get("webhook_secret").is_some_and(is_reference) {
        problems.push(refuse("webhook_secret".to_owned()));
    }
    let endpoints = object.get("endpoints").and_then(Value::as_array);
    for (index, endpoint) in endpoints.into_iter().flatten().enumerate() {
        if endpoint.get("password").is_some_and(is_reference) {
            problems.push(refuse(format!("endpoints[{index}].password")));
        }
    }
    problems
}

fn secrets(object: &mut Value) -> Vec<&mut Value> {
    let Some(fields) = object.as_object_mut() else { return Vec::new() };
    let mut found = Vec::new();
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("webhook_secret", secret) => found.push(secret),
            ("endpoints", Value::Array(endpoints)) => {
                found.extend(endpoints.iter_mut().filter_map(|endpoint| endpoint.get_mut("password")));
            }
            _ => {}
        }
    }
    found
}

/// The fleet with an object of another name, and everything that names it following.
pub fn renamed(fleet: &Fleet, place: &Place, to: &Name) -> Fleet {
    let mut target = fleet.clone();
    let (name, was) = (to.clone(), Some(place.name.clone()));
    macro_rules! rename {
        ($list:expr) => {
            if let Some(object) = $list.iter_mut().find(|object| object.name == place.name) {
                (object.name, object.was) = (name, was);
            }
        };
    }
    match place.kind {
        Kind::Server => rename!(target.servers),
        Kind::LoadBalancer => rename!(target.load_balancers),
        Kind::Cluster => rename!(target.clusters),
        Kind::Calendar => rename!(target.calendars),
        Kind::Role => rename!(target.roles),
        Kind::Application => rename!(target.applications),
        Kind::Environment => {
            let application =
                target.applications.iter_mut().find(|one| Some(&one.name) == place.parent.as_ref());
            if let Some(application) = application {
                rename!(application.environments);
            }
        }
    }
    follow(fleet, &target).0
}

/// The fleet with this object in its place, new or instead of the one that was there,
/// with the secrets that it leaves as they are, or everything that is wrong with it. Paths begin at the object; what is wrong
/// elsewhere names its own object first.
pub fn put(fleet: &Fleet, place: &Place, object: Value) -> Result<Fleet, Vec<Problem>> {
    let mut document = json(fleet);
    let Some((list, path)) = list_of(&mut document, (place.kind, place.parent.as_ref())) else {
        return Err(vec![Problem::new("", "its application does not exist")]);
    };
    let named = |one: &Value| one.get("name").and_then(Value::as_str) == Some(place.name.as_str());
    let index = list.iter().position(named).unwrap_or(list.len());
    if index == list.len() {
        list.push(object);
    } else {
        list[index] = object;
    }
    let path = format!("{path}[{index}]");
    let filled = parse(&document).and_then(|wanted| match impossible_renames(fleet, &wanted) {
        problems if problems.is_empty() => with_stored_secrets(fleet, &wanted),
        problems => Err(problems),
    });
    filled.map_err(|problems| problems.into_iter().map(|problem| beside(&document, &path, problem)).collect())
}

/// What is wrong with an object that is to be new and has no name that would do: paths
/// as of `put`.
pub fn problems_as_new(fleet: &Fleet, place: (Kind, Option<&Name>), object: Value) -> Vec<Problem> {
    let mut document = json(fleet);
    let Some((list, path)) = list_of(&mut document, place) else { return Vec::new() };
    let path = format!("{path}[{}]", list.len());
    list.push(object);
    let problems = parse(&document).err().unwrap_or_default();
    problems.into_iter().map(|problem| beside(&document, &path, problem)).collect()
}

/// The fleet without it; everything else is as it was.
pub fn without(fleet: &Fleet, place: &Place) -> Fleet {
    let mut fleet = fleet.clone();
    let name = &place.name;
    match place.kind {
        Kind::Server => fleet.servers.retain(|one| one.name != *name),
        Kind::LoadBalancer => fleet.load_balancers.retain(|one| one.name != *name),
        Kind::Cluster => fleet.clusters.retain(|one| one.name != *name),
        Kind::Calendar => fleet.calendars.retain(|one| one.name != *name),
        Kind::Role => fleet.roles.retain(|one| one.name != *name),
        Kind::Application => fleet.applications.retain(|one| one.name != *name),
        Kind::Environment => {
            for application in &mut fleet.applications {
                if Some(&application.name) == place.parent.as_ref() {
                    application.environments.retain(|one| one.name != *name);
                }
            }
        }
    }
    fleet
}

/// Problems of a whole document, for somebody who did not write it: each names its
/// object instead of a number in a list.
pub fn checked(fleet: &Fleet) -> Result<(), Vec<Problem>> {
    let document = json(fleet);
    let explain = |problem| beside(&document, "", problem);
    parse(&document).map(|_| ()).map_err(|problems| problems.into_iter().map(explain).collect())
}

fn list_of<'a>(
    document: &'a mut Value,
    (kind, parent): (Kind, Option<&Name>),
) -> Option<(&'a mut Vec<Value>, String)> {
    let Some(parent) = parent else {
        let list = document.get_mut(kind.list())?.as_array_mut()?;
        return Some((list, kind.list().to_owned()));
    };
    let applications = document.get_mut(Kind::Application.list())?.as_array_mut()?;
    let named = |one: &Value| one.get("name").and_then(Value::as_str) == Some(parent.as_str());
    let index = applications.iter().position(named)?;
    let list = applications[index].get_mut("environments")?.as_array_mut()?;
    Some((list, format!("applications[{index}].environments")))
}

/// The path as somebody sees it who edits the object at `path`.
fn beside(document: &Value, path: &str, problem: Problem) -> Problem {
    let message = problem.message.strip_suffix(" in this file").unwrap_or(&problem.message).to_owned();
    let own = problem.path.strip_prefix(path).filter(|_| !path.is_empty());
    let path = match own {
        Some("") => String::new(),
        Some(rest) if rest.starts_with('.') => rest[1..].to_owned(),
        _ => by_name(document, &problem.path),
    };
    Problem { path, message }
}

/// `clusters[3].servers[0].server` as `cluster web-c: servers[0].server`.
fn by_name(document: &Value, path: &str) -> String {
    let found = path.split_once('[').and_then(|(list, rest)| {
        let (index, inner) = rest.split_once(']')?;
        let object = document.get(list)?.get(index.parse::<usize>().ok()?)?;
        let name = object.get("name")?.as_str()?;
        Some(format!("{} {name}: {}", Kind::from_list(list)?.words(), inner.trim_start_matches('.')))
    });
    found.unwrap_or_else(|| path.to_owned())
}
