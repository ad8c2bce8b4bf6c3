//! The forms of administration: what they show is what they send back, and what is
//! wrong is said by the field it is wrong in.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::export::any_fleet;
use super::{example, parsed};
use crate::domain::document::Problem;
use crate::domain::fleet::object::{self, Place};
use crate::domain::fleet::{Fleet, Kind};
use crate::web::sheet::view::{Difference, Names, Shape, differences, sections};
use crate::web::sheet::{Errors, Typed, blank, normalised, read, sheet_of, show, sort_out};

fn typed(pairs: &[(&str, &str)]) -> Typed {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The object that comes back when the form is sent as it was shown.
fn sent_back(object: &Value, kind: Kind) -> Value {
    let sheet = sheet_of(kind);
    let shown = show(&sheet, object);
    read(&sheet, &normalised(&sheet, &shown).expect("its own fields"), Some(object))
}

#[track_caller]
fn nothing_is_lost(fleet: &Fleet) {
    for (place, object) in object::objects(fleet) {
        let mut back = sent_back(&object, place.kind);
        if place.kind == Kind::Application {
            let whole = object::find(fleet, &place).unwrap();
            back["environments"] = whole["environments"].clone();
        }
        let again = object::put(fleet, &place, back.clone());
        assert_eq!(again.as_ref(), Ok(fleet), "{place}: {back}");
    }
}

#[test]
fn a_form_that_is_sent_as_it_was_shown_changes_nothing() {
    let mut fleet = example();
    fleet["applications"][0]["webhook_secret"] = json!("hush-hush");
    fleet["load_balancers"][0]["endpoints"] = json!([
        "tcp://10.0.0.5:9999",
        { "url": "https://lb/stats", "user": "ops", "password": "hunter2" },
    ]);
    let production = &mut fleet["applications"][0]["environments"][1];
    production["health_check"] = json!({ "url": "https://shop/health" });
    production["batch"] = json!("25%");
    production["strategy"] = json!("rolling");
    production["approval"]["groups"] = json!([{ "role": "admin", "required": 1 }]);
    nothing_is_lost(&parsed(&fleet));
}

proptest! {
    #[test]
    fn that_holds_for_any_fleet(fleet in any_fleet()) {
        nothing_is_lost(&fleet);
    }
}

#[test]
fn no_form_shows_a_secret() {
    let page = json!({ "url": "https://lb/stats", "user": "ops", "password": "hunter2" });
    for (kind, object) in [
        (Kind::LoadBalancer, json!({ "name": "edge", "endpoints": [page] })),
        (Kind::Application, json!({ "name": "shop", "webhook_secret": "hunter2" })),
    ] {
        let shown = show(&sheet_of(kind), &object);
        assert!(!format!("{shown:?}").contains("hunter2"), "{shown:?}");
    }
}

#[test]
fn a_new_object_begins_with_the_defaults_of_the_file() {
    let mut server = sent_back(&blank(Kind::Server), Kind::Server);
    (server["name"], server["host"]) = (json!("web-9"), json!("10.0.0.9"));
    let mut environment = sent_back(&blank(Kind::Environment), Kind::Environment);
    environment["name"] = json!("qa");
    environment["deploy_from"] = json!({ "tags": "v*" });
    (environment["target_path"], environment["remote_user"]) = (json!("/srv/qa/shop"), json!("deploy"));
    let bare = json!({
        "servers": [{ "name": "web-9", "host": "10.0.0.9" }],
        "applications": [{ "name": "shop", "repository": "/srv/shop.git", "environments": [{
            "name": "qa", "deploy_from": { "tags": "v*" }, "target_path": "/srv/qa/shop", "remote_user": "deploy",
        }] }],
    });
    let mut full = bare.clone();
    full["servers"][0] = server;
    full["applications"][0]["environments"][0] = environment;
    assert_eq!(parsed(&full), parsed(&bare));
}

#[rstest]
#[case::a_number(Kind::Server, &[("name", "a"), ("port", " 2222 ")], json!({ "name": "a", "port": 2222, "active": false }))]
#[case::no_number(Kind::Server, &[("port", "many"), ("active", "1")], json!({ "port": "many", "active": true }))]
#[case::empty_rows(
    Kind::Cluster,
    &[("name", "web"), ("servers.0.server", ""), ("servers.4.server", "web-1"), ("servers.4.backend_server", " "),
      ("servers.9.server", "web-2")],
    json!({ "name": "web", "servers": [{ "server": "web-1" }, { "server": "web-2" }] })
)]
#[case::lines(
    Kind::Role,
    &[("name", "ops"), ("users", "rosa\r\n\r\n  local:bot  \r\n"), ("global.read_all", "1")],
    json!({ "name": "ops", "users": ["rosa", "local:bot"], "github_teams": [], "global": ["read_all"], "grants": [] })
)]
#[case::endpoints(
    Kind::LoadBalancer,
    &[("name", "edge"), ("endpoints.0.url", "unix:///run/h.sock"), ("endpoints.1.url", "http://lb/stats"),
      ("endpoints.1.user", "ops"), ("endpoints.2.url", "https://lb/stats"), ("endpoints.2.password", " x "),],
    json!({ "name": "edge", "endpoints": [
        "unix:///run/h.sock",
        { "url": "http://lb/stats", "user": "ops", "password": "stored:" },
        { "url": "https://lb/stats", "password": " x " },
    ] })
)]
#[case::hours(
    Kind::Calendar,
    &[("name", "office"), ("timezone", "UTC"), ("weekly.1.days.fri", "1"), ("weekly.1.days.mon", "1"),
      ("weekly.1.from", "08:00"), ("weekly.1.to", "14:00")],
    json!({ "name": "office", "timezone": "UTC",
            "weekly": [{ "days": ["mon", "fri"], "from": "08:00", "to": "14:00" }], "closed": [], "holidays": [] })
)]
fn what_is_typed_becomes_the_object(
    #[case] kind: Kind,
    #[case] sent: &[(&str, &str)],
    #[case] object: Value,
) {
    let sheet = sheet_of(kind);
    assert_eq!(read(&sheet, &normalised(&sheet, &typed(sent)).unwrap(), None), object);
}

