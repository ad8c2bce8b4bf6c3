//! Writing it back: what comes out goes in again, sorted and without secrets.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use super::{example, example_with, parsed};
use crate::domain::fleet::export::{export, export_text, sorted};
use crate::domain::fleet::parse::parse;
use crate::domain::fleet::{
    Application, Approval, ApprovalGroup, Batch, Calendar, Cluster, Day, DeployFrom, Endpoint, Environment,
    Fleet, HealthCheck, Hours, Layout, LoadBalancer, Member, Method, Role, Server, StatsPage,
    Strategy as Rollout, SyncMethod,
};
use crate::domain::name::Name;
use crate::domain::permission::{GlobalPermission, Grant, Pattern, Permission};

#[test]
fn what_comes_out_goes_in_again() {
    let fleet = sorted(parsed(&example()));
    assert_eq!(parsed(&export(&fleet)), fleet);
}

#[test]
fn the_text_reads_from_the_name_on_and_is_stable() {
    let text = export_text(&parsed(&example()));
    assert!(text.starts_with("{\n  \"servers\": [\n    {\n      \"name\": \"web-1\","), "{text}");
    let again = parsed(&serde_json::from_str(&text).unwrap());
    assert_eq!(export_text(&again), text);
}

#[test]
fn the_order_of_a_file_does_not_show_in_the_export() {
    let mut turned = example();
    for list in ["servers", "clusters", "roles"] {
        turned[list].as_array_mut().unwrap().reverse();
    }
    turned["applications"][0]["environments"].as_array_mut().unwrap().reverse();
    assert_eq!(export(&parsed(&turned)), export(&parsed(&example())));
}

