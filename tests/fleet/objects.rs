//! One object in the whole: put there, renamed with what names it, kept by what needs it.

use serde_json::json;

use super::{example, example_with, parsed};
use crate::domain::fleet::dependents::dependents;
use crate::domain::fleet::object::{self, Place};
use crate::domain::fleet::overlay::overlay;
use crate::domain::fleet::{Fleet, Kind};
use crate::domain::name::Name;
use crate::domain::permission::Pattern;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn place(kind: Kind, text: &str) -> Place {
    match text.split_once('/') {
        Some((parent, text)) => Place::new(kind, Some(&name(parent)), &name(text)),
        None => Place::new(kind, None, &name(text)),
    }
}

fn needed(fleet: &Fleet, kind: Kind, text: &str) -> Vec<String> {
    dependents(fleet, &place(kind, text)).iter().map(ToString::to_string).collect()
}

#[test]
fn what_names_an_object_keeps_it() {
    let mut fleet = example();
    fleet["applications"][0]["environments"][1]["promote_from"] = json!("staging");
    fleet["applications"][0]["environments"][1]["approval"]["groups"] =
        json!([{ "role": "release-managers", "required": 1 }]);
    let fleet = parsed(&fleet);
    let production = "environment shop/production";
    assert_eq!(needed(&fleet, Kind::Server, "web-1"), ["cluster web-a"]);
    assert_eq!(needed(&fleet, Kind::LoadBalancer, "edge"), ["cluster web-a", "cluster web-b"]);
    assert_eq!(needed(&fleet, Kind::Cluster, "web-b"), [production]);
    assert_eq!(needed(&fleet, Kind::Calendar, "office"), [production]);
    assert_eq!(needed(&fleet, Kind::Role, "release-managers"), [production]);
    assert_eq!(needed(&fleet, Kind::Environment, "shop/staging"), [production]);
    assert_eq!(needed(&fleet, Kind::Role, "developers"), [""; 0]);
    assert_eq!(needed(&fleet, Kind::Environment, "shop/production"), [""; 0]);
}

#[test]
fn what_names_an_object_follows_its_new_name() {
    let fleet = parsed(&example());
    let renamed = |kind, old: &str, new: &str| object::renamed(&fleet, &place(kind, old), &name(new));
    let after = renamed(Kind::Server, "web-1", "www-1");
    assert_eq!(after.clusters[0].servers[0].server, name("www-1"));
    let after = renamed(Kind::Application, "shop", "store");
    assert_eq!(after.roles[1].grants[1].application, Pattern::Only(name("store")));
    let after = renamed(Kind::Environment, "shop/staging", "testing");
    assert_eq!(after.applications[0].environments[0].name, name("testing"));
    assert_eq!(after.roles[1].grants[2].environment, Pattern::Only(name("testing")));
    // Of every application: that says nothing of this one.
    let after = renamed(Kind::Environment, "shop/production", "live");
    assert_eq!(after.roles[2].grants[0].environment, Pattern::Only(name("production")));
    for after in [renamed(Kind::Cluster, "web-a", "a"), renamed(Kind::Calendar, "office", "day")] {
        assert_eq!(object::checked(&after), Ok(()));
    }
}

#[test]
fn problems_begin_at_the_object_or_name_another() {
    let fleet = parsed(&example());
    let put = |kind, text: &str, object| -> Vec<String> {
        let problems = object::put(&fleet, &place(kind, text), object).unwrap_err();
        problems.iter().map(ToString::to_string).collect()
    };
    let server = json!({ "name": "web-9", "port": 0, "surprise": 1 });
    assert_eq!(
        put(Kind::Server, "web-9", server),
        ["host: is missing", "port: must be 1 to 65535", "surprise: is not a known key"]
    );
    let cluster = json!({ "name": "web-a", "servers": [{ "server": "web-7" }] });
    assert_eq!(put(Kind::Cluster, "web-a", cluster), ["servers[0].server: there is no server \"web-7\""]);
    let environment = json!({ "name": "qa" });
    assert!(put(Kind::Environment, "shop/qa", environment).contains(&"target_path: is missing".to_owned()));

    let without = object::without(&fleet, &place(Kind::Server, "web-1"));
    let problems = object::checked(&without).unwrap_err();
    assert_eq!(problems[0].to_string(), "cluster web-a: servers[0].server: there is no server \"web-1\"");
}

#[test]
fn references_to_the_servers_surroundings_are_the_command_lines_alone() {
    let page = |password: &str| json!({ "url": "https://lb/stats", "user": "ops", "password": password });
    let paths = |object| -> Vec<String> {
        object::references(&object).into_iter().map(|problem| problem.path).collect()
    };
    assert_eq!(paths(json!({ "webhook_secret": "env:HOOK" })), ["webhook_secret"]);
    assert_eq!(
        paths(
            json!({ "endpoints": ["tcp://a:1", page("file:/etc/shadow"), page("stored:"), page("env:X")] })
        ),
        ["endpoints[1].password", "endpoints[3].password"]
    );
    assert_eq!(paths(json!({ "webhook_secret": "hush" })), [""; 0]);
}

#[test]
fn what_a_file_does_not_name_stays_where_it_may_with_the_place_it_stands_in() {
    let old = parsed(&example_with("/servers/0/port", 2222));
    let new = parsed(&json!({ "servers": [{ "name": "web-1", "host": "10.0.0.11" }] }));
    let everything = overlay(old.clone(), new.clone(), |_| true);
    assert_eq!((everything.servers.len(), everything.servers[0].port), (2, 22));
    assert_eq!(everything.applications, old.applications);
    assert_eq!(overlay(old.clone(), new.clone(), |_| false), new);
    let staging = place(Kind::Environment, "shop/staging");
    let kept = overlay(old, new, |place| *place == staging);
    let names: Vec<&str> = kept.applications[0].environments.iter().map(|one| one.name.as_str()).collect();
    assert_eq!((kept.applications.len(), names), (1, vec!["staging"]));
}
