use super::samples::*;
use super::sound;
use crate::web::view::login::{Login, SignInProblem};

fn login(problem: Option<SignInProblem>) -> Login {
    Login { shell: guest(), organisation: "acme".into(), authorize_href: "/authorize".into(), problem }
}

#[test]
fn a_guest_sees_one_way_in_and_no_navigation() {
    let html = sound("guest", "login", "signed_out", &login(None));
    assert!(html.contains(r#"<a class="btn primary big" href="/authorize">Sign in with GitHub</a>"#));
    assert!(!html.contains("<nav"));
    assert!(!html.contains("Sign out"));
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
        ("disabled", SignInProblem::Disabled { login: HOSTILE.into() }, "may not sign in any more"),
    ];
    for (case, problem, words) in problems {
        let html = sound(case, "login", "signed_out", &login(Some(problem)));
        assert!(html.contains(words), "{case}: {words}");
        assert!(html.contains(r#"role="alert""#));
    }
}
