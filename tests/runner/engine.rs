//! The engine's rules, on scripted steps.

use std::sync::Arc;

use tokio::sync::{Barrier, Notify};

use super::world::{Journal, facts, key, name, uncontrolled};
use crate::domain::deployment::DeploymentState;
use crate::domain::event::{EventKind, HostState, NoteLevel, Phase, StepOutcome};
use crate::domain::plan::{ClusterFacts, HostFacts, Plan, plan};
use crate::domain::progress::Progress;
use crate::runner::engine::{RunOutcome, run};
use crate::runner::scripted::{Act, Scripted};

/// Clusters of the named hosts: `"web-1 web-2 | web-3"`.
fn plan_of(clusters: &str) -> Plan {
    let host = |server: &str| HostFacts {
        server: name(server),
        host: "10.0.0.1".to_owned(),
        port: 22,
        host_key: Some(key().to_owned()),
        active: true,
    };
    let cluster = |(text, letter): (&str, char)| ClusterFacts {
        name: name(&format!("cluster-{letter}")),
        hosts: text.split_whitespace().map(host).collect(),
        members: Vec::new(),
    };
    plan(facts("/srv/shop"), &clusters.split('|').zip('a'..).map(cluster).collect::<Vec<_>>()).unwrap()
}

struct Ran {
    outcome: RunOutcome,
    events: Vec<EventKind>,
}

impl Ran {
    /// `succeeded`, or `failed: why`; then each host's state.
    fn summary(&self) -> String {
        let why = self.outcome.why.iter().map(|why| format!(": {why}"));
        let hosts = self.outcome.hosts.iter().map(|(host, state)| format!("\n{host} {state:?}"));
        [self.outcome.state.word().to_owned()].into_iter().chain(why).chain(hosts).collect()
    }

    fn outcome_of(&self, phase: Phase) -> StepOutcome {
        let mut wanted = None;
        for event in &self.events {
            match event {
                EventKind::StepStarted { step, phase: at, .. } if *at == phase => wanted = Some(*step),
                EventKind::StepEnded { step, outcome } if wanted == Some(*step) => return outcome.clone(),
                _ => {}
            }
        }
        panic!("no such step ended");
    }
}

async fn execute(plan: &Plan, executor: &Scripted) -> Ran {
    let journal = Journal::default();
    let outcome = run(plan, executor, &journal, 20, &uncontrolled(), &Arc::default()).await;
    assert_eq!(executor.finished_count(), 1, "connections are closed however a run ends");
    Ran { outcome, events: journal.events() }
}

#[tokio::test]
async fn steps_run_in_the_order_of_the_plan() {
    let executor = Scripted::default();
    let ran = execute(&plan_of("web-1 | web-2"), &executor).await;
    assert_eq!(ran.summary(), "succeeded\nweb-1 Done\nweb-2 Done");
    let words = ["connect", "compare", "mark", "sync", "verify", "deploy.sh", "tests", "finish"];
    let mut expected: Vec<String> =
        ["checks", "fetch", "build", "predeploy.sh", "local tests"].map(str::to_owned).to_vec();
    for host in ["web-1", "web-2"] {
        expected.extend(words.map(|word| format!("{host} {word}")));
    }
    assert_eq!(executor.began(), expected);
}

#[tokio::test]
async fn hosts_of_a_cluster_run_at_the_same_time() {
    // Each of the three waits in its script for the other two.
    let barrier = Act::Meets(Arc::new(Barrier::new(3)));
    let executor = ["web-1", "web-2", "web-3"]
        .into_iter()
        .fold(Scripted::default(), |executor, host| executor.on(host, Phase::Deploy, barrier.clone()));
    let ran = execute(&plan_of("web-1 web-2 web-3"), &executor).await;
    assert_eq!(ran.outcome.state, DeploymentState::Succeeded);
}

#[tokio::test]
async fn no_more_hosts_than_allowed_run_at_the_same_time() {
    let (executor, journal) = (Scripted::default(), Journal::default());
    let plan = plan_of("web-1 web-2 web-3 web-4 web-5");
    run(&plan, &executor, &journal, 2, &uncontrolled(), &Arc::default()).await;
    assert_eq!(executor.most_at_once(), 2);
}

