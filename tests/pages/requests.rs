use super::samples::*;
use super::sound;
use crate::domain::request::RequestWord;
use crate::web::view::requests::{Filter, Requests};
use crate::web::view::{Link, RequestItem, Section};

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
    let html = sound(
        "typical",
        "requests",
        "ready",
        &requests(RequestWord::ALL.iter().copied().map(request).collect()),
    );
    for state in RequestWord::ALL {
        assert!(html.contains(&format!(r#"<span class="status" data-s="{state}">"#)), "{state}");
    }
    assert!(html.contains("Awaiting review") && html.contains("Void"));
    assert!(html.contains("/icons.svg#s-void"));
}

#[test]
fn a_page_of_requests_leads_to_older_ones() {
    let page =
        Requests { next: Some("/requests?after=x".into()), ..requests(vec![request(RequestWord::Void)]) };
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
        ..requests(RequestWord::ALL.iter().copied().map(hostile_request).collect())
    };
    sound("hostile", "requests", "ready", &page);
}
