//! An object of the fleet in a few words, for lists, and where its pages are.

use serde_json::Value;

use crate::app::Refusal;
use crate::app::administer::Seen;
use crate::domain::fleet::object::Place;
use crate::domain::fleet::{Fleet, Kind};
use crate::domain::name::Name;
use crate::web::html::{capital, counted, listed};
use crate::web::sheet::view::Names;
use crate::web::view::Link;
use crate::web::view::fleet_object::ObjectItem;

pub fn plural(kind: Kind) -> &'static str {
    if kind == Kind::LoadBalancer { "load balancers" } else { kind.list() }
}

pub fn item(seen: &Seen) -> ObjectItem {
    let (words, warning) = words(seen.place.kind, &seen.object);
    ObjectItem { name: seen.place.name.to_string(), words, warning, managed: seen.managed }
}

/// What it is, and what is wrong with it, if anything.
pub fn words(kind: Kind, object: &Value) -> (String, Option<String>) {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |key: &str| object.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let names = |key: &str, inner: &str| -> Vec<String> {
        let of = |one: &Value| Some(one.get(inner)?.as_str()?.to_owned());
        list(key).iter().filter_map(of).collect()
    };
    let texts = |key: &str| -> Vec<String> {
        list(key).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let warn = |bad: bool, words: &str| bad.then(|| words.to_owned());
    match kind {
        Kind::Server => {
            let port = object.get("port").and_then(Value::as_u64).unwrap_or(22);
            let has_key = object.get("host_key").is_some();
            let pinned = if has_key { "key pinned" } else { "no key pinned" };
            let active = if object.get("active") == Some(&Value::Bool(false)) { ", inactive" } else { "" };
            let words = format!("{}:{port}, {pinned}{active}", text("host"));
            (words, warn(!has_key, "Nothing connects before a host key is pinned."))
        }
        Kind::Cluster => {
            let servers = names("servers", "server");
            let is_empty = servers.is_empty();
            (listed(&servers), warn(is_empty, "It has no server."))
        }
        Kind::LoadBalancer => (counted(list("endpoints").len() as u64, "endpoint", "endpoints"), None),
        Kind::Calendar => {
            let spans = counted(list("weekly").len() as u64, "span a week", "spans a week");
            (format!("{}, {spans}", text("timezone")), None)
        }
        Kind::Role => {
            let teams = texts("github_teams").into_iter().map(|team| format!("team {team}"));
            let holders: Vec<String> = teams.chain(texts("users")).collect();
            let everybody = text("name") == "default";
            let nobody = holders.is_empty() && !everybody;
            let words = if everybody { "everybody who is signed in".to_owned() } else { listed(&holders) };
            (words, warn(nobody, "Nobody has it."))
        }
        Kind::Application => {
            let environments = names("environments", "name");
            let is_empty = environments.is_empty();
            (listed(&environments), warn(is_empty, "It has no environment."))
        }
        Kind::Environment => (text("target_path"), None),
    }
}

/// The names that fields may refer to; environments of the one application.
pub fn names_of(fleet: &Fleet, application: Option<&Name>) -> Names {
    let mut names = Names::new();
    let mut put = |kind, list: Vec<&Name>| {
        names.insert(kind, list.into_iter().map(ToString::to_string).collect());
    };
    put(Kind::Server, fleet.servers.iter().map(|one| &one.name).collect());
    put(Kind::LoadBalancer, fleet.load_balancers.iter().map(|one| &one.name).collect());
    put(Kind::Cluster, fleet.clusters.iter().map(|one| &one.name).collect());
    put(Kind::Calendar, fleet.calendars.iter().map(|one| &one.name).collect());
    put(Kind::Role, fleet.roles.iter().map(|one| &one.name).collect());
    let own = application.and_then(|name| fleet.application(name));
    put(Kind::Environment, own.into_iter().flat_map(|one| &one.environments).map(|one| &one.name).collect());
    names
}

pub fn page_of(kind: Kind) -> String {
    format!("admin_{}", kind.word())
}

pub fn address(place: &Place) -> String {
    match &place.parent {
        Some(application) => format!("/admin/applications/{application}/environments/{}", place.name),
        None => format!("/admin/{}/{}", place.kind.list(), place.name),
    }
}

pub fn list_address(place: &Place) -> String {
    match &place.parent {
        Some(application) => format!("/admin/applications/{application}"),
        None => format!("/admin/{}", place.kind.list()),
    }
}

/// An address that holds no name leads nowhere.
pub fn place(kind: Kind, parent: Option<&str>, name: &str) -> Result<Place, Refusal> {
    let parse = |text: &str| Name::parse(text).map_err(|_| Refusal::NotFound);
    let parent = parent.map(parse).transpose()?;
    Ok(Place { kind, parent, name: parse(name)? })
}

/// The way to the list that an object stands in.
pub fn crumbs(kind: Kind, parent: Option<&Name>) -> Vec<Link> {
    let mut crumbs = vec![Link::new("/admin", "Administration")];
    let list = if parent.is_some() { Kind::Application } else { kind };
    crumbs.push(Link::new(format!("/admin/{}", list.list()), capital(plural(list))));
    if let Some(application) = parent {
        let place = Place::new(Kind::Application, None, application);
        crumbs.push(Link::new(address(&place), application.to_string()));
    }
    crumbs
}
