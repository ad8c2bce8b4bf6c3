use serde_json::json;

use super::samples::*;
use super::sound;
use crate::domain::document::Problem;
use crate::domain::fleet::Kind;
use crate::web::sheet::view::{Difference, Names, sections};
use crate::web::sheet::{Errors, Typed, blank, sheet_of, show, sort_out};
use crate::web::view::fleet_object::{
    Environments, HostKeys, KeyItem, Object, ObjectItem, Objects, Removal, Scanned, State,
};
use crate::web::view::{Link, Section, Shell};

fn item(name: &str, words: &str, warning: Option<&str>) -> ObjectItem {
    ObjectItem { name: name.into(), words: words.into(), warning: warning.map(str::to_owned), managed: true }
}

fn objects(shell: Shell, q: &str, items: Vec<ObjectItem>) -> Objects {
    Objects { shell, list: "servers", words: ("server", "servers"), q: q.into(), items }
}

#[test]
fn a_list_says_what_each_is_and_who_gave_it() {
    let items = vec![
        item("web-1", "10.0.0.11:22, key pinned", None),
        item("web-2", "10.0.0.12:22", Some("Nothing connects before a host key is pinned.")),
    ];
    let html =
        sound("typical", "admin_servers", "ready", &objects(shell(Section::Administration), "", items));
    assert!(html.contains("2 servers.") && html.contains("the fleet file"));
    sound("empty", "admin_servers", "empty", &objects(shell(Section::Administration), "", vec![]));
    sound("none-found", "admin_servers", "empty", &objects(shell(Section::Administration), HOSTILE, vec![]));
    let hostile = vec![item(HOSTILE, HOSTILE, Some(HOSTILE))];
    sound(
        "hostile",
        "admin_servers",
        "ready",
        &objects(hostile_shell(Section::Administration), HOSTILE, hostile),
    );
}

/// The form of a kind, with this typed into it.
fn form(kind: Kind, state: State, typed: &Typed, errors: Errors) -> Object {
    let sheet = sheet_of(kind);
    let names = Names::from([
        (Kind::Server, vec!["web-1".into(), HOSTILE.into()]),
        (Kind::Cluster, vec![HOSTILE.into()]),
    ]);
    Object {
        shell: shell(Section::Administration),
        page: format!("admin_{}", kind.word()),
        state,
        title: format!("New {}", kind.words()),
        crumbs: vec![Link::new("/admin", "Administration")],
        action: format!("/admin/{}", if kind == Kind::Environment { "roles" } else { kind.list() }),
        version: None,
        managed: false,
        errors: errors.of_fields.iter().map(|(name, words)| (Some(name.clone()), words.clone())).collect(),
        differences: Vec::new(),
        sections: sections(&sheet, typed, &json!({ "webhook_secret": "stored:" }), &errors, &names),
        button: "Make it".into(),
        links: Vec::new(),
        removal: None,
        environments: None,
        host_keys: None,
        hints: vec![HOSTILE.into()],
    }
}

#[test]
fn every_kind_has_a_form_empty_full_and_hostile() {
    for kind in Kind::ALL {
        let sheet = sheet_of(kind);
        let page = format!("admin_{}", kind.word());
        let empty = form(kind, State::New, &show(&sheet, &blank(kind)), Errors::default());
        sound("empty", &page, "new", &empty);
        // Something wrong and hostile in every field there is, and in the first row of each list.
        let mut typed = Typed::new();
        let mut problems = Vec::new();
        for field in sheet.fields() {
            let name = match field.input {
                crate::web::sheet::Input::Rows(columns) => format!("{}.0.{}", field.key, columns[0].key),
                _ => field.key.to_owned(),
            };
            typed.insert(name, HOSTILE.to_owned());
            problems.push(Problem::new(field.key, HOSTILE));
        }
        let html = sound(
            "hostile",
            &page,
            "invalid",
            &form(kind, State::Invalid, &typed, sort_out(&sheet, &problems)),
        );
        assert!(html.contains("It was not saved"));
    }
}

