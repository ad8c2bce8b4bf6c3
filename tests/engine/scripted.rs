//! What the engine does around stages: people who steer, hosts that are looked at in
//! time, and what leaves service on record first. Steps are scripted.

use std::sync::Arc;

use tokio::sync::Notify;

use super::plans::clusters;
use crate::domain::actor::Hand;
use crate::domain::deployment::DeploymentState;
use crate::domain::event::{EventKind, HostState, Phase};
use crate::domain::fleet::{Batch, Method, Strategy};
use crate::domain::plan::{Plan, RunFacts, plan};
use crate::runner::engine::{Control, RunOutcome, control, run};
use crate::runner::scripted::{Act, Scripted};
use crate::tests::runner::world::{Journal, facts, name, uncontrolled};

const TWO: &str = "a: a1 a2 | b: b1 b2";

fn by(strategy: Strategy, batch: Option<Batch>) -> Plan {
    plan(RunFacts { strategy, batch, ..facts("/srv/shop") }, &clusters(TWO)).unwrap()
}

async fn execute(plan: &Plan, executor: &Scripted, journal: &Journal, control: &Control) -> RunOutcome {
    run(plan, executor, journal, 20, control, &Arc::default()).await
}

/// `a-a1 out`, `a-a1 back`, in the order of the journal.
fn service_of(journal: &Journal) -> Vec<String> {
    let line = |event: EventKind| match event {
        EventKind::Service { member, in_service } => {
            Some(format!("{} {}", member.backend_server, if in_service { "back" } else { "out" }))
        }
        _ => None,
    };
    journal.events().into_iter().filter_map(line).collect()
}

fn states(outcome: &RunOutcome) -> Vec<(&str, HostState)> {
    outcome.hosts.iter().map(|(host, state)| (host.as_str(), *state)).collect()
}

/// The steps on load balancers, without those that only ask.
fn orders(executor: &Scripted) -> Vec<String> {
    executor.began().into_iter().filter(|step| step == "drain" || step == "enable").collect()
}

#[tokio::test]
async fn what_leaves_service_is_on_record_before_and_what_is_back_after() {
    let (plan, journal) = (by(Strategy::Clusters, None), Journal::default());
    let outcome = execute(&plan, &Scripted::default(), &journal, &uncontrolled()).await;
    assert_eq!(outcome.state, DeploymentState::Succeeded);
    let told = |event: &EventKind| match event {
        EventKind::Service { member, in_service } => Some(format!("{} {in_service}", member.backend_server)),
        EventKind::StepStarted { phase: phase @ (Phase::Drain | Phase::Enable), .. } => {
            Some(format!("{} begins", phase.word()))
        }
        _ => None,
    };
    let told: Vec<String> = journal.events().iter().filter_map(told).collect();
    assert_eq!(
        told,
        [
            "a-a1 false",
            "a-a2 false",
            "drain begins",
            "b-b1 false",
            "b-b2 false",
            "enable begins",
            "a-a1 true",
            "a-a2 true",
            "enable begins",
            "b-b1 true",
            "b-b2 true",
        ]
    );
}

