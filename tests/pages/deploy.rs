use super::samples::*;
use super::sound;
use crate::domain::deployment::Direction;
use crate::domain::fleet::Strategy;
use crate::domain::gate::Gate;
use crate::domain::name::Name;
use crate::domain::plan::{ClusterFacts, HostFacts, RunFacts, plan};
use crate::domain::scope::Scope;
use crate::web::view::deploy::{Chosen, Deploy, DeployForm, PlanWords};
use crate::web::view::request_new::{Choice, Fetched};
use crate::web::view::{FieldError, ReleaseChoice, Section, Size};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn release(value: &str, why_not: Option<&str>) -> ReleaseChoice {
    ReleaseChoice {
        value: value.into(),
        name: value.into(),
        commit: "9c1e7d2f04ab".into(),
        at: at("13:12"),
        author: "Dana".into(),
        message: "Basket: keep guest carts for 30 days".into(),
        live: value == "v41",
        href: format!("/applications/shop/production/deploy?release={value}"),
        why_not: why_not.map(str::to_owned),
    }
}

fn target(name: &str, chosen: bool) -> (Choice, bool) {
    let href = "/applications/shop/production/deploy".into();
    (Choice { name: name.into(), words: "2 hosts".into(), href, why_not: None }, chosen)
}

/// web-1 behind edge in web-a, web-2 without one in web-b.
fn planned(strategy: Strategy) -> PlanWords {
    let host = |server: &str| HostFacts {
        server: name(server),
        host: "10.0.0.1".into(),
        port: 22,
        host_key: Some(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA1qtQ8XR92uR6rNjctelROi13odnEALVF5Zg0KhmT2N".into(),
        ),
        active: true,
    };
    let member = crate::domain::balancer::Member {
        balancer: name("edge"),
        backend: crate::domain::balancer::ProxyName::parse("shop").unwrap(),
        backend_server: crate::domain::balancer::ProxyName::parse("WEB1").unwrap(),
        server: name("web-1"),
    };
    let clusters = [
        ClusterFacts { name: name("web-a"), hosts: vec![host("web-1")], members: vec![member] },
        ClusterFacts { name: name("web-b"), hosts: vec![host("web-2")], members: vec![] },
    ];
    let facts =
        RunFacts { strategy, scope: Scope::Environment, ..crate::tests::runner::world::facts("/srv/shop") };
    PlanWords::of(&plan(facts, &clusters).unwrap())
}

fn chosen() -> Chosen {
    Chosen {
        override_offer: None,
        release: "v42".into(),
        commit: COMMIT.into(),
        from: Some("v41".into()),
        direction: Some(Direction::Forward),
        place: "the whole environment".into(),
        is_whole: true,
        gates: open_gates(),
        plan: Ok(planned(Strategy::Clusters)),
        notes: vec![],
        obstacles: vec![],
        diff_href: "/applications/shop/diff?from=a&to=b".into(),
        size: Size { commits: Some(6), files: 14, added: 1601, deleted: 655 },
        risks: risks(),
        delete_threshold: 50,
        request_href: None,
    }
}

fn page() -> Deploy {
    Deploy {
        shell: shell(Section::Applications),
        application: "shop".into(),
        environment: "production".into(),
        live: "v41".into(),
        targets: vec![target("All of production", true), target("Cluster web-a", false)],
        releases: vec![
            release("v42", None),
            release("v41", None),
            release("beta", Some("It takes tags like v*.")),
        ],
        found: 151,
        fetched: Some(Fetched { at: at("15:41"), failed: None }),
        may_fetch: true,
        form: DeployForm::default(),
        chosen: None,
        errors: vec![],
    }
}

fn choosing(release: &str) -> DeployForm {
    DeployForm { release: release.into(), ..DeployForm::default() }
}

#[test]
fn a_release_is_chosen_from_a_list_that_can_be_searched() {
    let html = sound("choose", "deploy", "choose", &page());
    assert!(html.contains("href=\"/applications/shop/production/deploy?release=v42\""));
    assert!(html.contains("It takes tags like v*.") && html.contains("live now"));
    assert!(html.contains("148 older ones are not shown") && html.contains("Fetch now"));

    let reader = sound("reader", "deploy", "choose", &Deploy { may_fetch: false, ..page() });
    assert!(!reader.contains("Fetch now"));

    let form = DeployForm { q: "zebra".into(), server: "web-1".into(), ..DeployForm::default() };
    let reader = Deploy { may_fetch: false, ..page() };
    assert!(!sound("reader", "deploy", "choose", &reader).contains("Fetch now"));

    let none = Deploy { releases: vec![], found: 0, form, fetched: None, ..page() };
    let html = sound("nothing-found", "deploy", "choose", &none);
    assert!(html.contains("Nothing speaks of “zebra”") && html.contains("name=\"server\" value=\"web-1\""));
    let bare = Deploy { form: DeployForm::default(), ..none };
    assert!(sound("empty", "deploy", "choose", &bare).contains("There is nothing to deploy yet"));
}

