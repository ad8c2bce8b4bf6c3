//! What differs from the seal, and what a change of the fleet makes laxer.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::fleet::Fleet;
use crate::domain::fleet::approval_changes::approval_changes;
use crate::domain::fleet::parse::parse;
use crate::domain::name::{CommitId, Name};
use crate::domain::pause::Pause;
use crate::domain::recipe::{Difference, configuration_differences, host_differences};
use crate::domain::request::{Request, RequestState, VoidCause};
use crate::domain::seal::Seal;
use crate::tests::harness::{production, server};

/// A request that waits, for what does not look at the rest of it.
pub fn request(created_at: Timestamp, until: Timestamp) -> Request {
    let name = |text| Name::parse(text).unwrap();
    let commit = CommitId::parse(&"a".repeat(40)).unwrap();
    let seal = Seal {
        application: name("shop"),
        environment: name("production"),
        from: None,
        to: commit.clone(),
        tag: None,
        tag_object: None,
        patch_sha256: String::new(),
        hosts: String::new(),
        configuration: String::new(),
    };
    Request {
        id: 1,
        application: name("shop"),
        environment: name("production"),
        release: commit.to_string(),
        commit,
        from: None,
        from_release: None,
        requester: name("dana"),
        asked_by: None,
        reason: String::new(),
        ticket: String::new(),
        rollback: false,
        state: RequestState::AwaitingReview { until },
        fingerprint: seal.fingerprint(),
        seal,
        stat: crate::domain::diff::DiffStat::default(),
        notes: Vec::new(),
        required: 1,
        terms: Vec::new(),
        authors: Vec::new(),
        author_mails: Vec::new(),
        pause: Pause::default(),
        created_at,
        accepted_at: None,
        deployment: None,
        version: 1,
    }
}

fn words(differences: &[Difference]) -> Vec<String> {
    differences.iter().map(Difference::words).collect()
}

#[test]
fn hosts_that_came_went_or_changed_are_named() {
    let before = json!([
        ["web-1", "10.0.0.1", 22, "ssh-ed25519 AAAA", "deploy", "web", null],
        ["web-2", "10.0.0.2", 22, "ssh-ed25519 AAAA", "deploy", "web", null],
    ]);
    let after = json!([
        ["web-1", "10.0.0.1", 2222, "ssh-ed25519 BBBB", "deploy", "web", null],
        ["web-9", "10.0.0.9", 22, null, "deploy", "web", null],
    ]);
    let expected = [
        "port of web-1: 22 → 2222",
        "host key of web-1: ssh-ed25519 AAAA → ssh-ed25519 BBBB",
        "web-2 in web: among the hosts → removed",
        "web-9 in web: not there → added",
    ];
    assert_eq!(words(&host_differences(&before, &after)), expected);
    assert!(host_differences(&before, &before).is_empty());
    // The same server in another cluster is another place.
    let moved = json!([["web-1", "10.0.0.1", 22, "ssh-ed25519 AAAA", "deploy", "side", null]]);
    let expected = ["web-1 in side: not there → added", "web-1 in web: among the hosts → removed"];
    let first = Value::Array(vec![before[0].clone()]);
    assert_eq!(words(&host_differences(&first, &moved)), expected);
}

#[test]
fn settings_are_named_with_what_they_were_and_are_and_never_without_end() {
    let (before, after) =
        (json!({ "path": "/srv/a", "batch": null }), json!({ "path": "/srv/b", "batch": 2 }));
    let expected = ["batch: none → 2", "path: /srv/a → /srv/b"];
    assert_eq!(words(&configuration_differences(&before, &after)), expected);
    let long = |letter: &str| json!({ "options": letter.repeat(10_000) });
    assert!(words(&configuration_differences(&long("a"), &long("b")))[0].len() < 400);
    let many = |address: &str| {
        (0..100).map(|number| json!([format!("web-{number}"), address, 22, null, "u", "web", null])).collect()
    };
    let found = host_differences(&Value::Array(many("a")), &Value::Array(many("b")));
    assert_eq!((found.len(), found[20].what.as_str()), (21, "80 more"));
}

#[test]
fn a_cause_that_was_stored_without_differences_is_still_read() {
    for cause in ["hosts_changed", "configuration_changed"] {
        let stored: VoidCause = serde_json::from_value(json!({ "cause": cause })).unwrap();
        assert!(stored.differs().is_empty());
        assert!(stored.words().ends_with("changed after the request."), "{}", stored.words());
    }
    let stored = json!({ "cause": "quorum_raised", "have": 1, "need": 2 });
    let stored: VoidCause = serde_json::from_value(stored).unwrap();
    assert_eq!(stored.words(), "This environment asks for 2 accepts now, and 1 counts.");
}