#[test]
fn secrets_come_out_as_stored_and_references_as_given() {
    let stats = json!({ "url": "http://10.0.0.5:8404/stats", "user": "ops", "password": "hunter2" });
    let mut fleet = parsed(&example_with("/load_balancers/0/endpoints/0", stats));
    fleet.applications[0].webhook_secret = Some("hunter2".to_owned());
    let out = export(&fleet);
    assert_eq!(out["load_balancers"][0]["endpoints"][0]["password"], "stored:");
    assert_eq!(out["applications"][0]["webhook_secret"], "stored:");
    assert!(!export_text(&fleet).contains("hunter2"));

    fleet.applications[0].webhook_secret = Some("env:SHOP_WEBHOOK".to_owned());
    assert_eq!(export(&fleet)["applications"][0]["webhook_secret"], "env:SHOP_WEBHOOK");
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn names(prefix: &'static str, count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Name>> {
    count.prop_map(move |count| (0..count).map(|n| name(&format!("{prefix}-{n}"))).collect())
}

fn texts(pool: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    subsequence(pool, 0..=pool.len()).prop_map(|texts| texts.into_iter().map(str::to_owned).collect())
}

fn text(pool: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(pool).prop_map(str::to_owned)
}

fn one_of(names: Vec<Name>) -> BoxedStrategy<Option<Name>> {
    if names.is_empty() { Just(None).boxed() } else { proptest::option::of(select(names)).boxed() }
}

fn some_of(names: Vec<Name>) -> impl Strategy<Value = Vec<Name>> {
    let count = names.len();
    subsequence(names, 0..=count).prop_shuffle()
}

fn server(name: Name) -> impl Strategy<Value = Server> {
    let host = text(&["10.0.0.1", "web.example.com", "2001:db8::1"]);
    (host, 1u16.., any::<bool>()).prop_map(move |(host, port, active)| Server {
        name: name.clone(),
        was: None,
        host,
        port,
        host_key: None,
        active,
    })
}

fn load_balancer(name: Name) -> impl Strategy<Value = LoadBalancer> {
    let runtime = text(&["tcp://10.0.0.5:9999", "tcp://[::1]:1", "unix:///run/haproxy.sock"]);
    let stats = text(&["env:STATS", "file:/run/secrets/stats", "stored:"]).prop_map(|password| {
        Endpoint::Stats(StatsPage { url: "https://lb/stats".to_owned(), user: "ops".to_owned(), password })
    });
    let endpoint = prop_oneof![runtime.prop_map(Endpoint::Runtime), stats];
    proptest::collection::vec(endpoint, 1..3).prop_map(move |endpoints| LoadBalancer {
        name: name.clone(),
        was: None,
        endpoints,
    })
}

fn cluster(name: Name, servers: Vec<Name>, balancers: Vec<Name>) -> impl Strategy<Value = Cluster> {
    (some_of(servers), one_of(balancers)).prop_map(move |(servers, load_balancer)| Cluster {
        name: name.clone(),
        was: None,
        backend: load_balancer.as_ref().map(|_| "shop_http".to_owned()),
        servers: servers
            .into_iter()
            .map(|server| Member {
                backend_server: load_balancer.as_ref().map(|_| server.as_str().to_uppercase()),
                server,
            })
            .collect(),
        load_balancer,
    })
}

fn calendar(name: Name) -> impl Strategy<Value = Calendar> {
    let days = subsequence(vec![Day::Mon, Day::Wed, Day::Sat, Day::Sun], 1..=4);
    let zone = text(&["Europe/Paris", "UTC", "America/St_Johns"]);
    let closed = texts(&["2026-12-24", "2027-01-01"]);
    let holidays = texts(&["FR", "US"]);
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Inventory\nDTSTART:20261231T120000\nEND:VEVENT\nEND:VCALENDAR";
    let text = crate::domain::ics::Ics::parse(text).unwrap().text();
    let ics = proptest::option::of(Just(text));
    let days = (days, zone, closed, holidays, ics, 0u16..24);
    days.prop_map(move |(days, timezone, closed, holidays, ics, hour)| Calendar {
        name: name.clone(),
        was: None,
        timezone,
        weekly: vec![Hours { days, from: format!("{hour:02}:00"), to: format!("{:02}:00", hour + 1) }],
        closed,
        holidays,
        ics,
    })
}

fn role(name: Name) -> impl Strategy<Value = Role> {
    use GlobalPermission::{Admin, Impersonate, ReadAll};
    let pattern = || prop_oneof![Just(Pattern::All), Just(Pattern::Only(Name::parse("shop").unwrap()))];
    let permission =
        select(vec![Permission::Read, Permission::Request, Permission::DeployInWindow, Permission::Review]);
    let grant = (permission, pattern(), pattern()).prop_map(|(permission, application, environment)| Grant {
        permission,
        application,
        environment,
    });
    (
        texts(&["developers", "release_managers"]),
        texts(&["rosa", "github:dana", "local:bot.1"]),
        subsequence(vec![Admin, Impersonate, ReadAll], 0..=3),
        proptest::collection::vec(grant, 0..3),
    )
        .prop_map(move |(github_teams, users, global, grants)| Role {
            name: name.clone(),
            was: None,
            github_teams,
            users,
            global,
            grants,
        })
}

fn approval(roles: Vec<Name>) -> impl Strategy<Value = Approval> {
    let groups = some_of(roles).prop_map(|roles| {
        roles.into_iter().map(|role| ApprovalGroup { role, required: 2 }).collect::<Vec<_>>()
    });
    let numbers = (0u32..=20, 1u32..=720, 1u32..=1440, 1u32..=168);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (numbers, flags, texts(&["a@example.com", "b+c@example.com"]), groups).prop_map(
        |((required, review_hours, slot_minutes, stand_hours), flags, review_list, groups)| Approval {
            required,
            review_list,
            self_approval: flags.0,
            review_hours,
            slot_minutes,
            stand_hours,
            covers_rollback: flags.1,
            authors_count: flags.2,
            groups,
        },
    )
}

fn environment(name: Name, fleet: &Fleet) -> impl Strategy<Value = Environment> + use<> {
    let clusters = fleet.clusters.iter().map(|cluster| cluster.name.clone()).collect();
    let calendars = fleet.calendars.iter().map(|calendar| calendar.name.clone()).collect();
    let roles = fleet.roles.iter().map(|role| role.name.clone()).collect();
    let deploy_from = prop_oneof![
        text(&["*", "v*", "releases/*"]).prop_map(DeployFrom::Tags),
        text(&["main", "feature/x"]).prop_map(DeployFrom::Branch),
    ];
    let check =
        (any::<bool>(), 1u32..=1000, 1u32..=3600).prop_map(|(local, attempts, interval_s)| HealthCheck {
            command: local.then(|| "curl -f http://localhost/".to_owned()),
            url: (!local).then(|| "https://shop.example.com/health".to_owned()),
            attempts,
            interval_s,
        });
    let method =
        prop_oneof![Just((Method::Rsync, None)), Just((Method::Command, Some("ansible".to_owned())))];
    let ways = (
        deploy_from,
        select(vec![Layout::InPlace, Layout::Releases]),
        select(vec![Rollout::Clusters, Rollout::Rolling, Rollout::Canary, Rollout::All]),
        method,
        texts(&["-az", "--delete", "--exclude=/cache"]),
        proptest::option::of(text(&["bundle"])),
    );
    let numbers = (0u32..9, 1u32..=1000, 0u8..=100);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let links = (some_of(clusters), one_of(calendars), approval(roles), proptest::option::of(check));
    (ways, numbers, flags, links).prop_map(move |(ways, numbers, flags, links)| Environment {
        name: name.clone(),
        was: None,
        order: numbers.0,
        deploy_from: ways.0,
        target_path: "/srv/shop é".to_owned(),
        remote_user: "deploy".to_owned(),
        layout: ways.1,
        keep_releases: numbers.1,
        sync: SyncMethod::Rsync,
        rsync_options: ways.4,
        clusters: links.0,
        strategy: ways.2,
        batch: matches!(ways.2, Rollout::Rolling | Rollout::Canary).then_some(Batch::Percent(30)),
        canary_minutes: 60,
        auto_deploy: flags.0,
        fail_on_failed_tests: flags.1,
        calendar: links.1,
        approval: links.2,
        health_check: links.3,
        artifact: ways.5,
        method: ways.3.0,
        command: ways.3.1,
        delete_threshold: numbers.2,
        promote_from: None,
        drift_check: flags.2,
    })
}

fn application(name: Name, fleet: &Fleet) -> impl Strategy<Value = Application> + use<> {
    let environments: Vec<_> =
        ["staging", "production"].map(|text| environment(Name::parse(text).unwrap(), fleet)).into();
    (
        text(&["https://git.example.com/shop.git", "git@github.com:acme/shop.git", "/srv/git/shop"]),
        proptest::option::of(text(&["acme/shop"])),
        proptest::option::of(text(&["v*"])),
        proptest::option::of(text(&["env:SHOP", "stored:"])),
        any::<bool>(),
        environments,
    )
        .prop_map(move |(repository, github, tags, webhook_secret, allow, environments)| Application {
            name: name.clone(),
            was: None,
            repository,
            github,
            tags,
            owners: vec!["shop@example.com".to_owned()],
            webhook_secret,
            allow_submodules_and_lfs: allow,
            environments,
        })
}

fn each<S: Strategy>(names: &[Name], make: impl Fn(Name) -> S) -> Vec<S> {
    names.iter().cloned().map(make).collect()
}

/// Any fleet that holds together.
pub fn any_fleet() -> impl Strategy<Value = Fleet> {
    let kinds = (
        names("web", 0..4),
        names("edge", 0..2),
        names("cluster", 0..3),
        names("hours", 0..2),
        names("role", 0..3),
    );
    kinds
        .prop_flat_map(|(servers, balancers, clusters, calendars, roles)| {
            (
                each(&servers, server),
                each(&balancers, load_balancer),
                each(&clusters, |name| cluster(name, servers.clone(), balancers.clone())),
                each(&calendars, calendar),
                each(&roles, role),
            )
        })
        .prop_flat_map(|(servers, load_balancers, clusters, calendars, roles)| {
            let applications = Vec::new();
            let fleet = Fleet { servers, load_balancers, clusters, calendars, roles, applications };
            let applications = each(&[name("blog"), name("shop")], |name| application(name, &fleet));
            (Just(fleet), applications)
        })
        .prop_map(|(fleet, applications)| sorted(Fleet { applications, ..fleet }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_fleet_survives_export_and_parse(fleet in any_fleet()) {
        prop_assert_eq!(parse(&export(&fleet)), Ok(fleet));
    }
}
