use super::samples::*;
use super::sound;
use crate::domain::deployment::DeploymentState;
use crate::domain::request::RequestWord;
use crate::web::view::Section;
use crate::web::view::application::{
    Application, ClusterView, DeployEntry, Environment, EnvironmentView, Fact, Newest, ServerStanding,
    ServerView,
};
use crate::web::view::applications::Live;

fn server(name: &str, standing: ServerStanding) -> ServerView {
    let new = standing == ServerStanding::New;
    ServerView {
        name: name.into(),
        release: (!new).then(|| "v41".into()),
        deployed_at: (!new).then(|| "2026-11-12T14:08:00Z".parse().unwrap()),
        standing,
        diff_href: (!new).then(|| "/applications/shop/diff?from=a&to=b".into()),
        deploy_href: Some(format!("/applications/shop/production/deploy?server={name}")),
    }
}

fn environment(name: &str) -> EnvironmentView {
    EnvironmentView {
        application: "shop".into(),
        name: name.into(),
        live: Live::One("v41".into()),
        deployed_at: Some("2026-11-12T14:08:00Z".parse().unwrap()),
        facts: vec![
            Fact::code("Deploys from", "tags v*"),
            Fact::code("Target", "deploy@…:/srv/shop"),
            Fact::code("Sync", "rsync -az --delete"),
            Fact::said(
                "Approval",
                "1 of releases@example.com, not one’s own; review within 72 h, start within 60 min",
            ),
        ],
        chips: vec!["1 approval needed".into()],
        people: vec![Fact::said("May request", "developers"), Fact::said("May review", "release-managers")],
        gates: open_gates(),
        may_request: true,
        deploy: Some(DeployEntry { href: format!("/applications/shop/{name}/deploy"), why_not: None }),
        newest: Some(Newest {
            release: "v42".into(),
            diff_href: Some("/applications/shop/diff?from=a&to=b".into()),
        }),
        clusters: vec![
            ClusterView {
                name: "web-a".into(),
                behind: Some("edge/shop".into()),
                servers: vec![
                    server("web-1", ServerStanding::AsRecorded),
                    server("web-2", ServerStanding::Drifted("says v40".into())),
                    server("web-3", ServerStanding::Unknown("connection refused".into())),
                ],
                deploy_href: Some("/applications/shop/production/deploy?cluster=web-a".into()),
            },
            ClusterView {
                name: "web-b".into(),
                behind: None,
                servers: vec![
                    server("web-4", ServerStanding::Inactive),
                    server("web-5", ServerStanding::New),
                ],
                deploy_href: None,
            },
        ],
        active: Some(deployment(DeploymentState::Running)),
    }
}

fn application() -> Application {
    Application {
        shell: shell(Section::Applications),
        name: "shop".into(),
        repository: "https://git.example.com/acme/shop.git".into(),
        github: Some("acme/shop".into()),
        tags: "v*".into(),
        owners: vec!["shop@example.com".into()],
        environments: vec![environment("staging"), environment("production")],
        fetch: Some(Some(at("15:20"))),
    }
}

#[test]
fn an_application_shows_rules_servers_and_what_differs() {
    let html = sound("typical", "application", "ready", &application());
    assert!(html.contains("staging runs v41 and production runs v41."));
    assert!(html.contains("1 server drifted, 1 server is unknown"));
    assert!(html.contains("drift: says v40") && html.contains("unknown: connection refused"));
    assert!(html.contains("inactive, skipped") && html.contains("not deployed to"));
    assert!(html.contains("behind edge/shop"));
}

#[test]
fn who_may_not_request_is_told_why() {
    let refused =
        EnvironmentView { may_request: false, gates: gates(), active: None, ..environment("production") };
    let html = sound(
        "refused",
        "application",
        "ready",
        &Application { environments: vec![refused], ..application() },
    );
    assert!(!html.contains("/requests/new"));
    assert!(html.contains("You cannot request a release here") && html.contains("Production is frozen"));
}

