use super::samples::*;
use super::sound;
use crate::web::view::launch::{Launch, LaunchStanding};
use crate::web::view::{Action, Section};

fn page(standing: LaunchStanding) -> Launch {
    Launch {
        shell: shell(Section::Requests),
        sealed: Some(sealed()),
        standing,
        gates: open_gates(),
        place: "web-a (10 hosts), then web-b (9 hosts, web-20 is inactive)".into(),
        usually_takes: Some(540),
    }
}

fn ready() -> LaunchStanding {
    LaunchStanding::Ready { start: Action::to("/launch/abc"), slot: slot() }
}

#[test]
fn a_good_link_shows_what_starts_and_one_button() {
    let html = sound("ready", "launch", "ready", &page(ready()));
    assert!(html.contains("shop v42 is ready to start in production"));
    assert!(html.contains(r#"<form method="post" action="/launch/abc">"#));
    assert!(html.contains("Changed since approval: nothing"));
    assert!(html.contains("17:20 Europe/Paris (<time"));
    assert!(html.contains(r#"<progress class="ruler" max="60" value="38""#));
    assert!(html.contains("9 min"));
}

#[test]
fn a_slot_that_begins_later_says_when() {
    let later = crate::web::view::Slot {
        begins_at: "2026-11-20T08:00:00Z".parse().unwrap(),
        ends_at: "2026-11-20T09:00:00Z".parse().unwrap(),
        ends_local: None,
    };
    let html = sound("later", "launch", "blocked", &page(LaunchStanding::Blocked { slot: later }));
    assert!(html.contains("to start, beginning <time"));
}

#[test]
fn a_link_that_does_not_start_anything_has_no_start_form() {
    let new_link = Some(Action::to("/requests/x/new-link"));
    let late = at("16:20");
    let standings = [
        ("blocked", LaunchStanding::Blocked { slot: slot() }, "something is in the way"),
        (
            "expired",
            LaunchStanding::Expired { at: at("15:20"), stands_until: Some(late), new_link: new_link.clone() },
            "Send me a new link",
        ),
        (
            "used",
            LaunchStanding::Used { by: "Dana Okafor".into(), at: at("15:20"), deployment: 117 },
            "became deployment 117",
        ),
        (
            "revoked",
            LaunchStanding::Revoked {
                at: at("15:20"),
                why: "A newer link replaced this one.".into(),
                new_link: Some(Action::refused("/x", "the approval is over")),
            },
            "No new link: the approval is over",
        ),
        ("void", LaunchStanding::Void { cause: "The tag v42 was moved.".into() }, "The tag v42 was moved."),
        ("foreign", LaunchStanding::Foreign, "Only the person who asked may start it"),
        ("gone", LaunchStanding::Unknown, "leads nowhere"),
    ];
    for (state, standing, words) in standings {
        let mut page = page(standing);
        if matches!(state, "foreign" | "gone") {
            page.sealed = None;
            page.gates = vec![];
        }
        let html = sound(state, "launch", state, &page);
        assert!(html.contains(words), "{state}: {words}");
        assert!(!html.contains("action=\"/launch"), "{state} starts nothing");
        assert!(html.contains("class=\"btn primary"), "{state} has a way on");
    }
}

#[test]
fn an_approval_that_is_over_says_to_ask_again() {
    let over = LaunchStanding::Expired { at: at("15:20"), stands_until: None, new_link: None };
    let html = sound("expired-for-good", "launch", "expired", &page(over));
    assert!(html.contains("ask for the release again") && !html.contains("new link</button>"));
}

#[test]
fn a_hostile_launch_is_text() {
    let page = Launch {
        shell: hostile_shell(Section::Requests),
        sealed: Some(hostile_sealed()),
        gates: hostile_gates(),
        place: HOSTILE.into(),
        ..page(ready())
    };
    sound("hostile", "launch", "ready", &page);
    sound(
        "hostile-void",
        "launch",
        "void",
        &Launch { standing: LaunchStanding::Void { cause: HOSTILE.into() }, ..page },
    );
}