#[tokio::test]
async fn a_hanging_first_host_holds_back_nobody() {
    // One of two places is taken for ever by web-1, and it goes on only after web-4 is done.
    let go_on = Arc::new(Notify::new());
    let executor = Scripted::default().on("web-1", Phase::Sync, Act::Waits(Arc::clone(&go_on)));
    let (plan, journal, cancel) = (plan_of("web-1 web-2 web-3 web-4"), Journal::default(), uncontrolled());
    let done = |event: &EventKind| match event {
        EventKind::Host { host, state: HostState::Done, .. } if host.as_str() == "web-4" => Some(()),
        _ => None,
    };
    let mask = Arc::default();
    let (outcome, ()) = tokio::join!(run(&plan, &executor, &journal, 2, &cancel, &mask), async {
        journal.until(done).await;
        go_on.notify_one();
    });
    assert_eq!(outcome.state, DeploymentState::Succeeded);
}

#[tokio::test]
async fn a_failing_host_ends_the_run_before_the_next_cluster() {
    let executor =
        Scripted::default().on("web-2", Phase::Deploy, Act::Fails("deploy.sh ended with exit code 7"));
    let ran = execute(&plan_of("web-1 web-2 web-3 | web-4"), &executor).await;
    assert_eq!(
        ran.summary(),
        "failed: web-2: deploy.sh ended with exit code 7\n\
         web-1 Done\nweb-2 Failed\nweb-3 Done\nweb-4 Waiting"
    );
    assert!(!executor.began().iter().any(|step| step.starts_with("web-4")));
    assert!(!executor.began().contains(&"web-2 tests".to_owned()));
}

#[tokio::test]
async fn every_failing_host_is_named_in_the_order_of_the_plan() {
    let executor = (1..=7).fold(Scripted::default(), |executor, number| {
        let host = ["web-1", "web-2", "web-3", "web-4", "web-5", "web-6", "web-7"][7 - number];
        executor.on(host, Phase::Connect, Act::Fails("no"))
    });
    let ran = execute(&plan_of("web-1 web-2 web-3 web-4 web-5 web-6 web-7"), &executor).await;
    assert_eq!(ran.outcome.why.unwrap(), "web-1: no; web-2: no; web-3: no; web-4: no; web-5: no; and 2 more");
}

#[tokio::test]
async fn a_failing_preparation_touches_no_host() {
    let executor = Scripted::default().on("", Phase::Fetch, Act::Fails("the repository does not answer"));
    let ran = execute(&plan_of("web-1"), &executor).await;
    assert_eq!(ran.summary(), "failed: fetch: the repository does not answer\nweb-1 Waiting");
    assert_eq!(executor.began(), ["checks", "fetch"]);
}

#[tokio::test]
async fn the_notes_tell_a_host_that_was_not_changed_from_one_that_may_be_in_between() {
    for (phase, act, note, state) in [
        (Phase::Connect, Act::Fails("no"), "web-1: no (it was not changed)", HostState::Failed),
        (
            Phase::Connect,
            Act::IsLost,
            "web-1: the connection was lost (it was not changed)",
            HostState::Failed,
        ),
        (Phase::Sync, Act::Fails("no"), "web-1: no (it may be between two releases)", HostState::Failed),
        (
            Phase::Sync,
            Act::IsLost,
            "web-1: the connection was lost (it is unknown what it runs)",
            HostState::Unknown,
        ),
    ] {
        let ran = execute(&plan_of("web-1"), &Scripted::default().on("web-1", phase, act)).await;
        let expected = EventKind::Note { level: NoteLevel::Error, text: note.to_owned() };
        assert!(ran.events.contains(&expected), "{note}: {:?}", ran.events);
        assert_eq!(ran.outcome.hosts, [(name("web-1"), state)]);
    }
}

#[tokio::test]
async fn failed_tests_are_a_warning_where_the_environment_says_so() {
    let mut plan = plan_of("web-1");
    let why = "tests/run_tests.sh ended with exit code 1";
    for (fail, act, phase, summary) in [
        (true, Act::Fails(why), Phase::Test, format!("failed: web-1: {why}\nweb-1 Failed")),
        (false, Act::Fails(why), Phase::Test, "succeeded\nweb-1 Done".to_owned()),
        (false, Act::Fails(why), Phase::Deploy, format!("failed: web-1: {why}\nweb-1 Failed")),
        (false, Act::IsLost, Phase::Test, "failed: web-1: the connection was lost\nweb-1 Unknown".to_owned()),
    ] {
        plan.facts.fail_on_failed_tests = fail;
        let ran = execute(&plan, &Scripted::default().on("web-1", phase, act)).await;
        assert_eq!(ran.summary(), summary);
    }
}