#[test]
fn a_conflict_shows_both_and_a_server_its_keys() {
    let sheet = sheet_of(Kind::Server);
    let typed = show(&sheet, &json!({ "name": "web-1", "host": "10.0.0.2", "port": 22 }));
    let difference = Difference { label: "Host".into(), typed: "10.0.0.2".into(), now: HOSTILE.into() };
    let key = |is_pinned| KeyItem {
        kind: "ssh-ed25519",
        fingerprint: format!("SHA256:{FINGERPRINT}"),
        text: "ssh-ed25519 AAAA".into(),
        is_pinned,
        is_best: true,
    };
    let keys = |scanned: Option<Scanned>, failed: Option<String>| HostKeys {
        scan: "/admin/servers/web-1/scan".into(),
        pin: "/admin/servers/web-1/pin".into(),
        pinned: Some(format!("SHA256:{FINGERPRINT}")),
        scanned,
        failed,
    };
    let scanned = |is_changed, is_same| {
        Some(Scanned { place: "10.0.0.2 port 22".into(), is_changed, is_same, keys: vec![key(is_same)] })
    };
    let page = |state, host_keys, differences| Object {
        title: "Server web-1".into(),
        action: "/admin/servers/web-1".into(),
        version: Some("0011223344556677".into()),
        managed: true,
        removal: Some("/admin/servers/web-1/delete".into()),
        links: vec![Link::new("/servers/web-1", "What runs on it")],
        host_keys: Some(host_keys),
        differences,
        ..form(Kind::Server, state, &typed, Errors::default())
    };
    let conflict = page(State::Conflict, keys(None, None), vec![difference]);
    assert!(sound("conflict", "admin_server", "conflict", &conflict).contains("There now"));
    sound("conflict-same", "admin_server", "conflict", &page(State::Conflict, keys(None, None), vec![]));
    for state in [State::Blocked, State::Removed] {
        sound("in-the-way", "admin_server", "conflict", &page(state, keys(None, None), vec![]));
    }
    let failed = page(State::Editing, keys(None, Some(HOSTILE.into())), vec![]);
    sound("no-answer", "admin_server", "editing", &failed);
    for (case, changed, same) in [("changed", true, false), ("same", false, true), ("first", false, false)] {
        let page = page(State::Scanned, keys(scanned(changed, same), None), vec![]);
        let html = sound(case, "admin_server", "scanned", &page);
        assert_eq!(html.contains("Pin this"), !same, "{case}");
    }
    let environments = Environments {
        links: vec![Link::new("/admin/applications/shop/environments/production", HOSTILE)],
        new: "/admin/applications/shop/environments/new".into(),
    };
    let application = form(Kind::Application, State::Editing, &Typed::new(), Errors::default());
    let page = Object { environments: Some(environments), ..application };
    sound("with-environments", "admin_application", "editing", &page);
}

#[test]
fn removing_asks_says_what_keeps_it_and_notices_a_change() {
    let page = |reasons: Vec<String>, is_changed| Removal {
        shell: shell(Section::Administration),
        page: "admin_server".into(),
        what: format!("server {HOSTILE}"),
        crumbs: vec![Link::new("/admin", "Administration"), Link::new("/admin/servers", "Servers")],
        back: Link::new("/admin/servers/web-1", HOSTILE),
        action: "/admin/servers/web-1/delete".into(),
        version: "0011".into(),
        managed: true,
        takes_along: vec![],
        reasons,
        left_behind: Vec::new(),
        is_changed,
    };
    let application = Removal { takes_along: vec!["staging".into(), HOSTILE.into()], ..page(vec![], false) };
    let html = sound("taking-along", "admin_server", "deleting", &application);
    assert!(html.contains("go with it: staging and "), "{html}");
    sound("deleting", "admin_server", "deleting", &page(vec![], false));
    sound("blocked", "admin_server", "blocked", &page(vec![HOSTILE.into()], false));
    sound("changed", "admin_server", "conflict", &page(vec![], true));
    let left = Removal { left_behind: vec![HOSTILE.into()], ..page(vec![], false) };
    assert!(!sound("left", "admin_server", "deleting", &left).contains("Nothing depends on it"));
}
