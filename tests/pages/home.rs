use super::samples::*;
use super::sound;
use crate::domain::deployment::DeploymentState;
use crate::domain::request::RequestWord;
use crate::web::view::home::Home;
use crate::web::view::{LeftOut, Section};

fn empty() -> Home {
    Home {
        shell: shell(Section::Home),
        to_review: vec![],
        mine: vec![],
        failed: vec![],
        active: vec![],
        left_out: vec![],
        recent: vec![],
        drifted: vec![],
        to_sign: vec![],
        may_request: true,
    }
}

#[test]
fn an_empty_home_offers_the_next_step() {
    let html = sound("empty", "home", "ready", &empty());
    assert!(html.contains("Nothing waits for you"));
    assert!(html.contains(r#"<a class="btn primary" href="/requests/new">Request a release</a>"#));
    let html = sound("empty-reader", "home", "ready", &Home { may_request: false, ..empty() });
    assert!(!html.contains("/requests/new"));
}

#[test]
fn what_waits_for_me_comes_before_what_failed_and_what_is_mine() {
    let home = Home {
        to_review: vec![request(RequestWord::AwaitingReview), request(RequestWord::AwaitingReview)],
        mine: vec![accepted_request(), request(RequestWord::Void)],
        failed: vec![deployment(DeploymentState::Failed)],
        active: vec![deployment(DeploymentState::Running), deployment(DeploymentState::Queued)],
        left_out: vec![left_out("web-4"), LeftOut { may_put_back: false, state: None, ..left_out("web-5") }],
        drifted: vec![],
        recent: timeline(),
        ..empty()
    };
    let html = sound("typical", "home", "ready", &home);
    assert!(html.contains("2 requests wait for you"));
    let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("Waiting for your review") < place("stopped on search-12"));
    assert!(place("stopped on search-12") < place("2 of 6 hosts"));
    assert!(place("2 of 6 hosts") < place("Put web-4 back into service?"));
    assert!(place("Put web-4 back into service?") < place("Your requests"));
    assert!(place("Your requests") < place("Recent activity"));
    assert!(
        html.contains("the load balancer says: in maintenance") && html.contains("does not answer just now")
    );
    assert!(!html.contains("Put web-5 back"), "only for who may");
    assert!(html.contains("<b class=\"nums\">38 min</b> left to start"));
}

#[test]
fn a_home_full_of_hostile_text_stays_a_page() {
    let home = Home {
        to_sign: vec![hostile_deployment(DeploymentState::Succeeded)],
        shell: hostile_shell(Section::Home),
        to_review: vec![hostile_request(RequestWord::AwaitingReview); 50],
        mine: vec![hostile_request(RequestWord::Rejected), hostile_request(RequestWord::Accepted)],
        failed: vec![hostile_deployment(DeploymentState::Failed)],
        active: vec![hostile_deployment(DeploymentState::Running)],
        left_out: vec![hostile_left_out(); 20],
        recent: vec![hostile_activity(); 200],
        drifted: vec![drifted(HOSTILE)],
        may_request: true,
    };
    let html = sound("hostile", "home", "ready", &home);
    assert!(html.contains("&#60;script&#62;alert(1)"), "shown as text");
    assert!(html.contains(r#"data-theme="dark""#));
}