#[test]
fn the_last_step_says_everything_before_anything_happens() {
    let page = Deploy { chosen: Some(chosen()), form: choosing("v42"), ..page() };
    let html = sound("ready", "deploy", "ready", &page);
    for words in [
        "Deploy <bdi>v42</bdi> to production</button>",
        "web-1 (shop in edge) leave service",
        "more than 50 percent of the files",
        "On it: connect, compare",
        "name=\"release\" value=\"v42\"",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    let server = Chosen {
        direction: Some(Direction::GoesBack),
        place: "server web-1".into(),
        is_whole: false,
        from: None,
        plan: Ok(planned(Strategy::Canary)),
        notes: vec!["Left out of service by an earlier run: web-1.".into()],
        ..chosen()
    };
    let form = DeployForm { server: "web-1".into(), acknowledge_deletes: true, ..choosing("v42") };
    let html = sound("server", "deploy", "ready", &Deploy { chosen: Some(server), form, ..page });
    assert!(html.contains("goes back") && html.contains("to production, server web-1 only</button>"));
    assert!(html.contains("Waits until somebody lets it begin.") && html.contains("Left out of service by"));
    assert!(html.contains("value=\"1\" checked"), "what was ticked stays ticked");
}

#[test]
fn what_stands_in_the_way_closes_the_button_and_shows_the_way_out() {
    let gates = vec![Gate::stop("approval", "Needs approval", "Request the release instead.")];
    let request_href = Some("/requests/new?application=shop".into());
    let approval = Chosen { gates, request_href, ..chosen() };
    let errors = vec![FieldError { field: "release", text: "Needs approval.".into() }];
    let blocked = Deploy { chosen: Some(approval), form: choosing("v42"), errors, ..page() };
    let html = sound("blocked", "deploy", "blocked", &blocked);
    assert!(html.contains("Nothing was started") && html.contains("Request <bdi>v42</bdi> instead"));
    assert!(html.contains("aria-describedby=\"blocked-why\""));

    let taken =
        Chosen { obstacles: vec!["web-2 was put in maintenance by somebody else.".into()], ..chosen() };
    let html = sound("obstacle", "deploy", "blocked", &Deploy { chosen: Some(taken), ..page() });
    assert!(html.contains("before it touches anything"));
    let unplanned = Chosen { plan: Err("cluster web-a has no servers".into()), ..chosen() };
    let html = sound("unplanned", "deploy", "blocked", &Deploy { chosen: Some(unplanned), ..page() });
    assert!(html.contains("There can be no plan: Cluster web-a has no servers."));
}

#[test]
fn hostile_releases_are_text() {
    let mut words = planned(Strategy::All);
    words.warnings.push(HOSTILE.into());
    words.stages[0].name = HOSTILE.into();
    words.stages[0].acts.push(HOSTILE.into());
    let chosen = Chosen {
        release: HOSTILE.into(),
        from: Some(HOSTILE.into()),
        gates: hostile_gates(),
        plan: Ok(words),
        notes: vec![HOSTILE.into()],
        obstacles: vec![HOSTILE.into()],
        place: HOSTILE.into(),
        is_whole: false,
        ..chosen()
    };
    let hostile = ReleaseChoice {
        name: HOSTILE.into(),
        author: HOSTILE.into(),
        message: HOSTILE.into(),
        commit: HOSTILE.into(),
        ..release("v42", Some(HOSTILE))
    };
    let page = Deploy {
        shell: hostile_shell(Section::Applications),
        live: HOSTILE.into(),
        targets: vec![target(HOSTILE, true)],
        releases: vec![hostile; 50],
        fetched: Some(Fetched { at: at("15:41"), failed: Some(HOSTILE.into()) }),
        form: DeployForm {
            release: HOSTILE.into(),
            cluster: HOSTILE.into(),
            server: HOSTILE.into(),
            q: HOSTILE.into(),
            acknowledge_deletes: true,
            break_glass: true,
            reason: HOSTILE.into(),
        },
        errors: vec![FieldError { field: "target", text: HOSTILE.into() }],
        chosen: Some(chosen),
        ..page()
    };
    sound("hostile", "deploy", "blocked", &page);
}
