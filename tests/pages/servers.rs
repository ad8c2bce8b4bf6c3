//! Servers, and what a release would change on them.

use super::samples::*;
use super::sound;
use crate::domain::deployment::DeploymentState;
use crate::domain::drift::Standing;
use crate::domain::name::Name;
use crate::domain::preview::{Changes, Found, HostPreview, PreviewState};
use crate::domain::scope::Scope;
use crate::web::view::Section;
use crate::web::view::application::Fact;
use crate::web::view::preview::Preview;
use crate::web::view::server::{HeldView, OutView, PlaceView, Server};
use crate::web::view::servers::{ServerItem, Servers};

fn place(standing: Standing) -> PlaceView {
    PlaceView {
        application: "shop".into(),
        environment: "production".into(),
        release: Some("v41".into()),
        is_unsettled: false,
        deployed_at: Some(at("12:00")),
        standing,
        is_checked: true,
    }
}

fn standings(text: &str) -> Vec<Standing> {
    vec![
        Standing::NotRead,
        Standing::NoRecord { read_at: at("15:00") },
        Standing::Agrees { read_at: at("15:00") },
        Standing::Differs { since: at("15:00"), says: text.into() },
        Standing::Drifted { since: at("15:00"), says: text.into() },
        Standing::Unreachable { since: at("15:00"), why: text.into() },
    ]
}

fn server(text: &str) -> Server {
    Server {
        shell: shell(Section::Applications),
        name: "web-1".into(),
        facts: vec![Fact::code("Host", text), Fact::said("Port", "22")],
        is_active: true,
        has_key: true,
        held: None,
        out_of_service: vec![],
        places: standings(text).into_iter().map(place).collect(),
        recent: vec![deployment(DeploymentState::Succeeded)],
        may_read_now: true,
    }
}

#[test]
fn a_server_shows_how_each_place_stands() {
    let html = sound("typical", "server", "drift", &server("says v40"));
    assert!(html.contains("not read since the record") && html.contains("as recorded, read"));
    let places = vec![place(Standing::Unreachable { since: at("15:00"), why: "refused".into() })];
    sound("silent", "server", "unknown", &Server { places, ..server("x") });
    let bare = Server { places: vec![], recent: vec![], has_key: false, is_active: false, ..server("x") };
    let html = sound("bare", "server", "ready", &bare);
    assert!(html.contains("No host key is pinned") && html.contains("It is inactive"));
    let out = OutView { member: "edge/shop/WEB1".into(), deployment: 7, at: at("11:00") };
    let busy = Server {
        held: Some(HeldView { deployment: None }),
        out_of_service: vec![out],
        may_read_now: false,
        ..server(HOSTILE)
    };
    let html = sound("busy", "server", "busy", &busy);
    assert!(html.contains("A deployment that you may not read") && html.contains("Out of service as"));
    assert!(!html.contains("Read now"));
}

#[test]
fn servers_are_listed_with_what_is_wrong() {
    let item = ServerItem {
        name: "web-1".into(),
        is_active: false,
        has_key: false,
        is_held: true,
        out_of_service: 1,
        places: standings(HOSTILE).into_iter().map(place).collect(),
    };
    let items = vec![item.clone(), ServerItem { places: vec![], ..item }];
    let html = sound("typical", "servers", "ready", &Servers { shell: shell(Section::Applications), items });
    assert!(html.contains("2 servers; on 1 of them something differs"));
    sound("empty", "servers", "empty", &Servers { shell: shell(Section::Applications), items: vec![] });
}

fn preview(found: Option<PreviewState>) -> Preview {
    Preview {
        shell: shell(Section::Applications),
        application: "shop".into(),
        environment: "production".into(),
        release: "v42".into(),
        asked: "v42".into(),
        commit: COMMIT.into(),
        delete_threshold: 50,
        found,
        why_none: None,
        may_ask: true,
        scope: Scope::Environment,
    }
}

#[test]
fn a_preview_is_a_page_in_each_of_its_states() {
    let host = |name: &str, found| HostPreview { server: Name::parse(name).unwrap(), found };
    let changes = Changes {
        added: 1_000,
        changed: 2,
        deleted: 31,
        files: 40,
        added_paths: vec![HOSTILE.into(); 20],
        changed_paths: vec!["a".into(), "b".into()],
        deleted_paths: vec!["c".into(); 20],
        beyond_threshold: true,
    };
    let hosts = vec![
        host("web-1", Found::Changes(changes)),
        host("web-2", Found::Changes(Changes::default())),
        host("web-3", Found::Empty { files: 12 }),
        host("web-4", Found::NotAsked { why: "it is inactive, and deployments skip it".into() }),
        host("web-5", Found::Problem { why: HOSTILE.into() }),
    ];
    let html =
        sound("ready", "preview", "ready", &preview(Some(PreviewState::Ready { hosts, at: at("15:00") })));
    for said in ["and 980 more", "and 11 more", "More than 50 percent", "12 files would be added"] {
        assert!(html.contains(said), "{said}");
    }
    assert!(!html.contains("http-equiv=\"refresh\"") && !html.contains("Compare with the hosts"));
    let html = sound("wanted", "preview", "wanted", &preview(Some(PreviewState::Wanted)));
    assert!(html.contains("http-equiv=\"refresh\"") && html.contains("Look again"));
    let failed = PreviewState::Failed { why: HOSTILE.into(), at: at("15:00") };
    let html = sound("failed", "preview", "failed", &preview(Some(failed)));
    assert!(html.contains("Compare with the hosts"), "it may be tried again");
    sound("none", "preview", "none", &preview(Some(PreviewState::None { why: HOSTILE.into() })));
    let html = sound("unasked", "preview", "none", &Preview { may_ask: false, ..preview(None) });
    assert!(!html.contains("Compare with the hosts"));
    let never =
        Preview { why_none: Some("A command does it.".into()), ..preview(Some(PreviewState::Wanted)) };
    let html = sound("never", "preview", "none", &never);
    assert!(html.contains("A command does it.") && !html.contains("http-equiv=\"refresh\""));
}
