//! Reading: defaults, and every kind of mistake with its path.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::{example, example_with, parsed, set};
use crate::domain::fleet::parse::{keys, parse};
use crate::domain::fleet::{Approval, Layout, Method, Strategy, SyncMethod};
use crate::domain::permission::{GlobalPermission, Pattern};
use crate::tests::config::documented_keys;

fn problems(value: &Value) -> Vec<String> {
    parse(value).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_is_a_fleet() {
    let fleet = parsed(&example());
    assert_eq!(fleet.servers.len(), 2);
    assert_eq!(fleet.applications[0].environments[1].target_path, "/srv/shop");
}

#[test]
fn an_empty_file_is_an_empty_fleet() {
    assert_eq!(parsed(&json!({})), crate::domain::fleet::Fleet::default());
}

#[test]
fn what_is_left_out_has_its_default() {
    let fleet = parsed(&json!({
        "servers": [{ "name": "web-1", "host": "web-1.example.com" }],
        "roles": [{ "name": "readers", "grants": [{ "permission": "read" }] }],
        "applications": [{ "name": "shop", "repository": "/srv/git/shop", "environments": [{
            "name": "production", "deploy_from": { "tags": "*" },
            "target_path": "/srv/shop/", "remote_user": "deploy",
            "health_check": { "command": "true" }
        }]}]
    }));
    assert_eq!((fleet.servers[0].port, fleet.servers[0].active), (22, true));
    assert_eq!(fleet.roles[0].grants[0].application, Pattern::All);
    let environment = &fleet.applications[0].environments[0];
    assert_eq!(environment.target_path, "/srv/shop", "a slash at the end means nothing to us");
    assert_eq!(environment.layout, Layout::InPlace);
    assert_eq!(environment.sync, SyncMethod::Rsync);
    assert_eq!(environment.rsync_options, ["-az", "--delete"]);
    assert_eq!(environment.strategy, Strategy::Clusters);
    assert_eq!(environment.method, Method::Rsync);
    assert_eq!(environment.approval, Approval::default());
    assert_eq!((environment.keep_releases, environment.delete_threshold), (5, 50));
    assert!(environment.fail_on_failed_tests && environment.drift_check && !environment.auto_deploy);
    let check = environment.health_check.as_ref().unwrap();
    assert_eq!((check.attempts, check.interval_s), (10, 3));
}

#[rstest]
#[case("/servers/0/host", json!("-oProxyCommand=id"), "servers[0].host: must be a host name or an address")]
#[case("/servers/0/port", json!(0), "servers[0].port: must be 1 to 65535")]
#[case("/servers/0/port", json!("22"), "servers[0].port: must be a whole number")]
#[case("/servers/0/prot", json!(22), "servers[0].prot: is not a known key")]
#[case("/servers/0/active", json!(1), "servers[0].active: must be true or false")]
#[case("/roles/2/name", json!(null), "roles[2].name: must be text")]
#[case("/load_balancers/0/endpoints", json!([]), "load_balancers[0].endpoints: must not be empty")]
#[case("/load_balancers/0/endpoints/0", json!("tcp://x"), "load_balancers[0].endpoints[0]: must be tcp://host:port or unix:///path")]
#[case("/load_balancers/0/endpoints/0", json!({"url": "https://x", "user": "a"}), "load_balancers[0].endpoints[0].password: is missing")]
#[case("/clusters/0/load_balancer", json!("egde"), "clusters[0].load_balancer: there is no load balancer \"egde\" in this file")]
#[case("/clusters/0/servers/0/server", json!("web-9"), "clusters[0].servers[0].server: there is no server \"web-9\" in this file")]
#[case("/clusters/0/servers/0/backend_server", json!("WEB1; disable"), "clusters[0].servers[0].backend_server: must be letters, digits, '.', '_', '-' and ':'")]
#[case("/roles/2/name", json!("developers"), "roles[2].name: is already the name of roles[1]")]
#[case("/calendars/0/timezone", json!("Europe/Pariis"), "calendars[0].timezone: must be an IANA time zone such as Europe/Paris")]
#[case("/calendars/0/weekly/0/from", json!("8:00"), "calendars[0].weekly[0].from: must be a time of day from 00:00 to 24:00")]
#[case("/calendars/0/weekly/0/to", json!("24:01"), "calendars[0].weekly[0].to: must be a time of day from 00:00 to 24:00")]
#[case("/calendars/0/weekly/0/to", json!("08:00"), "calendars[0].weekly[0].to: must be later than from; a span over midnight is two spans")]
#[case("/calendars/0/weekly/0/days", json!(["mon", "mon"]), "calendars[0].weekly[0].days[1]: is listed twice")]
#[case("/calendars/0/weekly/0/days", json!([]), "calendars[0].weekly[0].days: must not be empty")]
#[case("/calendars/0/weekly", json!([]), "calendars[0].weekly: must not be empty: nothing could ever start")]
#[case("/calendars/0/closed/0", json!("2026-02-29"), "calendars[0].closed[0]: must be a day as YYYY-MM-DD")]
#[case("/roles/1/grants/0/permission", json!("write"), "roles[1].grants[0].permission: must be \"read\" or \"request\" or \"deploy_in_window\" or \"deploy\" or \"review\"")]
#[case("/roles/1/users", json!(["ldap:rosa"]), "roles[1].users[0]: must be 1 to 63 of a-z, 0-9, '.', '_' and '-', starting with a letter or digit; before it \"github:\" or \"local:\" may stand")]
#[case("/roles/0/grants", json!([{"permission": "read"}]), "roles[0].grants: the role admin may do everything and takes no grants")]
#[case("/roles/0/global", json!(["read_all"]), "roles[0].global: of the role admin is always [\"admin\"]")]
#[case("/roles/1/was", json!("admin"), "roles[1].was: is still the name of roles[0]")]
#[case("/roles/1/was", json!("default"), "roles[1].was: the roles admin and default cannot be renamed")]
#[case("/applications/0/repository", json!("http://git.example.com/x"), "applications[0].repository: must be an https or ssh URL, git@host:path or an absolute path")]
#[case("/applications/0/tags", json!("v *"), "applications[0].tags: must be a glob over tags, such as \"v*\"")]
#[case("/applications/0/owners/0", json!("shop"), "applications[0].owners[0]: must be a mail address")]
#[case("/applications/0/github", json!("acme"), "applications[0].github: must be owner/name")]
#[case("/applications/0/webhook_secret", json!(""), "applications[0].webhook_secret: must not be empty")]
#[case("/applications/0/webhook_secret", json!("env:"), "applications[0].webhook_secret: must name a variable after env:")]
#[case("/applications/0/webhook_secret", json!("stored:x"), "applications[0].webhook_secret: must be \"stored:\" and nothing more")]
#[case("/applications/0/environments/1/name", json!("staging"), "applications[0].environments[1].name: is already the name of applications[0].environments[0]")]
#[case("/applications/0/environments/1/target_path", json!("/srv/../etc"), "applications[0].environments[1].target_path: must not hold '.', '..' or empty parts")]
#[case("/applications/0/environments/1/target_path", json!("/home/deploy"), "applications[0].environments[1].target_path: must be at least two folders deep and not a home")]
#[case("/applications/0/environments/1/remote_user", json!("-l"), "applications[0].environments[1].remote_user: must be a Unix account: a-z, 0-9, '_' and '-', at most 32")]
#[case("/applications/0/environments/1/clusters", json!(["web-a", "web-c"]), "applications[0].environments[1].clusters[1]: there is no cluster \"web-c\" in this file")]
#[case("/applications/0/environments/1/clusters", json!(["web-a", "web-a"]), "applications[0].environments[1].clusters[1]: is listed twice")]
#[case("/applications/0/environments/1/calendar", json!("night"), "applications[0].environments[1].calendar: there is no calendar \"night\" in this file")]
#[case("/applications/0/environments/1/promote_from", json!("qa"), "applications[0].environments[1].promote_from: there is no environment \"qa\" in this file")]
#[case("/applications/0/environments/1/promote_from", json!("production"), "applications[0].environments[1].promote_from: \"production\" is promoted from itself, in a circle")]
#[case("/applications/0/environments/1/sync", json!("delta"), "applications[0].environments[1].sync: \"delta\" is not built yet; use \"rsync\"")]
#[case("/applications/0/environments/1/method", json!("command"), "applications[0].environments[1].command: is missing: method \"command\" needs it")]
#[case("/applications/0/environments/1/command", json!("ansible"), "applications[0].environments[1].command: has no meaning without method \"command\"")]
#[case("/applications/0/environments/1/health_check", json!({}), "applications[0].environments[1].health_check: must have either command or url")]
#[case("/applications/0/environments/1/health_check", json!({"command": "x", "url": "http://x"}), "applications[0].environments[1].health_check: must have either command or url")]
#[case("/applications/0/environments/1/deploy_from", json!({"tags": "v*", "branch": "main"}), "applications[0].environments[1].deploy_from: must have either tags or branch")]
#[case("/applications/0/environments/1/delete_threshold", json!(101), "applications[0].environments[1].delete_threshold: must be 0 to 100")]
#[case("/applications/0/environments/1/approval/required", json!(21), "applications[0].environments[1].approval.required: must be 0 to 20")]
#[case("/applications/0/environments/1/approval/required", json!(-1), "applications[0].environments[1].approval.required: must be 0 to 20")]
#[case("/applications/0/environments/1/approval/review_hours", json!(0), "applications[0].environments[1].approval.review_hours: must be 1 to 720")]
#[case("/applications/0/environments/1/approval/slot_minutes", json!(1441), "applications[0].environments[1].approval.slot_minutes: must be 1 to 1440")]
#[case("/applications/0/environments/1/approval/stand_hours", json!(169), "applications[0].environments[1].approval.stand_hours: must be 1 to 168")]
#[case("/applications/0/environments/1/approval/groups", json!([{"role": "auditors", "required": 1}]), "applications[0].environments[1].approval.groups[0].role: there is no role \"auditors\" in this file")]
#[case("/applications/0/environments/1/approval/groups", json!([{"role": "admin"}]), "applications[0].environments[1].approval.groups[0].required: is missing")]
#[case("/applications/0/environments/1/approval/review_list", json!(["a@b\r\nBcc: c@d"]), "applications[0].environments[1].approval.review_list[0]: must be a mail address")]
#[case("/applications/0/environments/1/rsync_options", json!(["-az", "--rsh=sh"]), "applications[0].environments[1].rsync_options[1]: is not among the options of rsync that may be used")]
#[case("/applications/0/environments/1", json!("production"), "applications[0].environments[1]: must be an object")]
#[case("/applications", json!({}), "applications: must be a list")]
#[case("/extra\u{202e}", json!(1), "extra\u{fffd}: is not a known key")]
fn one_mistake_gives_one_problem(#[case] place: &str, #[case] value: Value, #[case] expected: &str) {
    assert_eq!(problems(&example_with(place, value)), [expected]);
}

#[test]
fn a_load_balancer_and_a_backend_need_each_other() {
    let mut fleet = example();
    fleet["clusters"][0].as_object_mut().unwrap().remove("backend");
    fleet["clusters"][1].as_object_mut().unwrap().remove("load_balancer");
    assert_eq!(
        problems(&fleet),
        [
            "clusters[0].backend: is missing: load_balancer needs it",
            "clusters[1].load_balancer: is missing: backend needs it",
            "clusters[1].servers[0].backend_server: has no meaning without a load_balancer",
        ]
    );
}

#[test]
fn nothing_stops_at_the_first_mistake() {
    let mut fleet = example();
    set(&mut fleet, "/servers/0/host", "a b");
    set(&mut fleet, "/calendars/0/weekly/1/days/0", "friday");
    set(&mut fleet, "/applications/0/environments/0/remote_user", "Root");
    set(&mut fleet, "/applications/0/environments/1/target_path", "srv");
    fleet["applications"][0].as_object_mut().unwrap().remove("name");
    let paths: Vec<_> = parse(&fleet).unwrap_err().into_iter().map(|problem| problem.path).collect();
    assert_eq!(
        paths,
        [
            "servers[0].host",
            "calendars[0].weekly[1].days[0]",
            "applications[0].name",
            "applications[0].environments[0].remote_user",
            "applications[0].environments[1].target_path",
        ],
        "and a server that is wrong in itself is not called unknown by its cluster"
    );
}

#[test]
fn a_second_key_of_the_same_name_does_not_quietly_win() {
    let text = r#"{"applications": [{"approval": {"required": 2}, "approval": {"required": 0}}]}"#;
    let error = crate::domain::document::from_text(text).unwrap_err();
    assert!(error.starts_with("the key \"approval\" stands twice at line 1"), "{error}");
    let plain = r#"{"a": [1, -2, 0.5, true, null, "x", {"b": {}}]}"#;
    let expected: Value = serde_json::from_str(plain).unwrap();
    assert_eq!(crate::domain::document::from_text(plain), Ok(expected));
}

#[test]
fn two_that_say_they_were_the_same_are_refused() {
    let mut fleet = example_with("/servers/0/was", "web-0");
    set(&mut fleet, "/servers/1/was", "web-0");
    assert_eq!(problems(&fleet), ["servers[1].was: is already the former name of servers[0]"]);
}

#[test]
fn the_role_admin_may_be_given_people_and_stays_what_it_is() {
    let fleet = parsed(&example_with("/roles/0/global", json!(["admin"])));
    assert_eq!(fleet.roles[0].global, [GlobalPermission::Admin]);
    assert_eq!(parsed(&example()).roles[0].global, [GlobalPermission::Admin]);
}

#[rstest]
#[case("https://git.example.com/acme/shop.git", true)]
#[case("ssh://git@git.example.com:2222/acme/shop.git", true)]
#[case("git@github.com:acme/shop.git", true)]
#[case("/srv/git/shop with space.git", true)]
#[case("http://git.example.com/shop.git", false)]
#[case("git://git.example.com/shop.git", false)]
#[case("ext::sh -c id", false)]
#[case("file:///srv/git", false)]
#[case("--upload-pack=id", false)]
#[case("-x@host:path", false)]
#[case("git@-oProxyCommand=id:path", false)]
#[case("git@host:-x", false)]
#[case("ssh://-oProxyCommand=id/x", false)]
#[case("ssh://git@host", false)]
#[case("https://user:password@host/x", false)]
#[case("relative/path", false)]
#[case("/", false)]
#[case("", false)]
fn repositories_come_from_where_git_is_safe(#[case] repository: &str, #[case] allowed: bool) {
    assert_eq!(parse(&example_with("/applications/0/repository", repository)).is_ok(), allowed);
}

#[rstest]
#[case("-az", true)]
#[case("--exclude=/cache", true)]
#[case("--partial", true)]
#[case("--exclude=two words", true)]
#[case("--chmod=D2775,F664", true)]
#[case("--chmod=u=rwX,go=rX", true)]
#[case("--chmod=F4755", false)]
#[case("--chmod=u+s", false)]
#[case("--chmod=D755 --rsh=sh", false)]
#[case("--chmod=,", false)]
#[case("--chmod=", false)]
#[case("-a --rsh=sh", false)]
#[case("--delete --rsh=sh", false)]
#[case("--exclude", false)]
#[case("--exclude-from=/etc/passwd", false)]
#[case("--filter=merge /etc/passwd", false)]
#[case("--link-dest=/etc", false)]
#[case("--delete-excluded", false)]
#[case("--copy-unsafe-links", false)]
#[case("--address=10.0.0.1", false)]
#[case("--max-alloc=1", false)]
#[case("--usermap=*:root", false)]
#[case("--trust-sender", false)]
#[case("-e", false)]
#[case("-aze", false)]
#[case("--rsh=ssh", false)]
#[case("--rs", false)]
#[case("--rsync-p=/tmp/x", false)]
#[case("--files-from=/etc/passwd", false)]
#[case("--files-f", false)]
#[case("--", false)]
#[case("host:/path", false)]
#[case("", false)]
fn rsync_options_stay_within_the_target(#[case] option: &str, #[case] allowed: bool) {
    let fleet = example_with("/applications/0/environments/0/rsync_options", json!([option]));
    assert_eq!(parse(&fleet).is_ok(), allowed);
}

#[rstest]
#[case("ssh-ed25519", false)]
#[case("ssh-ed25519 AAAA", false)]
#[case("ssh-dss AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000000", false)]
#[case("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false)]
#[case("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", true)]
#[case("host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false)]
#[case("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nx", false)]
fn host_keys_are_public_keys(#[case] key: &str, #[case] allowed: bool) {
    assert_eq!(parse(&example_with("/servers/0/host_key", key)).is_ok(), allowed);
}

#[test]
fn every_key_is_documented_and_every_documented_key_exists() {
    let known: BTreeSet<String> = keys().into_keys().collect();
    assert_eq!(documented_keys("docs/fleet.md"), known);
}

proptest! {
    /// Whatever stands anywhere in the file, reading it ends with words.
    #[test]
    fn no_text_anywhere_upsets_the_reading(text: String, which in 0usize..1000) {
        let mut fleet = example();
        let mut texts = Vec::new();
        gather(&mut fleet, &mut texts);
        let count = texts.len();
        *texts[which % count] = text;
        let _either = parse(&fleet);
    }
}

fn gather<'a>(value: &'a mut Value, texts: &mut Vec<&'a mut String>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter_mut().for_each(|item| gather(item, texts)),
        Value::Object(fields) => fields.values_mut().for_each(|value| gather(value, texts)),
        _ => {}
    }
}