#[test]
fn who_may_deploy_is_led_to_it_and_a_closed_way_says_why() {
    let html = sound("deploying", "application", "ready", &application());
    assert!(html.contains("href=\"/applications/shop/production/deploy\""), "for the environment");
    assert!(html.contains("aria-label=\"Deploy to cluster web-a\""));
    assert!(
        html.contains("aria-label=\"Deploy to server web-2\"")
            && html.contains("Diff of web-1 to the newest")
    );
    assert!(html.contains("Fetch now"));

    let why_not = Some("Needs approval. shop in production asks for approval.".to_owned());
    let closed = DeployEntry { href: "/applications/shop/production/deploy".into(), why_not };
    let environments = vec![EnvironmentView { deploy: Some(closed), ..environment("production") }];
    let html = sound("closed", "application", "ready", &Application { environments, ..application() });
    assert!(html.contains("aria-disabled=\"true\" aria-describedby=\"why-production\""));
    assert!(html.contains("id=\"why-production\"") && html.contains("asks for approval"));

    let environments = vec![EnvironmentView { deploy: None, newest: None, ..environment("production") }];
    let reader = Application { environments, fetch: None, ..application() };
    let html = sound("reader", "application", "ready", &reader);
    assert!(!html.contains("production/deploy\"") && !html.contains("Fetch now"));
}

#[test]
fn what_is_being_changed_is_said_so() {
    let words = |live: Live| live.words();
    assert_eq!(words(Live::Changing(vec!["v1.0".into()])), "v1.0 (being changed)");
    assert_eq!(words(Live::Changing(vec![])), "nothing yet (being changed)");
}

#[test]
fn an_application_without_environments_is_a_page() {
    let html = sound(
        "empty",
        "application",
        "ready",
        &Application { environments: vec![], owners: vec![], ..application() },
    );
    assert!(html.contains("No environment yet") && html.contains("nobody is named"));
}

#[test]
fn an_environment_named_like_a_part_of_the_page_collides_with_nothing() {
    let names = ["main", "q", "log", "h-about"];
    let environments = names.iter().map(|name| environment(name)).collect();
    sound("names", "application", "ready", &Application { environments, ..application() });
}

#[test]
fn hostile_facts_are_text() {
    let hostile = EnvironmentView {
        live: Live::Mixed(vec![HOSTILE.into(); 30]),
        facts: vec![Fact::code("Target", HOSTILE), Fact::said("Approval", HOSTILE)],
        chips: vec![HOSTILE.into()],
        people: vec![Fact::said("May request", HOSTILE)],
        gates: hostile_gates(),
        deploy: Some(DeployEntry { href: "/applications/x/y/deploy".into(), why_not: Some(HOSTILE.into()) }),
        newest: Some(Newest { release: HOSTILE.into(), diff_href: Some("/applications/x/diff?to=a".into()) }),
        clusters: vec![ClusterView {
            name: "web-a".into(),
            behind: Some(HOSTILE.into()),
            servers: vec![
                ServerView {
                    release: Some(HOSTILE.into()),
                    ..server("web-1", ServerStanding::Drifted(HOSTILE.into()))
                };
                500
            ],
            deploy_href: None,
        }],
        active: Some(hostile_deployment(DeploymentState::Running)),
        ..environment("production")
    };
    let page = Application {
        shell: hostile_shell(Section::Applications),
        repository: HOSTILE.into(),
        github: Some(HOSTILE.into()),
        owners: vec![HOSTILE.into()],
        environments: vec![hostile],
        ..application()
    };
    sound("hostile", "application", "ready", &page);
}

#[test]
fn an_environment_shows_open_requests_and_recent_deployments() {
    let page = Environment {
        shell: shell(Section::Applications),
        environment: environment("production"),
        open_requests: vec![request(RequestWord::AwaitingReview), accepted_request()],
        recent: vec![deployment(DeploymentState::Succeeded), deployment(DeploymentState::Failed)],
    };
    let html = sound("typical", "environment", "ready", &page);
    assert!(html.contains("Open requests") && html.contains("stopped on search-12"));
    let bare = Environment {
        open_requests: vec![],
        recent: vec![],
        shell: shell(Section::Applications),
        environment: EnvironmentView {
            clusters: vec![],
            live: Live::Nothing,
            deployed_at: None,
            active: None,
            ..environment("production")
        },
    };
    let html = sound("empty", "environment", "ready", &bare);
    assert!(html.contains("Request the first release") && html.contains("It has no servers yet"));
}
