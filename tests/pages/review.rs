use super::samples::*;
use super::sound;
use crate::web::view::Section;
use crate::web::view::decide::{Decide, RefusedDecision};
use crate::web::view::review::{Review, Standing};

fn decide() -> Decide {
    decide_at("/review/abc")
}

pub fn decide_at(base: &str) -> Decide {
    Decide {
        base: base.into(),
        slot_words: "within 60 minutes, until 17:42 Europe/Paris".into(),
        refused: None,
        may_ask: true,
        accept_why_not: None,
    }
}

fn page(standing: Standing) -> Review {
    Review { shell: shell(Section::Requests), sealed: Some(sealed()), standing, gates: open_gates() }
}

#[test]
fn a_reviewer_reads_one_sentence_and_decides_at_the_bottom() {
    let html = sound("open", "review", "awaiting_review", &page(Standing::Open(decide())));
    assert!(html.contains("6 commits, 14 files."));
    let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("What could go wrong") < place("Checks") && place("Checks") < place("Riskiest files"));
    assert!(
        place("/review/abc/reject") < place("/review/abc/ask")
            && place("/review/abc/ask") < place("/review/abc/accept")
    );
    assert_eq!(html.matches(r#"name="comment""#).count(), 3);
    assert_eq!(
        html.matches(r#"name="comment" required"#).count(),
        2,
        "only the comment of an accept is optional"
    );
    assert_eq!(
        html.matches("7f3a 91c4 e2b0 5d68").count(),
        4,
        "figure, seal, bar and panel show the same digits"
    );
    assert!(html.contains("body class=\"app focused\""));
}

#[test]
fn without_questions_the_footer_has_two_answers() {
    let decide = Decide { may_ask: false, ..decide() };
    let html = sound("no-ask", "review", "awaiting_review", &page(Standing::Open(decide)));
    assert!(!html.contains("/ask"));
    assert_eq!(html.matches(r#"name="comment""#).count(), 2);
}

#[test]
fn a_refused_decision_keeps_what_was_typed() {
    let refused =
        RefusedDecision { form: "reject", comment: "  too <b>soon".into(), error: "Say why.".into() };
    let html = sound(
        "refused",
        "review",
        "awaiting_review",
        &page(Standing::Open(Decide { refused: Some(refused), ..decide() })),
    );
    assert!(html.contains("  too &#60;b&#62;soon</textarea>"));
    assert!(html.contains(r#"<p class="err" id="why-e">"#) && html.contains("Say why."));
    assert_eq!(html.matches("name=\"decision\" open").count(), 1, "the panel that was refused is open");
}

#[test]
fn an_accept_that_a_gate_forbids_stays_visible_with_its_reason() {
    let why = Some("The window is closed until tomorrow.".into());
    let html = sound(
        "no-accept",
        "review",
        "awaiting_review",
        &page(Standing::Open(Decide { accept_why_not: why, ..decide() })),
    );
    assert!(html.contains(r#"aria-disabled="true" aria-describedby="accept-why""#));
    assert!(html.contains("action=\"/review/abc/reject\""), "rejecting stays possible");
}

#[test]
fn each_standing_has_words_of_its_own_and_no_form() {
    let by = || "Sam Ito".to_owned();
    let at = at("15:20");
    let standings = [
        (
            "accepted",
            Standing::Accepted { by: by(), at, comment: Some("Looks right.".into()), objection: None },
            "Sam Ito countersigned this",
        ),
        (
            "rejected",
            Standing::Rejected { by: by(), at, comment: Some("Too late today.".into()) },
            "Too late today.",
        ),
        ("cancelled", Standing::Cancelled { by: by(), at }, "Sam Ito withdrew this request"),
        ("launched", Standing::Launched { by: by(), at, deployment: 117 }, "/deployments/117"),
        ("expired", Standing::Expired { at }, "The time to review is over"),
        ("void", Standing::Void { cause: "The tag v42 was moved.".into() }, "The tag v42 was moved."),
        ("changed", Standing::Changed { cause: "A server was added.".into() }, "changed since the mail"),
        (
            "not_permitted",
            Standing::NotPermitted { why: "You do not review production.".into() },
            "You may not review this",
        ),
        ("own_request", Standing::OwnRequest, "your own request"),
        ("gone", Standing::Gone { why: "It was cut off, or never made.".into() }, "leads nowhere"),
    ];
    for (state, standing, words) in standings {
        let html = sound(state, "review", state, &page(standing));
        assert!(html.contains(words), "{state}: {words}");
        assert!(!html.contains("name=\"comment\""), "{state} has nothing to decide");
    }
}

#[test]
fn a_link_to_nothing_shows_nothing_of_a_request() {
    let gone =
        Review { sealed: None, gates: vec![], ..page(Standing::Gone { why: "It was cut off.".into() }) };
    let html = sound("gone-bare", "review", "gone", &gone);
    assert!(!html.contains("v42"));
    let stranger =
        Review { sealed: None, gates: vec![], ..page(Standing::NotPermitted { why: HOSTILE.into() }) };
    sound("not-permitted-bare", "review", "not_permitted", &stranger);
}

#[test]
fn a_hostile_request_is_text_in_all_three_panels() {
    let decide = Decide {
        base: "/review/abc".into(),
        slot_words: HOSTILE.into(),
        refused: Some(RefusedDecision { form: "ask", comment: HOSTILE.into(), error: HOSTILE.into() }),
        may_ask: true,
        accept_why_not: Some(HOSTILE.into()),
    };
    let page = Review {
        shell: hostile_shell(Section::Requests),
        sealed: Some(hostile_sealed()),
        gates: hostile_gates(),
        ..page(Standing::Open(decide))
    };
    sound("hostile", "review", "awaiting_review", &page);
}
