//! What applying a file would change.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::export::any_fleet;
use super::{example, example_with, parsed, set};
use crate::domain::fleet::Fleet;
use crate::domain::fleet::changes::{ChangeKind, changes, with_stored_secrets};

/// The changes from the example to `value`, as people read them.
fn told(value: &Value, prune: bool) -> Vec<String> {
    changes(&parsed(&example()), &parsed(value), prune).iter().map(ToString::to_string).collect()
}

#[test]
fn from_nothing_everything_is_added_in_the_order_of_the_file() {
    let added = changes(&Fleet::default(), &parsed(&example()), false);
    assert!(added.iter().all(|change| change.kind == ChangeKind::Added));
    let objects: Vec<_> = added.iter().map(|change| change.object.as_str()).collect();
    assert_eq!(
        objects,
        [
            "server web-1",
            "server web-2",
            "load balancer edge",
            "cluster web-a",
            "cluster web-b",
            "calendar office",
            "role admin",
            "role developers",
            "role release-managers",
            "application shop",
            "environment shop/production",
            "environment shop/staging",
        ]
    );
}

#[test]
fn a_change_names_each_key_with_before_and_after() {
    let mut fleet = example_with("/servers/0/port", 2222);
    set(&mut fleet, "/applications/0/environments/1/approval/required", 2);
    set(&mut fleet, "/applications/0/environments/1/clusters", json!(["web-b", "web-a"]));
    set(&mut fleet, "/applications/0/environments/1/artifact", "bundle");
    assert_eq!(
        told(&fleet, false),
        [
            "change server web-1\n  port: 22 → 2222",
            concat!(
                "change environment shop/production\n",
                "  approval.required: 1 → 2\n",
                "  artifact: none → bundle\n",
                "  clusters: [\"web-a\",\"web-b\"] → [\"web-b\",\"web-a\"]"
            ),
        ]
    );
}

#[test]
fn what_is_not_mentioned_stays_unless_pruned() {
    let mut fleet = example();
    fleet["servers"].as_array_mut().unwrap().pop();
    fleet["clusters"].as_array_mut().unwrap().pop();
    fleet["roles"] = json!([]);
    fleet["applications"][0]["environments"] = json!([]);
    assert_eq!(told(&fleet, false), Vec::<String>::new());
    assert_eq!(
        told(&fleet, true),
        [
            "remove server web-2",
            "remove cluster web-b",
            "remove role developers",
            "remove role release-managers",
            "remove environment shop/production",
            "remove environment shop/staging",
        ],
        "and the role admin stays"
    );
}

#[test]
fn a_rename_is_no_change_of_what_refers_to_it() {
    let mut fleet = example_with("/servers/0/name", "shop-1");
    set(&mut fleet, "/servers/0/was", "web-1");
    set(&mut fleet, "/servers/0/port", 23);
    set(&mut fleet, "/clusters/0/servers/0/server", "shop-1");
    assert_eq!(told(&fleet, true), ["rename server shop-1\n  name: web-1 → shop-1\n  port: 22 → 23"]);

    let applied = parsed(&fleet);
    assert_eq!(changes(&applied, &applied, true), [], "applied again, was says nothing");
}

#[test]
fn environments_follow_their_renamed_application() {
    let mut fleet = example_with("/applications/0/name", "store");
    set(&mut fleet, "/applications/0/was", "shop");
    set(&mut fleet, "/applications/0/environments/0/name", "testing");
    set(&mut fleet, "/applications/0/environments/0/was", "staging");
    set(&mut fleet, "/roles/1/grants/1/application", "store");
    set(&mut fleet, "/roles/1/grants/2/application", "store");
    set(&mut fleet, "/roles/1/grants/2/environment", "testing");
    assert_eq!(
        told(&fleet, true),
        [
            "rename application store\n  name: shop → store",
            "rename environment store/testing\n  name: staging → testing",
        ]
    );
}

fn with_secret(secret: &str) -> Fleet {
    parsed(&example_with("/applications/0/webhook_secret", secret))
}

#[test]
fn of_a_secret_only_the_fact_is_told() {
    let told = |old: &str, new: &str| {
        let changes = changes(&with_secret(old), &with_secret(new), false);
        changes.iter().flat_map(|change| change.details.clone()).collect::<Vec<_>>()
    };
    assert_eq!(told("hunter2", "hunter3"), ["webhook_secret: replaced"]);
    assert_eq!(told("stored:", "hunter3"), ["webhook_secret: replaced"]);
    assert_eq!(told("hunter2", "env:HOOK"), ["webhook_secret: stored: → env:HOOK"]);
    assert_eq!(told("env:OLD", "env:NEW"), ["webhook_secret: env:OLD → env:NEW"]);
    assert_eq!(told("hunter2", "hunter2"), Vec::<String>::new());
    assert_eq!(told("hunter2", "stored:"), Vec::<String>::new());
}

#[test]
fn a_stored_secret_is_taken_from_the_same_object_only() {
    let old = with_secret("hunter2");
    let filled = with_stored_secrets(&old, &with_secret("stored:")).unwrap();
    assert_eq!(filled.applications[0].webhook_secret.as_deref(), Some("hunter2"));

    let mut renamed = with_secret("stored:");
    renamed.applications[0].was = Some(renamed.applications[0].name.clone());
    renamed.applications[0].name = "store".parse().unwrap();
    let filled = with_stored_secrets(&old, &renamed).unwrap();
    assert_eq!(filled.applications[0].webhook_secret.as_deref(), Some("hunter2"));

    renamed.applications[0].was = None;
    let problems = with_stored_secrets(&old, &renamed).unwrap_err();
    assert_eq!(problems[0].path, "applications[0].webhook_secret");
}

#[test]
fn a_stored_password_holds_only_for_the_same_page_and_user() {
    let stats = |url: &str, user: &str, password: &str| {
        let page = json!({ "url": url, "user": user, "password": password });
        parsed(&example_with("/load_balancers/0/endpoints", json!(["tcp://x:1", page])))
    };
    let old = stats("https://lb/stats", "ops", "hunter2");
    assert!(with_stored_secrets(&old, &stats("https://lb/stats", "ops", "stored:")).is_ok());
    for moved in [stats("https://evil/stats", "ops", "stored:"), stats("https://lb/stats", "eve", "stored:")]
    {
        let problems = with_stored_secrets(&old, &moved).unwrap_err();
        assert_eq!(problems[0].path, "load_balancers[0].endpoints[1].password");
    }
    let replaced = changes(&old, &stats("https://lb/stats", "ops", "hunter3"), false);
    assert_eq!(replaced[0].details, ["endpoints: replaced"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn applying_the_same_again_changes_nothing(fleet in any_fleet()) {
        prop_assert_eq!(changes(&fleet, &fleet, true), []);
    }

    #[test]
    fn whatever_differs_is_told(old in any_fleet(), new in any_fleet()) {
        prop_assert_eq!(changes(&old, &new, true).is_empty(), old == new);
    }
}