#[test]
fn a_batch_is_a_number_or_a_share_and_attempts_alone_are_left_to_be_judged() {
    let sheet = sheet_of(Kind::Environment);
    let of = |sent: &[(&str, &str)]| read(&sheet, &typed(sent), None);
    assert_eq!(of(&[("batch", "2")])["batch"], json!(2));
    assert_eq!(of(&[("batch", "25%")])["batch"], json!("25%"));
    assert_eq!(of(&[("health_check.attempts", "3")])["health_check"], json!({ "attempts": 3 }));
    assert_eq!(of(&[]).get("health_check"), None);
    let checked = of(&[("health_check.attempts", "3"), ("health_check.command", "true")]);
    assert_eq!(checked["health_check"], json!({ "command": "true", "attempts": 3 }));
}

#[test]
fn a_secret_that_is_left_empty_stays_and_a_ticked_box_removes_it() {
    let sheet = sheet_of(Kind::Application);
    let stored = json!({ "name": "shop", "webhook_secret": "stored:" });
    let of =
        |sent: &[(&str, &str)], before| read(&sheet, &typed(sent), before).get("webhook_secret").cloned();
    assert_eq!(of(&[], Some(&stored)), Some(json!("stored:")));
    assert_eq!(of(&[("webhook_secret", "new one")], Some(&stored)), Some(json!("new one")));
    assert_eq!(of(&[("webhook_secret.remove", "1")], Some(&stored)), None);
    assert_eq!(of(&[], None), None);
}

#[rstest]
#[case(Kind::Server, "state")]
#[case(Kind::Server, "managed")]
#[case(Kind::Server, "servers.0.server")]
#[case(Kind::Cluster, "servers.0.host")]
#[case(Kind::Cluster, "servers.x.server")]
#[case(Kind::Cluster, "servers.-1.server")]
#[case(Kind::Cluster, "servers.99999999999.server")]
#[case(Kind::Cluster, "servers")]
#[case(Kind::Role, "global.root")]
#[case(Kind::Application, "environments")]
#[case(Kind::Application, "was")]
fn a_field_that_the_form_does_not_have_is_refused(#[case] kind: Kind, #[case] name: &str) {
    assert!(normalised(&sheet_of(kind), &typed(&[(name, "x")])).is_err());
}

#[rstest]
#[case(Kind::Server, "host", "host", "is wrong")]
#[case(Kind::Cluster, "servers[1].server", "servers.1.server", "is wrong")]
#[case(Kind::Cluster, "servers", "servers", "is wrong")]
#[case(Kind::Role, "users[2]", "users", "line 3 is wrong")]
#[case(Kind::Calendar, "weekly[0].days", "weekly.0.days", "is wrong")]
#[case(Kind::Calendar, "weekly[0].days[1]", "weekly.0.days", "is wrong")]
#[case(Kind::LoadBalancer, "endpoints[0].password", "endpoints.0.password", "is wrong")]
#[case(Kind::LoadBalancer, "endpoints[1]", "endpoints.1.url", "is wrong")]
#[case(Kind::Cluster, "servers[0]", "servers.0.server", "is wrong")]
#[case(Kind::Environment, "promote_from", "promote_from", "is wrong")]
#[case(Kind::Environment, "deploy_from", "deploy_from.tags", "is wrong")]
#[case(Kind::Environment, "health_check", "health_check.command", "is wrong")]
#[case(Kind::Environment, "approval.groups[0].role", "approval.groups.0.role", "is wrong")]
#[case(Kind::Environment, "rsync_options[0]", "rsync_options", "line 1 is wrong")]
fn what_is_wrong_is_said_by_its_field(
    #[case] kind: Kind,
    #[case] path: &str,
    #[case] name: &str,
    #[case] words: &str,
) {
    let errors = sort_out(&sheet_of(kind), &[Problem::new(path, "is wrong")]);
    let expected = BTreeMap::from([(name.to_owned(), words.to_owned())]);
    assert_eq!(errors, Errors { of_fields: expected, of_the_whole: Vec::new() });
}

