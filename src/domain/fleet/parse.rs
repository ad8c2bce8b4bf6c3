//! Reads a fleet file: the whole of it, with everything that is wrong.
//!
//! Names are gathered before anything else is read, so that a reference is
//! checked where it stands, and a server with a bad port is not also reported as
//! unknown by each cluster that holds it.

mod application;
mod hosts;
mod people;

use std::collections::BTreeMap;

use serde_json::Value;

use super::Fleet;
use crate::domain::document::{self, Kind, Problem, Reader};
use crate::domain::name::Name;

/// Parses a fleet file, or reports every problem with its path
/// (`applications[0].environments[1].target_path: …`).
pub fn parse(value: &Value) -> Result<Fleet, Vec<Problem>> {
    let declared = Declared::of(value);
    document::read(value, |r| Some(fleet(r, &declared)))
}

/// Every key there is, with what it holds: `applications[].environments[].target_path`.
pub fn keys() -> BTreeMap<String, Kind> {
    document::keys(|r| Some(fleet(r, &Declared::default())))
}

fn fleet<'a>(r: &mut Reader<'a>, declared: &Declared<'a>) -> Fleet {
    Fleet {
        servers: r.objects("servers", |r| hosts::server(r, &declared.servers)),
        load_balancers: r.objects("load_balancers", |r| hosts::load_balancer(r, &declared.load_balancers)),
        clusters: r.objects("clusters", |r| hosts::cluster(r, declared)),
        calendars: r.objects("calendars", |r| hosts::calendar(r, &declared.calendars)),
        roles: r.objects("roles", |r| people::role(r, &declared.roles)),
        applications: r.objects("applications", |r| application::application(r, declared)),
    }
}

/// The names that the file declares, by kind.
#[derive(Default)]
struct Declared<'a> {
    servers: Names<'a>,
    load_balancers: Names<'a>,
    clusters: Names<'a>,
    calendars: Names<'a>,
    roles: Names<'a>,
    applications: Names<'a>,
}

impl<'a> Declared<'a> {
    fn of(document: &'a Value) -> Self {
        let names = |list, kind| Names::of(document.get(list), list, kind);
        Self {
            servers: names("servers", "server"),
            load_balancers: names("load_balancers", "load balancer"),
            clusters: names("clusters", "cluster"),
            calendars: names("calendars", "calendar"),
            roles: names("roles", "role"),
            applications: names("applications", "application"),
        }
    }
}

/// The names of one list, each with the place where it stands first.
#[derive(Default)]
struct Names<'a> {
    kind: &'static str,
    first: BTreeMap<&'a str, String>,
    /// What was renamed, each with the place that says so first.
    renamed: BTreeMap<&'a str, String>,
}

impl<'a> Names<'a> {
    fn of(list: Option<&'a Value>, path: &str, kind: &'static str) -> Self {
        let mut names = Self { kind, ..Self::default() };
        let items = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            let text = |key| item.get(key).and_then(Value::as_str);
            let place = format!("{path}[{index}]");
            if let Some(name) = text("name") {
                names.first.entry(name).or_insert_with(|| place.clone());
            }
            if let Some(was) = text("was") {
                names.renamed.entry(was).or_insert(place);
            }
        }
        names
    }

    /// Reads `name` and `was` of one item of the list.
    fn read(&self, r: &mut Reader<'a>) -> (Option<Name>, Option<Name>) {
        let place = r.path().to_owned();
        let name = r.required("name", |text| match self.first.get(text) {
            Some(first) if *first != place => Err(format!("is already the name of {first}")),
            _ => parse_name(text),
        });
        let was = r.optional("was", |text| match (self.first.get(text), self.renamed.get(text)) {
            (Some(other), _) => Err(format!("is still the name of {other}")),
            (_, Some(first)) if *first != place => Err(format!("is already the former name of {first}")),
            _ => parse_name(text),
        });
        (name, was)
    }

    /// A reference to something that the file declares.
    fn refer(&self, text: &str) -> Result<Name, String> {
        let name = parse_name(text)?;
        if self.first.contains_key(text) {
            Ok(name)
        } else {
            Err(format!("there is no {} \"{name}\" in this file", self.kind))
        }
    }
}

fn parse_name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(|error| error.to_string())
}
