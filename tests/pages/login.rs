use super::samples::*;
use super::sound;
use crate::web::view::login::{Login, SignInProblem};

fn login(problem: Option<SignInProblem>) -> Login {
    Login {
        shell: guest(),
        organisation: "acme".into(),
        authorize_href: "/authorize".into(),
        csrf: "c5rf-token".into(),
        return_to: "/requests".into(),
        name: String::new(),
        session_elsewhere: false,
        problem,
    }
}

#[test]
fn a_guest_sees_one_way_in_and_no_navigation() {
    let html = sound("guest", "login", "signed_out", &login(None));
    assert!(html.contains(r#"<a class="btn primary big" href="/authorize">Sign in with GitHub</a>"#));
    assert!(html.contains(r#"type="password""#) && !html.contains("signed in elsewhere"));
    assert!(!html.contains("<nav"));
    assert!(!html.contains("Sign out"));
}

#[test]
fn a_session_elsewhere_is_offered_where_there_is_one_and_what_was_typed_stays() {
    let page = Login { session_elsewhere: true, name: HOSTILE.into(), ..login(None) };
    let html = sound("elsewhere-offered", "login", "signed_out", &page);
    assert!(html.contains("Go on with that session"));
}

#[test]
fn each_way_to_fail_has_words_of_its_own() {
    let problems = [
        ("unreachable", SignInProblem::Unreachable, "GitHub does not answer"),
        ("rate", SignInProblem::RateLimited { minutes: Some(12) }, "Try again in 12 min"),
        ("rate-open", SignInProblem::RateLimited { minutes: None }, "in a few minutes"),
        ("declined", SignInProblem::Declined, "You declined"),
        ("stale", SignInProblem::Stale, "too long ago"),
        ("refused", SignInProblem::NotAccepted, "did not accept"),
        ("outsider", SignInProblem::NotAMember { login: "eve".into() }, "eve is not a member of acme"),
        ("taken", SignInProblem::NameTaken { login: "dana".into() }, "somebody else"),
        ("wrong", SignInProblem::DoesNotFit, "do not fit"),
        ("elsewhere", SignInProblem::NoSessionElsewhere, "does not let you in"),
        ("many", SignInProblem::TooMany { words: "Wait a minute.".into() }, "Wait a minute"),
        ("disabled", SignInProblem::Disabled { login: HOSTILE.into() }, "may not sign in any more"),
    ];
    for (case, problem, words) in problems {
        let html = sound(case, "login", "signed_out", &login(Some(problem)));
        assert!(html.contains(words), "{case}: {words}");
        assert!(html.contains(r#"role="alert""#));
    }
}