#[tokio::test]
async fn no_load_balancer_is_told_anything_that_could_not_be_recorded() {
    let plan = by(Strategy::Clusters, None);
    let journal = Journal::default();
    execute(&plan, &Scripted::default(), &journal, &uncontrolled()).await;
    let first_out = |event: &EventKind| matches!(event, EventKind::Service { .. });
    let before = journal.events().iter().position(first_out).unwrap();

    let (executor, journal) = (Scripted::default(), Journal::losing_its_lease_after(before));
    let outcome = execute(&plan, &executor, &journal, &uncontrolled()).await;

    assert_eq!((outcome.state, outcome.lost), (DeploymentState::Interrupted, true));
    assert_eq!(orders(&executor), [] as [&str; 0]);
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_costs_no_service_in_whichever_cluster_it_is() {
    for host in ["a2", "b2"] {
        let executor = Scripted::default().on(host, Phase::Connect, Act::Fails("refused"));
        let journal = Journal::default();
        let outcome = execute(&by(Strategy::Clusters, None), &executor, &journal, &uncontrolled()).await;
        assert_eq!(outcome.why.as_deref(), Some(format!("{host}: refused").as_str()));
        assert_eq!(orders(&executor), [] as [&str; 0], "{host}");
        assert_eq!(service_of(&journal), [] as [&str; 0], "{host}");
        assert!(!executor.began().iter().any(|step| step.ends_with("mark")), "{:?}", executor.began());
    }
}

#[tokio::test]
async fn too_many_deletions_on_the_last_host_are_found_before_the_first_is_changed() {
    let executor = Scripted::default().on("b2", Phase::Compare, Act::Fails("too many"));
    let outcome =
        execute(&by(Strategy::Rolling, None), &executor, &Journal::default(), &uncontrolled()).await;
    assert_eq!(outcome.why.as_deref(), Some("b2: too many"));
    assert_eq!(orders(&executor), [] as [&str; 0]);
}

#[tokio::test]
async fn a_failed_cluster_stays_out_of_service_with_its_hosts_that_succeeded() {
    let executor = Scripted::default().on("b1", Phase::Deploy, Act::Fails("no"));
    let journal = Journal::default();
    let outcome = execute(&by(Strategy::Clusters, None), &executor, &journal, &uncontrolled()).await;
    assert_eq!(outcome.state, DeploymentState::Failed);
    assert_eq!(
        states(&outcome),
        [
            ("a1", HostState::Done),
            ("a2", HostState::Done),
            ("b1", HostState::Failed),
            ("b2", HostState::Done)
        ]
    );
    assert_eq!(
        service_of(&journal),
        ["a-a1 out", "a-a2 out", "b-b1 out", "b-b2 out", "a-a1 back", "a-a2 back"]
    );
}

#[tokio::test]
async fn the_old_version_serves_on_when_the_first_cluster_fails() {
    let executor =
        Scripted::default().on("a2", Phase::Health, Act::Fails("no")).on("a2", Phase::Test, Act::Fails("no"));
    let journal = Journal::default();
    execute(&by(Strategy::Clusters, None), &executor, &journal, &uncontrolled()).await;
    assert_eq!(service_of(&journal), ["a-a1 out", "a-a2 out"]);
    assert_eq!(orders(&executor), ["drain"]);
}

#[tokio::test]
async fn cancel_after_the_batch_ends_between_two_stages() {
    let go_on = Arc::new(Notify::new());
    let executor = Scripted::default().on("a1", Phase::Deploy, Act::Waits(Arc::clone(&go_on)));
    let (plan, journal) = (by(Strategy::Clusters, None), Journal::default());
    let (control, steering) = control();
    let (outcome, ()) = tokio::join!(execute(&plan, &executor, &journal, &control), async {
        let deploys = |event: &EventKind| {
            matches!(event, EventKind::StepStarted { phase: Phase::Deploy, .. }).then_some(())
        };
        journal.until(deploys).await;
        steering.after_batch.cancel();
        go_on.notify_one();
    });
    assert_eq!(outcome.state, DeploymentState::Cancelled);
    assert_eq!(
        states(&outcome),
        [
            ("a1", HostState::Done),
            ("a2", HostState::Done),
            ("b1", HostState::Waiting),
            ("b2", HostState::Waiting)
        ]
    );
    assert_eq!(orders(&executor), ["drain", "enable"], "the batch is finished, and serves");
    assert!(!executor.began().iter().any(|step| step.starts_with('b') && step.ends_with("mark")));
}

#[tokio::test]
async fn cancel_now_ends_what_runs_and_leaves_the_cluster_out() {
    let executor = Scripted::default().on("a1", Phase::Sync, Act::Hangs);
    let (plan, journal) = (by(Strategy::Clusters, None), Journal::default());
    let (control, steering) = control();
    let (outcome, ()) = tokio::join!(execute(&plan, &executor, &journal, &control), async {
        let syncs = |event: &EventKind| match event {
            EventKind::StepStarted { phase: Phase::Sync, host: Some(host), .. } if host.as_str() == "a1" => {
                Some(())
            }
            _ => None,
        };
        journal.until(syncs).await;
        steering.now.cancel();
    });
    assert_eq!(outcome.state, DeploymentState::Cancelled);
    assert_eq!(states(&outcome)[0], ("a1", HostState::Failed));
    assert_eq!(orders(&executor), ["drain"], "nothing half-changed is put back into service");
    assert_eq!(service_of(&journal), ["a-a1 out", "a-a2 out"]);
}

async fn waits(journal: &Journal) -> (String, u32) {
    let waiting = |event: &EventKind| match event {
        EventKind::Waiting { stage, for_s } => Some((stage.clone(), *for_s)),
        _ => None,
    };
    journal.until(waiting).await
}

#[tokio::test]
async fn a_canary_waits_until_a_person_lets_it_go_on() {
    let (plan, executor, journal) = (by(Strategy::Canary, None), Scripted::default(), Journal::default());
    let (control, steering) = control();
    let (outcome, ()) = tokio::join!(execute(&plan, &executor, &journal, &control), async {
        assert_eq!(waits(&journal).await, ("batch-1".to_owned(), 3600));
        assert_eq!(orders(&executor), ["drain", "enable"], "the canary serves meanwhile");
        assert!(!executor.began().iter().any(|step| step == "a2 connect"), "nobody else is touched");
        steering.go_on(&Hand { name: name("rosa"), acting: None });
    });
    assert_eq!(outcome.state, DeploymentState::Succeeded);
    assert!(journal.events().contains(&EventKind::Continued { by: name("rosa"), acting_by: None }));
}

#[tokio::test]
async fn a_canary_that_nobody_lets_go_on_fails_and_the_rest_is_untouched() {
    let (mut plan, executor, journal) = (by(Strategy::Canary, None), Scripted::default(), Journal::default());
    plan.facts.canary_minutes = 0;
    // The sender lives: somebody could have said so, and nobody did.
    let (control, _steering) = control();
    let outcome = execute(&plan, &executor, &journal, &control).await;
    assert_eq!(outcome.state, DeploymentState::Failed);
    assert_eq!(outcome.why.as_deref(), Some("nobody continued within 0 minutes; the rest is untouched"));
    assert_eq!(
        states(&outcome),
        [
            ("a1", HostState::Done),
            ("a2", HostState::Waiting),
            ("b1", HostState::Waiting),
            ("b2", HostState::Waiting)
        ]
    );
    assert_eq!(service_of(&journal), ["a-a1 out", "a-a1 back"], "the canary stays in service");
}

#[tokio::test]
async fn stopping_a_canary_while_it_waits_ends_it_at_once_either_way() {
    for now in [true, false] {
        let (plan, executor, journal) = (by(Strategy::Canary, None), Scripted::default(), Journal::default());
        let (control, steering) = control();
        let (outcome, _) = tokio::join!(execute(&plan, &executor, &journal, &control), async {
            let waiting = waits(&journal).await;
            if now {
                steering.now.cancel();
            } else {
                steering.after_batch.cancel();
            }
            waiting
        });
        assert_eq!(outcome.state, DeploymentState::Cancelled);
        assert_eq!(states(&outcome)[0], ("a1", HostState::Done));
        assert!(!executor.began().iter().any(|step| step == "a2 connect"));
    }
}

#[tokio::test]
async fn an_operators_command_that_fails_leaves_its_servers_unknown_to_the_record_not_running() {
    let method = RunFacts {
        method: Method::Command,
        command: Some("ansible".to_owned()),
        servers: vec![name("a1"), name("b1")],
        ..facts("/srv/shop")
    };
    let plan = plan(method, &[]).unwrap();
    for (act, state) in [(None, HostState::Done), (Some(Act::Fails("no")), HostState::Unknown)] {
        let executor =
            act.map_or_else(Scripted::default, |act| Scripted::default().on("", Phase::Command, act));
        let journal = Journal::default();
        execute(&plan, &executor, &journal, &uncontrolled()).await;
        let last = |server: &str| {
            journal.events().into_iter().rev().find_map(|event| match event {
                EventKind::Host { host, state, .. } if host.as_str() == server => Some(state),
                _ => None,
            })
        };
        assert_eq!((last("a1"), last("b1")), (Some(state), Some(state)));
    }
}
