use super::samples::*;
use super::sound;
use crate::domain::deployment::DeploymentState;
use crate::web::view::Section;
use crate::web::view::applications::{ApplicationItem, Applications, EnvironmentItem, Live};

fn environment(name: &str, live: Live, going_on: Option<DeploymentState>) -> EnvironmentItem {
    EnvironmentItem { name: name.into(), live, deployed_at: Some(at("13:23")), going_on, servers: 2 }
}

fn application(name: &str) -> ApplicationItem {
    ApplicationItem {
        name: name.into(),
        repository: format!("https://git.example.com/acme/{name}.git"),
        environments: vec![
            environment("staging", Live::One("v42".into()), None),
            environment(
                "production",
                Live::Mixed(vec!["v41".into(), "v40".into()]),
                Some(DeploymentState::Running),
            ),
            environment("demo", Live::Nothing, None),
        ],
        may_request: true,
    }
}

fn page(q: &str, items: Vec<ApplicationItem>) -> Applications {
    Applications { shell: shell(Section::Applications), q: q.into(), items }
}

#[test]
fn each_application_shows_what_is_live_where() {
    let html = sound(
        "typical",
        "applications",
        "ready",
        &page("", vec![application("shop"), application("billing")]),
    );
    assert!(html.contains("2 applications you may read"));
    assert!(html.contains(
        r#"<a href="/applications/shop/production">production</a> <span class="ref"><bdi>v41 and v40</bdi>"#
    ));
    assert!(html.contains("nothing yet"));
    assert!(html.contains(r#"href="/requests/new?application=shop""#));
}

#[test]
fn an_empty_list_says_why_and_what_next() {
    let html = sound("empty", "applications", "empty", &page("", vec![]));
    assert!(html.contains("no application that you may read"));
    let html = sound("none-found", "applications", "empty", &page("zebra", vec![]));
    assert!(html.contains("Show all") && html.contains("value=\"zebra\""));
}

#[test]
fn hostile_searches_and_names_are_text() {
    let mut item = application("shop");
    item.repository = HOSTILE.into();
    item.environments =
        vec![environment("production", Live::One(HOSTILE.into()), Some(DeploymentState::Failed)); 40];
    let page = Applications { shell: hostile_shell(Section::Applications), ..page(HOSTILE, vec![item; 200]) };
    sound("hostile", "applications", "ready", &page);
}
