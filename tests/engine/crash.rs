//! `kill -9` of the program at each step of a run over two clusters behind HAProxy.

use std::collections::BTreeMap;

use super::town::Town;
use crate::app::steer;
use crate::db;
use crate::domain::balancer::Admin;
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::{EventKind, Phase};
use crate::domain::name::Name;
use crate::domain::scope::Scope;
use crate::tests::harness::Feed;
use crate::tests::support::browser::Browser;

/// Where the program dies: when this step begins for the n-th time, on this host. A
/// held script cannot end before.
struct Death {
    phase: Phase,
    host: Option<&'static str>,
    nth: usize,
    is_held: bool,
}

const fn here(phase: Phase, nth: usize) -> Death {
    Death { phase, host: None, nth, is_held: false }
}

const fn on(host: &'static str, phase: Phase) -> Death {
    Death { phase, host: Some(host), nth: 1, is_held: matches!(phase, Phase::Deploy) }
}

const DEATHS: [Death; 14] = [
    here(Phase::Checks, 1),
    here(Phase::Balancer, 1),
    here(Phase::Build, 1),
    on("web-1", Phase::Compare),
    here(Phase::Drain, 1),
    on("web-1", Phase::Mark),
    on("web-1", Phase::Sync),
    on("web-1", Phase::Deploy),
    on("web-1", Phase::Finish),
    here(Phase::Enable, 1),
    on("web-2", Phase::Sync),
    on("web-2", Phase::Deploy),
    on("web-2", Phase::Test),
    here(Phase::Enable, 2),
];

impl Death {
    fn is_at(&self, event: &EventKind) -> bool {
        match event {
            EventKind::StepStarted { phase, host, .. } => {
                *phase == self.phase && host.as_ref().map(Name::as_str) == self.host
            }
            _ => false,
        }
    }

    fn words(&self) -> String {
        format!("{} {} ({})", self.host.unwrap_or("here"), self.phase.word(), self.nth)
    }
}

/// Waits in the feed of the other process.
async fn until_death(town: &Town, browser: &Browser, id: i64, death: &Death) {
    let mut feed = Feed::open(browser, &town.service.base_url, id, None).await;
    let mut seen = 0;
    let (mut is_there, mut is_held) = (false, !death.is_held);
    while !(is_there && is_held) {
        let message = feed.next().await.unwrap_or_else(|| panic!("it ended before {}", death.words()));
        for event in message.events() {
            seen += usize::from(death.is_at(&event.what));
            is_held |= matches!(&event.what, EventKind::Output { text, .. } if text == "held");
        }
        is_there = seen >= death.nth;
    }
}

async fn ended(town: &Town, browser: &Browser, id: i64) -> Deployment {
    Feed::open(browser, &town.service.base_url, id, None).await.rest().await;
    db::deployments::find(&town.service.app.db, id).await.unwrap().unwrap()
}

/// Everything that HAProxy keeps out is on record, so that somebody is told.
async fn what_is_out_is_on_record(town: &Town, when: &str) {
    let out = town.out().await;
    for (admin, number) in town.admin().await.into_iter().zip(1..) {
        let listed = out.contains(&format!("web-{number}"));
        assert!(
            admin == Admin::Ready || listed,
            "web-{number} is {admin:?} and not on record {when}: {out:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_the_record_is_true_nothing_runs_twice_and_the_next_run_works() {
    let mut town = Box::pin(Town::with_first_release(&[1, 1], |_| {})).await;
    let ada = town.service.as_user("ada").await;
    let (runs, hold, never) =
        (town.service.path().join("runs"), town.service.path().join("hold"), town.service.gate("never"));
    for tag in ["v1.3", "v1.4"] {
        town.service.commit(tag, |repository| {
            let script = format!(
                "echo \"$DEPLOY_ID $DEPLOY_HOST\" >> '{}'\nif grep -qx \"$DEPLOY_HOST\" '{}'; then echo held; {}fi\n",
                runs.display(),
                hold.display(),
                never.wait()
            );
            repository.write("deploy.sh", script);
        });
    }
    std::fs::write(&hold, "").unwrap();
    let mut program = town.service.run_program().await;

    for (death, tag) in DEATHS.iter().zip(["v1.3", "v1.4"].into_iter().cycle()) {
        let words = death.words();
        if death.is_held {
            std::fs::write(&hold, format!("{}\n", death.host.unwrap())).unwrap();
        }
        let id = town.service.queue(tag, Scope::Environment).await.unwrap();
        until_death(&town, &ada, id, death).await;
        program.kill().await;
        std::fs::write(&hold, "").unwrap();
        what_is_out_is_on_record(&town, &format!("after {words}")).await;

        // The half minute of the lease goes by.
        town.service.sql("UPDATE deployments SET lease_until = 1 WHERE state = 'running'").await;
        program = town.service.run_program().await;
        let lost = ended(&town, &ada, id).await;
        assert_eq!(lost.state, DeploymentState::Interrupted, "{words}: {:?}", lost.why);
        what_is_out_is_on_record(&town, &format!("after the restart, {words}")).await;
        let page = ada.get(&format!("/deployments/{id}")).await.unwrap();
        assert_eq!(page.main_state().as_deref(), Some("interrupted"), "{words}");

        let actor = town.service.actor("ada").await;
        let next = match steer::retry(&town.service.app, &actor, id, false).await {
            Ok(retry) => retry,
            // Every host was done, and only the load balancer was not told.
            Err(_) => town.service.queue(tag, Scope::Environment).await.unwrap(),
        };
        let next = ended(&town, &ada, next).await;
        assert_eq!((next.state, &next.why), (DeploymentState::Succeeded, &None), "{words}");
        assert_eq!([1, 2].map(|number| town.version_on(number)), [tag, tag], "{words}");
        assert_eq!((town.admin().await, town.out().await.len()), (vec![Admin::Ready; 2], 0), "{words}");
    }

    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for run in std::fs::read_to_string(&runs).unwrap().lines() {
        *count.entry(run.to_owned()).or_default() += 1;
    }
    assert!(count.values().all(|times| *times == 1), "a script ran twice in one deployment: {count:?}");
    program.terminate();
    assert!(program.ended().await.success());
}