fn fleet(edit: impl FnOnce(&mut Value)) -> Fleet {
    let mut file = json!({
        "servers": [server("web-1", 1)],
        "clusters": [{ "name": "web", "servers": [{ "server": "web-1" }] }],
        "calendars": [
            { "name": "office", "timezone": "Europe/Paris", "weekly": [{ "days": ["mon"], "from": "08:00", "to": "18:00" }] },
            { "name": "always", "timezone": "UTC", "weekly": [{ "days": ["mon"], "from": "00:00", "to": "24:00" }] },
        ],
        "roles": [{ "name": "ops" }, { "name": "owners" }],
        "applications": [{ "name": "shop", "repository": "/srv/git/shop", "environments": [{
            "name": "production", "deploy_from": { "tags": "v*" }, "target_path": "/srv/shop/app",
            "remote_user": "deploy", "clusters": ["web"], "calendar": "office",
            "approval": {
                "required": 2, "authors_count": false, "covers_rollback": false, "review_list": ["old@example.com"],
                "groups": [{ "role": "ops", "required": 1 }],
            },
        }] }],
    });
    edit(&mut file);
    parse(&file).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn told(edit: impl FnOnce(&mut Value)) -> Vec<String> {
    let (old, new) = (fleet(|_| {}), fleet(edit));
    let found = approval_changes(&old, &new, &new);
    assert!(found.iter().all(|change| change.told == ["old@example.com"]), "{found:?}");
    found.into_iter().flat_map(|change| change.changes).collect()
}

type Edit = fn(&mut Value);

#[test]
fn what_loosens_or_changes_who_approves_is_told_and_nothing_else() {
    let changes: [(Edit, &str); 11] = [
        (
            |fleet| production(fleet)["approval"]["required"] = json!(1),
            "It takes 1 accept instead of 2 accepts.",
        ),
        (
            |fleet| production(fleet)["approval"]["required"] = json!(0),
            "It takes 1 accept instead of 2 accepts.",
        ),
        (
            |fleet| production(fleet)["approval"]["self_approval"] = json!(true),
            "Whoever asks may approve their own request.",
        ),
        (
            |fleet| production(fleet)["approval"]["authors_count"] = json!(true),
            "The accept of an author counts.",
        ),
        (
            |fleet| production(fleet)["approval"]["groups"] = json!([{ "role": "owners", "required": 1 }]),
            "The groups were 1 of ops and are 1 of owners.",
        ),
        (
            |fleet| production(fleet)["approval"]["review_list"] = json!([]),
            "The review list was old@example.com and is empty.",
        ),
        (
            |fleet| production(fleet)["approval"]["stand_hours"] = json!(168),
            "An approval stands for 168 hours instead of 24.",
        ),
        (
            |fleet| production(fleet)["approval"]["slot_minutes"] = json!(90),
            "A link works for 90 minutes instead of 60.",
        ),
        (
            |fleet| production(fleet)["approval"]["covers_rollback"] = json!(true),
            "Who accepts a release accepts the way back from it as well.",
        ),
        (|fleet| production(fleet)["calendar"] = json!("always"), "The calendar was office and is always."),
        (
            |fleet| fleet["calendars"][0]["weekly"][0]["to"] = json!("24:00"),
            "The hours or days of the calendar office changed.",
        ),
    ];
    for (edit, words) in changes {
        assert_eq!(told(edit), [words]);
    }
    let quiet: [Edit; 6] = [
        |fleet| production(fleet)["approval"]["stand_hours"] = json!(12),
        |_| {},
        |fleet| production(fleet)["approval"]["required"] = json!(3),
        |fleet| production(fleet)["approval"]["slot_minutes"] = json!(30),
        |fleet| production(fleet)["strategy"] = json!("all"),
        |fleet| fleet["calendars"][1]["timezone"] = json!("Europe/Berlin"),
    ];
    for edit in quiet {
        assert!(told(edit).is_empty());
    }
}

#[test]
fn a_release_that_need_not_be_promoted_any_more_is_told() {
    let of = |promoted: Option<&str>| {
        fleet(|fleet| {
            let environments = fleet["applications"][0]["environments"].as_array_mut().unwrap();
            let mut staging = environments[0].clone();
            (staging["name"], staging["target_path"]) = (json!("staging"), json!("/srv/shop/staging"));
            if let Some(from) = promoted {
                environments[0]["promote_from"] = json!(from);
            }
            environments.push(staging);
        })
    };
    let (old, new) = (of(Some("staging")), of(None));
    let found = approval_changes(&old, &new, &new);
    assert_eq!(found[0].changes, ["A release need not have succeeded in staging any more."]);
    assert_eq!(approval_changes(&new, &old, &old), []);
}

#[test]
fn a_new_name_is_no_way_around_it() {
    let renamed = |fleet: &mut Value| {
        fleet["applications"][0]["was"] = json!("shop");
        fleet["applications"][0]["name"] = json!("store");
        production(fleet)["was"] = json!("production");
        production(fleet)["name"] = json!("live");
        fleet["calendars"][0]["was"] = json!("office");
        fleet["calendars"][0]["name"] = json!("hours");
        production(fleet)["calendar"] = json!("hours");
    };
    assert!(told(renamed).is_empty(), "a name alone changes nothing");
    let both = |fleet: &mut Value| {
        renamed(fleet);
        production(fleet)["approval"]["self_approval"] = json!(true);
    };
    assert_eq!(told(both), ["Whoever asks may approve their own request."]);
}
