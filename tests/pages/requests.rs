use super::samples::*;
use super::sound;
use crate::web::view::admin::{Admin, FleetGroup, FleetRow};
use crate::web::view::deployments::Deployments;
use crate::web::view::requests::{Filter, Requests};
use crate::web::view::{Link, RequestItem, Section};

const STATES: [&str; 7] =
    ["awaiting_review", "accepted", "launched", "rejected", "cancelled", "expired", "void"];

fn filters() -> Vec<Filter> {
    vec![
        Filter { link: Link::new("/requests", "All"), chosen: true },
        Filter { link: Link::new("/requests?mine=1", "Mine"), chosen: false },
    ]
}

fn requests(items: Vec<RequestItem>) -> Requests {
    Requests { shell: shell(Section::Requests), items, filters: filters(), next: None, may_request: true }
}

#[test]
fn requests_of_every_state_have_their_word_and_icon() {
    let html = sound("typical", "requests", "ready", &requests(STATES.map(request).to_vec()));
    for state in STATES {
        assert!(html.contains(&format!(r#"<span class="status" data-s="{state}">"#)), "{state}");
    }
    assert!(html.contains("Awaiting review") && html.contains("Void"));
    assert!(html.contains("/icons.svg#s-void"));
}

#[test]
fn a_page_of_requests_leads_to_older_ones() {
    let page = Requests { next: Some("/requests?after=x".into()), ..requests(vec![request("void")]) };
    let html = sound("paged", "requests", "ready", &page);
    assert!(html.contains(r#"rel="next" href="/requests?after=x""#));
}

#[test]
fn no_request_is_an_offer() {
    let html = sound("empty", "requests", "empty", &requests(vec![]));
    assert!(html.contains("No request here"));
}

#[test]
fn hostile_requests_are_text() {
    let page = Requests {
        shell: hostile_shell(Section::Requests),
        ..requests(STATES.map(hostile_request).to_vec())
    };
    sound("hostile", "requests", "ready", &page);
}

#[test]
fn deployments_of_every_state_are_listed() {
    let states = ["queued", "running", "succeeded", "failed", "cancelled", "interrupted"];
    let page = Deployments {
        shell: shell(Section::Deployments),
        of: Some("shop in production".into()),
        items: states.map(deployment).to_vec(),
        filters: vec![],
        next: Some("/deployments?after=12".into()),
    };
    let html = sound("typical", "deployments", "ready", &page);
    for state in states {
        assert!(html.contains(&format!(r#"<span class="status" data-s="{state}">"#)), "{state}");
    }
    let hostile = Deployments {
        of: Some(HOSTILE.into()),
        items: vec![hostile_deployment("running"); 3],
        shell: hostile_shell(Section::Deployments),
        ..page
    };
    sound("hostile", "deployments", "ready", &hostile);
    let empty = Deployments { items: vec![], of: None, next: None, ..hostile };
    sound("empty", "deployments", "empty", &empty);
}

#[test]
fn administration_says_what_there_is_and_how_it_is_changed() {
    let row = |name: &str, words: &str, warning: Option<&str>| FleetRow {
        name: name.into(),
        href: None,
        words: words.into(),
        warning: warning.map(str::to_owned),
    };
    let groups = vec![
        FleetGroup {
            title: "Servers",
            rows: vec![
                row("web-1", "10.0.0.11:22, key pinned", None),
                row("web-2", "10.0.0.12:22", Some("no host key")),
            ],
        },
        FleetGroup { title: "Calendars", rows: vec![] },
    ];
    let page = Admin { shell: shell(Section::Administration), groups, failed_deliveries: 2 };
    let html = sound("typical", "admin", "ready", &page);
    assert!(html.contains("2 servers and 0 calendars"));
    assert!(html.contains("countersign apply") && html.contains("2 deliveries failed"));
    sound("empty", "admin", "ready", &Admin { groups: vec![], failed_deliveries: 0, ..page });
    let hostile = vec![FleetGroup { title: "People", rows: vec![row(HOSTILE, HOSTILE, Some(HOSTILE))] }];
    sound(
        "hostile",
        "admin",
        "ready",
        &Admin { shell: shell(Section::Administration), groups: hostile, failed_deliveries: 0 },
    );
}
