//! Plans as tables: what is deployed when, and what load balancers are told around it.

use crate::domain::balancer::{Member, ProxyName};
use crate::domain::fleet::{Batch, Layout, Method, Strategy};
use crate::domain::plan::{Balance, ClusterFacts, HostFacts, Plan, PlanError, RunFacts, Step, plan};
use crate::domain::scope::Scope;
use crate::tests::runner::world::{facts, key, name};

pub fn host(server: &str) -> HostFacts {
    HostFacts {
        server: name(server.trim_start_matches('-')),
        host: "10.0.0.11".to_owned(),
        port: 22,
        host_key: Some(key().to_owned()),
        active: !server.starts_with('-'),
    }
}

pub fn member(cluster: &str, server: &str) -> Member {
    let server = server.trim_start_matches('-');
    Member {
        balancer: name("edge"),
        backend: ProxyName::parse("shop").unwrap(),
        backend_server: ProxyName::parse(&format!("{cluster}-{server}")).unwrap(),
        server: name(server),
    }
}

/// `a: a1 -a2 | b: b1`; a server with a dash is inactive. Each is in the backend `shop`.
pub fn clusters(text: &str) -> Vec<ClusterFacts> {
    let cluster = |text: &str| {
        let (cluster, servers) = text.split_once(':').unwrap();
        let (cluster, servers) = (cluster.trim(), servers.split_whitespace());
        ClusterFacts {
            name: name(cluster),
            hosts: servers.clone().map(host).collect(),
            members: servers.map(|server| member(cluster, server)).collect(),
        }
    };
    text.split('|').map(cluster).collect()
}

fn without_balancer(text: &str) -> Vec<ClusterFacts> {
    clusters(text).into_iter().map(|cluster| ClusterFacts { members: Vec::new(), ..cluster }).collect()
}

fn by(strategy: Strategy, batch: Option<Batch>) -> RunFacts {
    RunFacts { strategy, batch, ..facts("/srv/shop") }
}

fn covering(scope: Scope) -> RunFacts {
    RunFacts { within: scope.clone(), scope, ..facts("/srv/shop") }
}

/// What `done` of an earlier run of `within` leaves to do.
fn retrying(within: Scope, left: &[&str], strategy: Strategy) -> RunFacts {
    let scope = Scope::Servers(left.iter().copied().map(name).collect());
    RunFacts { scope, within, strategy, ..facts("/srv/shop") }
}

/// A line for each stage: `name: before; hosts; after`, and `!` before a warning.
fn in_words(plan: Plan) -> String {
    let mut lines = Vec::new();
    for stage in &plan.stages {
        let hosts: Vec<&str> = stage.hosts.iter().map(|host| host.host.server.as_str()).collect();
        let waits = if stage.waits_for_person { " (when a person says so)" } else { "" };
        let parts = stage.before.iter().map(balance_in_words);
        let parts = parts.chain([hosts.join(" ")]).chain(stage.after.iter().map(balance_in_words));
        lines.push(format!("{}{waits}: {}", stage.name, parts.collect::<Vec<_>>().join("; ")));
    }
    lines.extend(plan.warnings.iter().map(|warning| format!("! {warning}")));
    lines.join("\n")
}

fn balance_in_words(step: &Step) -> String {
    match step.balance.as_ref().unwrap() {
        Balance::Check { members } => format!("check {}", names(members)),
        Balance::StillUp { members } => format!("up? {}", names(members)),
        Balance::Drain { members } => format!("drain {}", names(members)),
        Balance::Enable { members } => format!("enable {}", names(members)),
        Balance::Swap { enable, drain } => format!("enable {} and drain {}", names(enable), names(drain)),
    }
}

