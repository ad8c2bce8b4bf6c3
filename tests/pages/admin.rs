use super::samples::*;
use super::sound;
use crate::app::FieldError;
use crate::web::html::Mark;
use crate::web::view::admin::{Admin, FleetGroup, FleetRow};
use crate::web::view::admin_access::{AdminAccess, Place, Row};
use crate::web::view::admin_audit::{AdminAudit, AuditFields, AuditRow, facts};
use crate::web::view::admin_deliveries::{AdminDeliveries, DeliveryRow};
use crate::web::view::{Link, Section};

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
            title: "Servers".into(),
            href: Some("/admin/servers".into()),
            rows: vec![
                row("web-1", "10.0.0.11:22, key pinned", None),
                row("web-2", "10.0.0.12:22", Some("no host key")),
            ],
        },
        FleetGroup { title: "Calendars".into(), href: None, rows: vec![] },
    ];
    let page =
        Admin { shell: shell(Section::Administration), groups, failed_deliveries: 2, may_change: true };
    let html = sound("typical", "admin", "ready", &page);
    assert!(html.contains("2 servers and 0 calendars"));
    assert!(html.contains("countersign apply") && html.contains("2 deliveries failed"));
    sound("empty", "admin", "ready", &Admin { groups: vec![], failed_deliveries: 0, ..page });
    let hostile = vec![FleetGroup {
        title: "People".into(),
        href: None,
        rows: vec![row(HOSTILE, HOSTILE, Some(HOSTILE))],
    }];
    sound(
        "hostile",
        "admin",
        "ready",
        &Admin {
            shell: shell(Section::Administration),
            groups: hostile,
            failed_deliveries: 0,
            may_change: true,
        },
    );
}

fn delivery(state: Mark, error: Option<&str>) -> DeliveryRow {
    DeliveryRow {
        id: 7,
        words: "A review is asked for, to the review list",
        about: Link::new("/requests/12", "request 12"),
        state,
        attempts: 13,
        error: error.map(str::to_owned),
        created_at: at("12:00"),
        at: at("15:00"),
        may_resend: state == Mark::Failed,
    }
}

#[test]
fn failed_deliveries_say_why_and_offer_another_try() {
    let page = |rows| AdminDeliveries {
        shell: shell(Section::Administration),
        filters: vec![],
        rows,
        next: Some("/admin/deliveries?before=7".into()),
    };
    let rows =
        vec![delivery(Mark::Failed, Some("550 no such user")), delivery(Mark::Waiting, Some("timed out"))];
    let html = sound("typical", "admin_deliveries", "ready", &page(rows));
    assert!(html.contains("1 notice was given up.") && html.contains("550 no such user"), "{html}");
    assert_eq!(html.matches("Send again").count(), 2, "once in its name: what waits has no button");
    let html = sound("empty", "admin_deliveries", "empty", &page(vec![]));
    assert!(html.contains("Everything that was to be told has been told."));
    sound("hostile", "admin_deliveries", "ready", &page(vec![delivery(Mark::Failed, Some(HOSTILE))]));
}

fn right(person: &str, may: [bool; 5], why: &[&str]) -> Row {
    Row {
        person: "dana".into(),
        display: person.into(),
        place: Place { application: "shop".into(), environment: "production".into() },
        may,
        why: why.iter().map(|why| (*why).to_owned()).collect(),
    }
}

#[test]
fn the_matrix_says_who_may_do_what_and_why() {
    let place = Place { application: "shop".into(), environment: "production".into() };
    let page = |rows| AdminAccess {
        shell: shell(Section::Administration),
        place: Some(place.clone()),
        person: None,
        places: vec![place.clone()],
        rows,
        next: None,
    };
    let why = "role developers (team developers): request";
    let rows = vec![right("Dana Okafor", [true, true, false, false, false], &[why])];
    let html = sound("typical", "admin_access", "ready", &page(rows.clone()));
    assert!(html.contains(why) && html.contains("Who may do what in shop production"), "{html}");
    sound("person", "admin_access", "ready", &AdminAccess { person: Some("dana".into()), ..page(rows) });
    let html = sound("empty", "admin_access", "empty", &page(vec![]));
    assert!(html.contains("Nobody may do anything in shop production."), "{html}");
    let none = AdminAccess { place: None, places: vec![], ..page(vec![]) };
    sound("nowhere", "admin_access", "empty", &none);
    sound("hostile", "admin_access", "ready", &page(vec![right(HOSTILE, [false; 5], &[HOSTILE])]));
}

#[test]
fn the_audit_trail_shows_every_fact_and_keeps_what_was_typed() {
    let row = |text: &str| AuditRow {
        seq: 41,
        at: at("15:00"),
        actor: text.into(),
        action: "request.accepted".into(),
        subject: format!("request {text}"),
        href: None,
        facts: facts(&serde_json::json!({ "comment": text, "count": 2, "nothing": null }).to_string()),
    };
    let page = |rows, fields| AdminAudit {
        shell: shell(Section::Administration),
        fields,
        errors: vec![],
        rows,
        next: None,
        count: 41,
        head: Some(format!("41:{}", "a".repeat(64))),
    };
    let html = sound("typical", "admin_audit", "ready", &page(vec![row("rosa")], AuditFields::default()));
    assert!(html.contains("?actor=rosa") && html.contains("41 rows"), "{html}");
    sound("hostile", "admin_audit", "ready", &page(vec![row(HOSTILE)], AuditFields::default()));
    let typed =
        AuditFields { actor: Some(HOSTILE.into()), since: Some("soon".into()), ..AuditFields::default() };
    let wrong = vec![FieldError::new("since", "A day like 2026-11-22.")];
    let html =
        sound("invalid", "admin_audit", "invalid", &AdminAudit { errors: wrong, ..page(vec![], typed) });
    assert!(html.contains(r#"value="soon""#) && html.contains("A day like 2026-11-22."), "{html}");
    sound("empty", "admin_audit", "empty", &page(vec![], AuditFields::default()));
    assert_eq!(facts("no json"), [("facts".to_owned(), "no json".to_owned())]);
    assert_eq!(facts("{\"a_b\":[1]}"), [("a b".to_owned(), "[1]".to_owned())]);
}
