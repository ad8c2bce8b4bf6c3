use super::account::token;
use super::samples::*;
use super::sound;
use crate::web::view::account::TokenState;
use crate::web::view::people::{HeldRole, NewPerson, People, PersonItem, PersonPage, Tokens, Way};
use crate::web::view::{FieldError, Section};

fn item(name: &str, disabled: bool) -> PersonItem {
    PersonItem {
        name: name.into(),
        display: name.to_uppercase(),
        roles: vec!["developers".into()],
        provider: "GitHub".into(),
        seen_at: Some(now()),
        disabled,
    }
}

fn people() -> People {
    People {
        shell: shell(Section::Administration),
        items: vec![item("dana", false), item("rosa", true)],
        q: String::new(),
        next: Some("/admin/people?q=&after=rosa".into()),
        may_edit: true,
        roles: vec!["admin".into(), "developers".into()],
        form: NewPerson::default(),
        errors: Vec::new(),
    }
}

#[test]
fn people_are_listed_and_only_administrators_add_some() {
    let html = sound("typical", "admin_people", "ready", &people());
    assert!(html.contains("2 people of more") && html.contains("disabled") && html.contains("Add somebody"));
    let html = sound("reader", "admin_people", "ready", &People { may_edit: false, ..people() });
    assert!(!html.contains("Add somebody"));
    sound("empty", "admin_people", "empty", &People { items: Vec::new(), next: None, ..people() });
    let none = People { items: Vec::new(), next: None, q: HOSTILE.into(), ..people() };
    sound("none", "admin_people", "empty", &none);
    let wrong = vec![
        FieldError { field: "name", text: HOSTILE.into() },
        FieldError { field: "role", text: HOSTILE.into() },
    ];
    let hostile = PersonItem { display: HOSTILE.into(), ..item("eve", false) };
    let form = NewPerson { name: HOSTILE.into(), role: HOSTILE.into() };
    sound(
        "hostile",
        "admin_people",
        "invalid",
        &People { items: vec![hostile], form, errors: wrong, ..people() },
    );
}

fn way(provider: &str, subject: &str, may_go: bool) -> Way {
    Way { provider: provider.into(), subject: subject.into(), may_go }
}

fn person() -> PersonPage {
    let held = |role: &str, given: &[&str], may_take, comes_back| HeldRole {
        role: role.into(),
        given: given.iter().map(|words| (*words).to_owned()).collect(),
        may_take,
        comes_back,
    };
    PersonPage {
        shell: shell(Section::Administration),
        item: item("dana", false),
        version: 3,
        may_edit: true,
        is_self: false,
        may_have_password: true,
        has_password: true,
        external_id: "17".into(),
        held: vec![
            held("developers", &["by the GitHub team developers"], false, false),
            held("owners", &["by the fleet file", "by an administrator here"], true, true),
            held("release-managers", &["by an administrator here"], true, false),
        ],
        to_give: vec!["admin".into()],
        rights: vec!["may read everything".into()],
        mail: "dana@acme.test".into(),
        verified_mail: Some("dana@github.test".into()),
        identities: vec![way("local", "dana", true)],
        sessions: 2,
        sign_ins: 1,
        errors: Vec::new(),
        role: String::new(),
        provider: String::new(),
        subject: String::new(),
        conflict: None,
        keeps_typed: false,
    }
}

#[test]
fn a_persons_page_says_what_gave_each_role_and_takes_it_whoever_did() {
    let html = sound("typical", "admin_person", "enabled", &person());
    assert_eq!(html.matches("Take release-managers away").count(), 1);
    assert_eq!(html.matches("/roles/take").count(), 2);
    assert!(html.contains("by the fleet file and by an administrator here") && html.contains("Disable dana"));
    assert_eq!(html.matches("comes back when the fleet file is applied").count(), 1);
    assert!(html.contains("dana@acme.test") && html.contains("dana@github.test"), "both addresses");
    assert!(html.contains("2 sessions open now, and 1 token that programs got"), "{html}");
    let html = sound("self", "admin_person", "enabled", &PersonPage { is_self: true, ..person() });
    assert!(!html.contains("Disable dana"));
    let html = sound("reader", "admin_person", "enabled", &PersonPage { may_edit: false, ..person() });
    assert!(!html.contains("Give it") && !html.contains("/roles/take"));
    let disabled = PersonPage { item: item("dana", true), ..person() };
    assert!(sound("disabled", "admin_person", "disabled", &disabled).contains("Enable dana"));
    let bare = PersonPage {
        item: PersonItem { provider: String::new(), ..item("zoe", false) },
        held: Vec::new(),
        to_give: Vec::new(),
        rights: Vec::new(),
        identities: Vec::new(),
        sessions: 0,
        ..person()
    };
    assert!(sound("bare", "admin_person", "enabled", &bare).contains("Nobody signed in as zoe yet"));
    let error = |field| FieldError { field, text: HOSTILE.into() };
    let hostile = PersonPage {
        item: PersonItem { display: HOSTILE.into(), ..item("eve", false) },
        external_id: HOSTILE.into(),
        mail: HOSTILE.into(),
        identities: vec![way(HOSTILE, HOSTILE, true)],
        errors: ["role", "password", "external_id", "provider", "subject"].map(error).to_vec(),
        role: HOSTILE.into(),
        provider: HOSTILE.into(),
        subject: HOSTILE.into(),
        ..person()
    };
    let html = sound("hostile", "admin_person", "invalid", &hostile);
    for field in ["role", "provider"] {
        let told = format!("aria-invalid=\"true\" aria-describedby=\"{field}-e\"");
        assert!(html.contains(&told) && html.contains(&format!("id=\"{field}-e\"")), "{field}: {html}");
    }
    let late = PersonPage {
        conflict: Some(HOSTILE.into()),
        keeps_typed: true,
        subject: "4711".into(),
        provider: "proxy".into(),
        ..person()
    };
    let html = sound("late", "admin_person", "conflict", &late);
    assert!(html.contains("4711") && html.contains("value=\"proxy\" selected"));
    assert!(html.contains("still in its field"));
    let button = PersonPage { conflict: Some("It is theirs no more.".into()), ..person() };
    let html = sound("button", "admin_person", "conflict", &button);
    assert!(!html.contains("still in its field") && html.contains("End their sessions"));
}

#[test]
fn everybodys_tokens_are_listed() {
    let tokens = |items| Tokens { shell: shell(Section::Administration), items, next: None };
    let html = sound(
        "typical",
        "admin_tokens",
        "ready",
        &tokens(vec![token(7, "ci", TokenState::Usable, Vec::new())]),
    );
    assert!(html.contains("Revoke ci of dana") && html.contains("all that they may"));
    sound("empty", "admin_tokens", "empty", &tokens(Vec::new()));
    let hostile = vec![token(7, HOSTILE, TokenState::Revoked, vec![HOSTILE.into()])];
    sound("hostile", "admin_tokens", "ready", &tokens(hostile));
}