fn names(members: &[Member]) -> String {
    members.iter().map(|member| member.backend_server.as_str()).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn is_planned(facts: RunFacts, clusters: &[ClusterFacts], expected: &str) {
    let planned = in_words(plan(facts, clusters).unwrap());
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(planned, expected.join("\n"));
}

const TWO: &str = "a: a1 a2 | b: b1 b2";

#[test]
fn what_an_earlier_run_left_out_of_service_goes_first() {
    let out_of_service = vec![member("b", "b1"), member("b", "b2")];
    is_planned(
        RunFacts { out_of_service: out_of_service.clone(), ..by(Strategy::Clusters, None) },
        &clusters(TWO),
        "b: drain b-b1 b-b2; b1 b2; enable b-b1 b-b2 and drain a-a1 a-a2
         a: up? b-b1 b-b2; a1 a2; enable a-a1 a-a2
         ! b was left out of service by an earlier run; it goes first and is put back.",
    );
    // Half of a cluster is no reason to begin with it.
    is_planned(
        RunFacts { out_of_service: vec![member("b", "b1")], ..by(Strategy::Clusters, None) },
        &clusters(TWO),
        "a: drain a-a1 a-a2; a1 a2; enable a-a1 a-a2 and drain b-b1 b-b2
         b: up? a-a1 a-a2; b1 b2; enable b-b1 b-b2",
    );
    // A retry knows better: what is done enters service before the other leaves it.
    let retry = retrying(Scope::Environment, &["b1", "b2"], Strategy::Clusters);
    let planned = plan(RunFacts { out_of_service, ..retry }, &clusters(TWO)).unwrap();
    assert_eq!(planned.stages[0].name, "a");
}

#[test]
fn two_versions_never_serve_together_once_the_first_cluster_is_done() {
    let clusters_in_turn = || by(Strategy::Clusters, None);
    is_planned(
        clusters_in_turn(),
        &clusters(TWO),
        "a: drain a-a1 a-a2; a1 a2; enable a-a1 a-a2 and drain b-b1 b-b2
         b: up? a-a1 a-a2; b1 b2; enable b-b1 b-b2",
    );
    is_planned(
        clusters_in_turn(),
        &clusters("a: a1 | b: b1 | c: c1"),
        "a: drain a-a1; a1; enable a-a1 and drain b-b1 c-c1
         b: up? a-a1; b1; enable b-b1
         c: up? a-a1 b-b1; c1; enable c-c1",
    );
}

#[test]
fn a_single_cluster_is_said_to_be_an_outage() {
    let outage = "a: drain a-a1 a-a2; a1 a2; enable a-a1 a-a2
                  ! a is all that serves: nothing does while it is deployed.";
    is_planned(by(Strategy::Clusters, None), &clusters("a: a1 a2"), outage);
    // The same by any other way: no batch may be all of it.
    is_planned(
        by(Strategy::Rolling, Some(Batch::Count(2))),
        &clusters("a: a1 a2"),
        "batch-1: drain a-a1 a-a2; a1 a2; enable a-a1 a-a2
         ! Batches leave and enter service one after another; two versions serve meanwhile.
         ! batch-1 is all that serves: nothing does while it is deployed.",
    );
    is_planned(
        covering(Scope::Server(name("a1"))),
        &clusters("a: a1 | b: -b1"),
        "a: drain a-a1; a1; enable a-a1
         ! Only server a1 is deployed; the rest keeps what it runs, so two versions will serve.
         ! a is all that serves: nothing does while it is deployed.",
    );
}

#[test]
fn a_cluster_or_a_server_touches_only_its_own_and_says_that_two_versions_will_serve() {
    is_planned(
        covering(Scope::Cluster(name("b"))),
        &clusters(TWO),
        "b: drain b-b1 b-b2; b1 b2; enable b-b1 b-b2
         ! Only cluster b is deployed; the rest keeps what it runs, so two versions will serve.",
    );
    is_planned(
        covering(Scope::Server(name("b2"))),
        &clusters(TWO),
        "b: drain b-b2; b2; enable b-b2
         ! Only server b2 is deployed; the rest keeps what it runs, so two versions will serve.",
    );
}

#[test]
fn a_server_in_two_clusters_runs_once_and_leaves_service_in_both() {
    is_planned(
        by(Strategy::Clusters, None),
        &clusters("a: a1 x | b: x b1"),
        "a: drain a-a1 a-x b-x; a1 x; enable a-a1 a-x b-x and drain b-b1
         b: up? a-a1 a-x b-x; b1; enable b-b1
         ! x is in a and b; it is deployed once, with a",
    );
}

#[test]
fn inactive_servers_are_skipped_and_said_and_their_place_in_the_load_balancer_is_left_alone() {
    is_planned(
        by(Strategy::Clusters, None),
        &clusters("a: a1 -a2 | b: b1"),
        "a: drain a-a1; a1; enable a-a1 and drain b-b1
         b: up? a-a1; b1; enable b-b1
         ! a2 is inactive and was skipped",
    );
    // A whole cluster of them is no cluster to take over from.
    is_planned(
        by(Strategy::Clusters, None),
        &clusters("a: -a1 | b: b1"),
        "b: drain b-b1; b1; enable b-b1
         ! a1 is inactive and was skipped
         ! b is all that serves: nothing does while it is deployed.",
    );
}

#[test]
fn nothing_to_deploy_to_is_an_error_of_its_own() {
    let said = |facts, clusters: &[ClusterFacts]| plan(facts, clusters).unwrap_err();
    assert_eq!(said(covering(Scope::Environment), &[]), PlanError::NoCluster);
    assert_eq!(
        said(covering(Scope::Environment), &clusters("a: a1 | b:")),
        PlanError::EmptyCluster(name("b"))
    );
    assert_eq!(
        said(covering(Scope::Cluster(name("b"))), &clusters("a: a1 | b:")),
        PlanError::EmptyCluster(name("b"))
    );
    assert_eq!(said(covering(Scope::Environment), &clusters("a: -a1 | b: -b1")), PlanError::NoActiveHost);
    assert_eq!(
        said(covering(Scope::Server(name("a1"))), &clusters("a: -a1 | b: b1")),
        PlanError::NoActiveHost
    );
    assert_eq!(
        said(covering(Scope::Server(name("gone"))), &clusters(TWO)),
        PlanError::NoSuchTarget("gone".to_owned())
    );
}

#[test]
fn rolling_goes_by_count_or_by_share_and_never_takes_out_more() {
    let two_versions = "! Batches leave and enter service one after another; two versions serve meanwhile.";
    is_planned(
        by(Strategy::Rolling, Some(Batch::Count(3))),
        &clusters(TWO),
        &format!(
            "batch-1: drain a-a1 a-a2 b-b1; a1 a2 b1; enable a-a1 a-a2 b-b1
             batch-2: up? a-a1 a-a2 b-b1; drain b-b2; b2; enable b-b2
             {two_versions}"
        ),
    );
    // A share is rounded up, and at least one.
    is_planned(
        by(Strategy::Rolling, Some(Batch::Percent(30))),
        &clusters("a: a1 a2 a3 a4"),
        &format!(
            "batch-1: drain a-a1 a-a2; a1 a2; enable a-a1 a-a2
             batch-2: up? a-a1 a-a2; drain a-a3 a-a4; a3 a4; enable a-a3 a-a4
             {two_versions}"
        ),
    );
    let default = plan(by(Strategy::Rolling, None), &clusters("a: a1 a2 a3 a4 a5 a6 a7 a8")).unwrap();
    assert_eq!(default.stages.iter().map(|stage| stage.hosts.len()).collect::<Vec<_>>(), [2, 2, 2, 2]);
}

#[test]
fn a_canary_goes_first_and_a_person_lets_the_rest_begin() {
    is_planned(
        by(Strategy::Canary, None),
        &clusters("a: a1 a2 a3 | b: b1 b2"),
        "canary: drain a-a1; a1; enable a-a1
         batch-1 (when a person says so): up? a-a1; drain a-a2 a-a3; a2 a3; enable a-a2 a-a3
         batch-2: up? a-a1 a-a2 a-a3; drain b-b1 b-b2; b1 b2; enable b-b1 b-b2
         ! The canary serves beside the old version until somebody continues.",
    );
    let alone = plan(by(Strategy::Canary, Some(Batch::Percent(100))), &clusters(TWO)).unwrap();
    let waits = alone.warnings.iter().any(|warning| warning.starts_with("The canary"));
    assert_eq!((alone.stages.len(), waits), (1, false), "nothing is left to wait for");
}

#[test]
fn all_at_once_leaves_load_balancers_alone() {
    is_planned(
        by(Strategy::All, None),
        &clusters(TWO),
        "all: a1 a2 b1 b2
         ! All hosts are changed at once, while they serve.",
    );
    assert_eq!(plan(by(Strategy::All, None), &clusters(TWO)).unwrap().members().count(), 0);
}

#[test]
fn without_a_load_balancer_clusters_only_go_in_turn() {
    is_planned(by(Strategy::Clusters, None), &without_balancer(TWO), "a: a1 a2\nb: b1 b2");
    // Only the second has one: it leaves service when the first is done.
    let mut mixed = without_balancer(TWO);
    mixed[1] = clusters(TWO).remove(1);
    is_planned(
        by(Strategy::Clusters, None),
        &mixed,
        "a: a1 a2; drain b-b1 b-b2
         b: b1 b2; enable b-b1 b-b2",
    );
}

#[test]
fn a_retry_puts_what_is_done_back_into_service_and_changes_only_what_is_left() {
    let whole = || Scope::Environment;
    // A host of the first cluster failed: its neighbour is done, and out of service with it.
    is_planned(
        retrying(whole(), &["a2", "b1", "b2"], Strategy::Clusters),
        &clusters(TWO),
        "a: drain a-a1 a-a2; a2; enable a-a1 a-a2 and drain b-b1 b-b2
         b: up? a-a1 a-a2; b1 b2; enable b-b1 b-b2",
    );
    // The first cluster is done; whether it serves yet, the load balancer knows.
    is_planned(
        retrying(whole(), &["b2"], Strategy::Clusters),
        &clusters(TWO),
        "a: ; enable a-a1 a-a2 and drain b-b1 b-b2
         b: up? a-a1 a-a2; b2; enable b-b1 b-b2",
    );
    // Of one cluster: the other was never meant.
    is_planned(
        retrying(Scope::Cluster(name("b")), &["b2"], Strategy::Clusters),
        &clusters(TWO),
        "b: drain b-b1 b-b2; b2; enable b-b1 b-b2
         ! Only b2 is deployed; the rest keeps what it runs, so two versions will serve.",
    );
    is_planned(
        retrying(whole(), &["a2", "b1"], Strategy::Rolling),
        &clusters("a: a1 a2 | b: b1"),
        "done before: ; enable a-a1
         batch-1: up? a-a1; drain a-a2; a2; enable a-a2
         batch-2: up? a-a1 a-a2; drain b-b1; b1; enable b-b1
         ! Batches leave and enter service one after another; two versions serve meanwhile.",
    );
    is_planned(retrying(whole(), &["b2"], Strategy::Clusters), &without_balancer(TWO), "b: b2");
}

#[test]
fn everything_that_load_balancers_will_be_told_about_is_checked_before_anything_is_made() {
    for strategy in [Strategy::Clusters, Strategy::Rolling, Strategy::Canary] {
        let planned = plan(by(strategy, None), &clusters(TWO)).unwrap();
        let words: Vec<&str> = planned.prepare.iter().map(|step| step.phase.word()).collect();
        assert_eq!(words, ["checks", "load balancer", "fetch", "build", "predeploy.sh", "local tests"]);
        assert_eq!(balance_in_words(&planned.prepare[1]), "check a-a1 a-a2 b-b1 b-b2", "{strategy:?}");
    }
}

#[test]
fn layout_health_check_artifact_and_method_add_their_steps() {
    let phases = |facts: RunFacts| {
        let planned = plan(facts, &without_balancer("a: a1")).unwrap();
        let here = planned.prepare.iter().chain(planned.hosts().flat_map(|host| &host.steps));
        here.map(|step| format!("{} {}s", step.phase.word(), step.timeout_s)).collect::<Vec<_>>().join(", ")
    };
    let in_place = phases(facts("/srv/shop"));
    assert_eq!(
        in_place,
        "checks 60s, fetch 600s, build 600s, predeploy.sh 3600s, local tests 3600s, connect 60s, compare 3600s, \
         mark 30s, sync 3600s, verify 900s, deploy.sh 3600s, tests 3600s, finish 300s"
    );
    let releases = phases(RunFacts { layout: Layout::Releases, ..facts("/srv/shop") });
    assert_eq!(releases, in_place.replace("verify 900s, ", "verify 900s, switch 30s, "));
    let check = serde_json::json!({ "command": "true", "attempts": 3, "interval_s": 5 });
    let health_check = Some(serde_json::from_value(check).unwrap());
    let checked = phases(RunFacts { health_check, ..facts("/srv/shop") });
    assert_eq!(checked, in_place.replace("tests 3600s, finish", "tests 3600s, health 55s, finish"));
    let artifact = phases(RunFacts { artifact: Some("make".to_owned()), ..facts("/srv/shop") });
    assert_eq!(artifact, in_place.replace("build 600s, ", "build 600s, artifact 3600s, "));
    let method =
        RunFacts { method: Method::Command, command: Some("ansible".to_owned()), ..facts("/srv/shop") };
    assert_eq!(phases(method.clone()), "checks 60s, fetch 600s, command 86400s");
    assert!(plan(method, &[]).is_ok(), "it may bring it to places that the fleet does not know");
}
