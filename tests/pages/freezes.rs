use super::samples::*;
use super::sound;
use crate::domain::freeze::{FreezeState, Level};
use crate::web::view::freezes::{FreezeForm, FreezeItem, FreezeNotice, FreezePage, Freezes, Places};
use crate::web::view::home::Home;
use crate::web::view::{FieldError, Section, Shell};

fn item(state: FreezeState, level: Level) -> FreezeItem {
    FreezeItem {
        id: 7,
        what: "shop production".into(),
        level,
        state,
        reason: "Black Friday: nothing moves.".into(),
        author: "ada".into(),
        from: at("08:00"),
        until: Some(at("18:00")),
        lifted_by: None,
        lifted_at: None,
    }
}

fn places() -> Places {
    Places {
        applications: vec!["billing".into(), "shop".into()],
        environments: vec!["production".into(), "staging".into()],
        zone: "Europe/Paris".into(),
    }
}

fn list(items: Vec<FreezeItem>) -> Freezes {
    Freezes {
        shell: shell(Section::Administration),
        items,
        next: None,
        form: Some(FreezeForm::default()),
        places: places(),
        errors: vec![],
    }
}

#[test]
fn freezes_stand_by_their_state_with_the_form_of_a_new_one() {
    let lifted = FreezeItem {
        lifted_by: Some("ada".into()),
        lifted_at: Some(at("15:00")),
        ..item(FreezeState::Ended, Level::Lock)
    };
    let items =
        vec![item(FreezeState::Planned, Level::Warning), item(FreezeState::Current, Level::Lock), lifted];
    let html = sound("typical", "freezes", "current", &list(items));
    let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("In force") < place("Planned") && place("Planned") < place("Over"));
    assert!(html.contains("1 freeze holds now. 1 more is planned."));
    assert!(place("lifted by") < place("Set a freeze"));
    let html = sound("empty", "freezes", "clear", &list(vec![]));
    assert!(html.contains("Nothing is frozen now.") && html.contains("No freeze yet"));
    let reader = Freezes { form: None, ..list(vec![item(FreezeState::Planned, Level::Lock)]) };
    let html = sound("reader", "freezes", "planned", &reader);
    assert!(!html.contains("action=\"/admin/freezes\"") && html.contains("Administrators set and lift"));
}

#[test]
fn a_form_that_is_wrong_says_so_beside_its_fields() {
    let error = |field, text: &str| FieldError { field, text: text.into() };
    let form = FreezeForm { reason: HOSTILE.into(), from: HOSTILE.into(), ..FreezeForm::default() };
    let errors =
        vec![error("until", "It must be later."), error("from", HOSTILE), error("reason", "Say why.")];
    let page = Freezes { form: Some(form.clone()), errors: errors.clone(), ..list(vec![]) };
    let html = sound("wrong", "freezes", "invalid", &page);
    assert!(html.contains("href=\"#until\"") && html.contains("id=\"until-e\""));
    let hostile = FreezeItem {
        what: HOSTILE.into(),
        reason: HOSTILE.into(),
        author: HOSTILE.into(),
        lifted_by: Some(HOSTILE.into()),
        until: None,
        ..item(FreezeState::Current, Level::Warning)
    };
    let zone = HOSTILE.to_owned();
    let places = Places { applications: vec![HOSTILE.into()], environments: vec![HOSTILE.into()], zone };
    let page = FreezePage {
        shell: hostile_shell(Section::Administration),
        item: hostile,
        form: Some(form),
        places,
        errors,
        conflict: Some(HOSTILE.into()),
    };
    sound("hostile", "freeze", "conflict", &page);
}

#[test]
fn one_freeze_offers_to_lift_and_to_change_while_it_is_not_over() {
    let page = |state| FreezePage {
        shell: shell(Section::Administration),
        item: item(state, Level::Lock),
        form: (state != FreezeState::Ended).then(FreezeForm::default),
        places: places(),
        errors: vec![],
        conflict: None,
    };
    let html = sound("current", "freeze", "current", &page(FreezeState::Current));
    assert!(html.contains("Lift this freeze") && html.contains("Save the change"));
    let html = sound("ended", "freeze", "ended", &page(FreezeState::Ended));
    assert!(!html.contains("<form class=\"stack\"") && html.contains("was frozen"));
    let typed = FreezeForm { reason: "Mine.".into(), application: "shop".into(), ..FreezeForm::default() };
    let conflict = Some("ada lifted it already.".to_owned());
    let late = FreezePage { form: Some(typed), conflict, ..page(FreezeState::Ended) };
    let html = sound("late", "freeze", "conflict", &late);
    assert!(html.contains("Mine.") && html.contains("Set this freeze") && !html.contains("name=\"version\""));
}

#[test]
fn a_freeze_of_what_is_no_more_stays_on_it() {
    let form = FreezeForm { application: "gone".into(), environment: "lost".into(), ..FreezeForm::default() };
    let page = FreezePage {
        shell: shell(Section::Administration),
        item: item(FreezeState::Current, Level::Lock),
        form: Some(form),
        places: places(),
        errors: vec![],
        conflict: None,
    };
    let html = sound("gone", "freeze", "current", &page);
    for name in ["gone", "lost"] {
        let option = format!("<option value=\"{name}\" selected>{name} (no longer exists)</option>");
        assert!(html.contains(&option), "{html}");
    }
}

#[test]
fn a_page_that_a_freeze_concerns_says_what_why_who_and_until_when() {
    let notice = FreezeNotice {
        what: "Everything".into(),
        level: Level::Lock,
        reason: "Black Friday.".into(),
        author: "ada".into(),
        is_current: true,
        from: at("08:00"),
        until: None,
    };
    let announced = FreezeNotice {
        is_current: false,
        until: Some(at("18:00")),
        level: Level::Warning,
        reason: HOSTILE.into(),
        author: HOSTILE.into(),
        what: HOSTILE.into(),
        ..notice.clone()
    };
    let home = Home {
        shell: Shell { freezes: vec![notice, announced], ..shell(Section::Home) },
        to_review: vec![],
        mine: vec![],
        failed: vec![],
        active: vec![],
        left_out: vec![],
        recent: vec![],
        drifted: vec![],
        to_sign: vec![],
        may_request: true,
    };
    let html = sound("frozen", "home", "ready", &home);
    for words in [
        "Everything is frozen.",
        "Black Friday.",
        "it ends when an administrator lifts it",
        "will be under a warning from",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
}
