use super::samples::*;
use super::sound;
use crate::web::view::error::ErrorPage;
use crate::web::view::{Link, Section};

fn page(status: u16) -> ErrorPage {
    ErrorPage {
        shell: shell(Section::Elsewhere),
        status,
        title: "There is no such page".into(),
        text: "It may have been renamed, or you may not read it.".into(),
        way_out: Link::new("/", "Go home"),
        request_id: "01JD3Z8K4M".into(),
        gates: vec![],
    }
}

#[test]
fn an_error_says_its_status_a_way_out_and_a_reference() {
    for status in [400, 403, 404, 409, 410, 429, 500, 503] {
        let html = sound(&status.to_string(), "error", &status.to_string(), &page(status));
        assert!(html.contains(r#"<a class="btn primary" href="/">Go home</a>"#));
        assert!(html.contains("01JD3Z8K4M"));
    }
}

#[test]
fn gates_that_stood_in_the_way_are_listed_with_their_cure() {
    let html = sound("gates", "error", "409", &ErrorPage { gates: gates(), ..page(409) });
    assert!(html.contains("What stands in the way"));
    assert!(html.contains("In the way: </span><b>Production is frozen</b>"));
    assert!(html.contains("an administrator may lift it"));
}

#[test]
fn hostile_errors_are_text() {
    let hostile = ErrorPage {
        shell: guest(),
        title: HOSTILE.into(),
        text: HOSTILE.into(),
        request_id: HOSTILE.into(),
        way_out: Link::new(format!("/?{HOSTILE}"), HOSTILE),
        gates: hostile_gates(),
        ..page(404)
    };
    sound("hostile", "error", "404", &hostile);
}