#[test]
fn what_no_field_can_say_is_said_above_them() {
    let problem = Problem::new("cluster web: servers[0].server", "there is no server \"web-1\"");
    let errors = sort_out(&sheet_of(Kind::Server), &[problem]);
    assert_eq!(errors.of_the_whole, ["cluster web: servers[0].server: there is no server \"web-1\""]);
    let circle = sort_out(&sheet_of(Kind::Application), &[Problem::new("environments", "in a circle")]);
    assert_eq!(circle.of_the_whole, ["environments: in a circle"]);
}

#[test]
fn every_list_has_three_empty_rows_more_and_a_lost_reference_stays_chosen() {
    let sheet = sheet_of(Kind::Cluster);
    let object = json!({ "name": "web", "servers": [{ "server": "gone" }] });
    let names = Names::from([(Kind::Server, vec!["web-1".to_owned()])]);
    let drawn = sections(&sheet, &show(&sheet, &object), &object, &Errors::default(), &names);
    let Some(Shape::Rows { rows }) = drawn[0].inputs.last().map(|input| &input.shape) else {
        panic!("no rows: {drawn:#?}");
    };
    assert_eq!(rows.len(), 4);
    let Shape::Choice { options } = &rows[0][0].shape else { panic!("no choice: {rows:#?}") };
    let offered: Vec<(&str, bool)> = options.iter().map(|one| (one.value.as_str(), one.chosen)).collect();
    assert_eq!(offered, [("", false), ("web-1", false), ("gone", true)]);
}

#[test]
fn a_conflict_names_each_field_in_which_two_people_differ() {
    let sheet = sheet_of(Kind::Server);
    let object = |host: &str, active: bool| json!({ "name": "web-1", "host": host, "active": active });
    let form = |host, active| show(&sheet, &object(host, active));
    let found = differences(&sheet, &form("10.0.0.1", true), &form("10.0.0.2", false));
    let difference = |label: &str, typed: &str, now: &str| Difference {
        label: label.to_owned(),
        typed: typed.to_owned(),
        now: now.to_owned(),
    };
    assert_eq!(found, [difference("Host", "10.0.0.1", "10.0.0.2"), difference("Active", "yes", "")]);
    assert_eq!(differences(&sheet, &form("a", true), &form("a", true)), []);
}

#[test]
fn every_key_of_the_file_has_a_field_or_is_said_not_to() {
    let elsewhere = ["was", "environments"];
    for kind in Kind::ALL {
        let list = match kind {
            Kind::Environment => "applications[].environments[].".to_owned(),
            _ => format!("{}[].", kind.list()),
        };
        let known = crate::domain::fleet::parse::keys();
        let own = known.keys().filter_map(|key| key.strip_prefix(&list));
        let has = |key: &str| {
            let (field, column) = key.split_once("[].").map_or((key, None), |(a, b)| (a, Some(b)));
            sheet_of(kind).fields().any(|known| match (known.input, column) {
                (crate::web::sheet::Input::Rows(columns), Some(column)) => {
                    known.key == field && columns.iter().any(|known| known.key == column)
                }
                (_, None) => known.key == field || known.key.starts_with(&format!("{field}.")),
                _ => false,
            })
        };
        let missing: Vec<&str> = own
            .filter(|key| {
                !elsewhere.iter().any(|other| key == other || key.starts_with(&format!("{other}[")))
            })
            .filter(|key| !has(key))
            .collect();
        assert!(missing.is_empty(), "the form of a {} lacks {missing:?}", kind.words());
    }
}

#[test]
fn an_object_is_found_where_it_was_put() {
    let fleet = parsed(&example());
    for (place, _) in object::objects(&fleet) {
        let Place { kind, .. } = &place;
        assert!(
            object::find(&fleet, &place).is_some_and(|object| object["name"] == place.name.as_str()),
            "{kind:?}"
        );
    }
}