#[tokio::test]
async fn a_step_over_its_time_is_stopped_and_fails_in_words() {
    let mut plan = plan_of("web-1");
    let sync = plan.stages[0].hosts[0].steps.iter_mut().find(|step| step.phase == Phase::Sync).unwrap();
    sync.timeout_s = 0;
    let executor = Scripted::default().on("web-1", Phase::Sync, Act::Hangs);
    let ran = execute(&plan, &executor).await;
    assert_eq!(ran.summary(), "failed: web-1: sync took longer than 0 s and was stopped\nweb-1 Failed");
}

#[tokio::test]
async fn cancelling_stops_what_runs_and_starts_nothing_more() {
    let executor =
        Scripted::default().on("web-1", Phase::Sync, Act::Hangs).on("web-2", Phase::Connect, Act::Hangs);
    let (plan, journal, cancel) = (plan_of("web-1 web-2 | web-3"), Journal::default(), uncontrolled());
    let mask = Arc::default();
    let (outcome, ()) = tokio::join!(run(&plan, &executor, &journal, 20, &cancel, &mask), async {
        journal
            .until(|event| matches!(event, EventKind::StepStarted { phase: Phase::Sync, .. }).then_some(()))
            .await;
        cancel.now.cancel();
    });
    let ran = Ran { outcome, events: journal.events() };
    assert_eq!(ran.summary(), "cancelled\nweb-1 Failed\nweb-2 Waiting\nweb-3 Waiting");
    assert_eq!(ran.outcome_of(Phase::Sync), StepOutcome::Cancelled);
    assert!(!executor.began().iter().any(|step| step.starts_with("web-3") || step == "web-1 verify"));
}

#[tokio::test]
async fn a_run_cancelled_before_it_began_does_nothing() {
    let (executor, journal, cancel) = (Scripted::default(), Journal::default(), uncontrolled());
    cancel.now.cancel();
    let outcome = run(&plan_of("web-1"), &executor, &journal, 20, &cancel, &Arc::default()).await;
    assert_eq!(outcome.state, DeploymentState::Cancelled);
    assert!(executor.began().is_empty());
}

#[tokio::test]
async fn a_lost_lease_drops_even_steps_that_listen_to_nobody() {
    let executor = Scripted::default().on("web-1", Phase::Sync, Act::HangsForEver).on(
        "web-2",
        Phase::Deploy,
        Act::Says(vec!["one", "two", "three"]),
    );
    let plan = plan_of("web-1 web-2 web-3");
    for limit in 0..40 {
        let journal = Journal::losing_its_lease_after(limit);
        let outcome = run(&plan, &executor, &journal, 20, &uncontrolled(), &Arc::default()).await;
        assert!(outcome.lost);
        assert_eq!(outcome.state, DeploymentState::Interrupted);
        let in_the_middle = |(_, state): &(_, HostState)| *state == HostState::Running;
        assert!(!outcome.hosts.iter().any(in_the_middle), "unknown is never called running");
    }
}

#[tokio::test]
async fn the_journal_tells_the_same_as_the_outcome() {
    let executor = Scripted::default().on("web-2", Phase::Verify, Act::Fails("no")).on(
        "web-1",
        Phase::Deploy,
        Act::Says(vec!["one", "two"]),
    );
    let ran = execute(&plan_of("web-1 web-2"), &executor).await;
    let events = super::progress::numbered(ran.events.clone());
    let progress = Progress::of(&events);
    let folded: Vec<_> = progress.hosts.iter().map(|(host, about)| (host.clone(), about.state)).collect();
    assert_eq!(folded, ran.outcome.hosts);
    assert_eq!(progress.running().count(), 0, "every step that began has ended");
    assert_eq!(progress.steps.values().map(|step| step.lines).sum::<u64>(), 2);
}

#[tokio::test]
async fn a_flood_of_output_is_stored_whole_and_in_order() {
    let lines: Vec<&'static str> = (0..10_000).map(|number| ["a", "b", "c"][number % 3]).collect();
    let executor = Scripted::default().on("web-1", Phase::Deploy, Act::Says(lines.clone()));
    let ran = execute(&plan_of("web-1"), &executor).await;
    let stored = ran.events.iter().filter_map(|event| match event {
        EventKind::Output { text, .. } => Some(text.as_str()),
        _ => None,
    });
    assert!(stored.eq(lines));
}
