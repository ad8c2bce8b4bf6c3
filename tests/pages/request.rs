use super::review::decide_at as decide;
use super::samples::*;
use super::sound;
use crate::domain::request::RequestWord;
use crate::web::view::decide::{Objection, RefusedDecision};
use crate::web::view::request::{Answer, Asked, Question, Request, RequestActions};
use crate::web::view::{Action, Section};

fn page(state: RequestWord) -> Request {
    Request {
        shell: shell(Section::Requests),
        sealed: sealed(),
        state,
        accepted_by: vec![],
        timeline: timeline(),
        gates: open_gates(),
        cause: None,
        decide: None,
        objection: None,
        asked: None,
        slot: None,
        deployment: None,
        actions: RequestActions::default(),
    }
}

#[test]
fn a_waiting_request_shows_what_was_asked_and_an_open_seal() {
    let withdraw =
        RequestActions { cancel: Some(Action::to("/requests/x/cancel")), ..RequestActions::default() };
    let html = sound(
        "awaiting",
        "request",
        "awaiting_review",
        &Request { actions: withdraw, ..page(RequestWord::AwaitingReview) },
    );
    assert!(html.contains("Dana Okafor asks to release shop v42 to production"));
    assert!(html.contains("<div class=\"seal\" data-open>") && html.contains("Not countersigned."));
    assert!(html.contains(FINGERPRINT), "the whole fingerprint can be read");
    assert!(html.contains(r#"<form class="panel stack" method="post" action="/requests/x/cancel">"#));
}

#[test]
fn an_accepted_request_offers_start_and_a_new_link() {
    let accepted = Request {
        accepted_by: vec!["Rosa Lindqvist".into()],
        slot: Some(slot()),
        actions: RequestActions {
            start: Some(Action::to("/requests/x/start")),
            new_link: Some(Action::to("/requests/x/new-link")),
            revoke_link: Some(Action::to("/requests/x/revoke-link")),
            cancel: None,
        },
        ..page(RequestWord::Accepted)
    };
    let html = sound("accepted", "request", "accepted", &accepted);
    assert!(html.contains(r#"<span class="left">38 min</span>"#));
    assert!(html.contains(r#"<form method="post" action="/requests/x/start">"#));
    assert!(html.contains("Send me a new link"));
    assert!(html.contains("<div class=\"seal\">") && html.contains("Countersigned."));

    let refused = Request {
        actions: RequestActions {
            start: Some(Action::refused("/requests/x/start", "Production is frozen.")),
            ..RequestActions::default()
        },
        ..accepted
    };
    let html = sound("accepted-frozen", "request", "accepted", &refused);
    assert!(!html.contains("action=\"/requests/x/start\""), "what may not be sent is no form");
    assert!(
        html.contains(r#"aria-disabled="true" aria-describedby="start-why""#)
            && html.contains("Production is frozen.")
    );
}

fn question(text: &str) -> Question {
    Question { by: "Rosa Lindqvist".into(), at: at("14:20"), text: text.into() }
}

fn asked(answer: Option<Answer>) -> Asked {
    let questions = vec![question("How long does the migration take?")];
    Asked { questions, paused_until: Some(at("15:20")), answer }
}

#[test]
fn who_may_decide_finds_the_forms_of_the_review_here_as_well() {
    let decide = Some(decide("/requests/7"));
    let html = sound(
        "decide",
        "request",
        "awaiting_review",
        &Request { decide, ..page(RequestWord::AwaitingReview) },
    );
    for form in ["accept", "reject", "ask"] {
        assert!(html.contains(&format!("action=\"/requests/7/{form}\"")), "{form}");
    }
    assert!(html.contains("body class=\"app focused\"") && html.contains("It waits for you"));
    assert!(html.contains("1 of 2 accepts: 1 of 1 from ops; 0 of 1 from owners."));

    let objection = Some(Objection { href: "/requests/7/reject".into(), refused: None });
    let actions = RequestActions {
        revoke_link: Some(Action::to("/requests/7/revoke-link")),
        ..RequestActions::default()
    };
    let accepted = Request { objection, actions, ..page(RequestWord::Accepted) };
    let html = sound("objection", "request", "accepted", &accepted);
    assert!(html.contains("Reject after all…") && html.contains("action=\"/requests/7/reject\""));
    assert!(html.contains("action=\"/requests/7/revoke-link\""));
}

#[test]
fn a_question_is_answered_by_its_requester_and_read_by_everybody() {
    let others = Request { asked: Some(asked(None)), ..page(RequestWord::AwaitingReview) };
    let html = sound("asked", "request", "awaiting_review", &others);
    assert!(html.contains("A question waits for its answer") && html.contains("How long does the migration"));
    assert!(html.contains("stands still until the answer") && !html.contains("Send the answer"));

    let refused = Some(RefusedDecision {
        form: "answer",
        comment: " typed <i>".into(),
        error: "Write an answer".into(),
    });
    let answer = Some(Answer { href: "/requests/7/answer".into(), refused });
    let mine = Request { asked: Some(asked(answer)), ..page(RequestWord::AwaitingReview) };
    let html = sound("answer", "request", "awaiting_review", &mine);
    assert!(html.contains("A reviewer asks you") && html.contains("action=\"/requests/7/answer\""));
    assert!(html.contains(" typed &#60;i&#62;</textarea>") && html.contains("Write an answer"));

    let exhausted = Asked { paused_until: None, questions: vec![question("a"), question("b")], answer: None };
    let html = sound(
        "exhausted",
        "request",
        "awaiting_review",
        &Request { asked: Some(exhausted), ..page(RequestWord::AwaitingReview) },
    );
    assert!(html.contains("Questions wait for their answer") && html.contains("runs on"));
}

#[test]
fn every_end_has_its_sentence_and_cause() {
    let ends = [
        (RequestWord::Launched, "started it", None),
        (
            RequestWord::Rejected,
            "cannot be acted on any more",
            Some("The index rebuild needs a window of its own."),
        ),
        (RequestWord::Cancelled, "withdrawn", None),
        (RequestWord::Expired, "time ran out", None),
        (RequestWord::Void, "not what would be deployed", Some("The tag v42 was moved.")),
    ];
    for (state, words, cause) in ends {
        let deployment = (state == RequestWord::Launched).then_some(117);
        let html = sound(
            state.word(),
            "request",
            state.word(),
            &Request { cause: cause.map(str::to_owned), deployment, ..page(state) },
        );
        assert!(html.contains(words), "{state}");
        if let Some(cause) = cause {
            assert!(html.contains(cause));
        }
    }
}

#[test]
fn a_hostile_request_is_text() {
    let hostile = Request {
        shell: hostile_shell(Section::Requests),
        sealed: hostile_sealed(),
        accepted_by: vec![HOSTILE.into()],
        timeline: vec![hostile_activity(); 300],
        gates: hostile_gates(),
        cause: Some(HOSTILE.into()),
        asked: Some(Asked {
            questions: vec![question(HOSTILE); 50],
            paused_until: None,
            answer: Some(Answer {
                href: "/requests/7/answer".into(),
                refused: Some(RefusedDecision {
                    form: "answer",
                    comment: HOSTILE.into(),
                    error: HOSTILE.into(),
                }),
            }),
        }),
        ..page(RequestWord::Void)
    };
    let html = sound("hostile", "request", "void", &hostile);
    assert!(!html.contains("href=\"javascript"));
}
