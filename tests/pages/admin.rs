use super::samples::*;
use super::sound;
use crate::web::view::Section;
use crate::web::view::admin::{Admin, FleetGroup, FleetRow};

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
    let page = Admin { shell: shell(Section::Administration), groups, failed_deliveries: 2 };
    let html = sound("typical", "admin", "ready", &page);
    assert!(html.contains("2 servers and 0 calendars"));
    assert!(html.contains("countersign apply") && html.contains("2 deliveries failed"));
    sound("empty", "admin", "ready", &Admin { groups: vec![], failed_deliveries: 0, ..page });
    let hostile = vec![FleetGroup { title: "People".into(), href: None, rows: vec![row(HOSTILE, HOSTILE, Some(HOSTILE))] }];
    sound(
        "hostile",
        "admin",
        "ready",
        &Admin { shell: shell(Section::Administration), groups: hostile, failed_deliveries: 0 },
    );
}
