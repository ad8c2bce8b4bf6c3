//! A process that dies in the middle (security.md 39, one instance).

use jiff::SignedDuration;

use crate::db;
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::{EventKind, Phase};
use crate::domain::git_release::GitRelease;
use crate::domain::live::LiveState;
use crate::tests::harness::{Feed, Service, World};
use crate::tests::support::browser::Browser;

/// A little longer than a lease.
const LEASE_OVER: SignedDuration = SignedDuration::from_secs(31);

/// What holds after a lost run was found: its state, its servers, its mail, its
/// request, and that the record says of the host what the host says, or unknown.
async fn is_interrupted(service: &Service, dana: &Browser, deployment: &Deployment, mails: usize) {
    let id = deployment.id;
    assert_eq!(deployment.state, DeploymentState::Interrupted, "{:?}", deployment.why);
    assert_eq!(db::deployments::list_server_locks(&service.app.db).await.unwrap(), []);
    assert_eq!(service.request_state(deployment.request.unwrap()).await, "launched");
    let row = service.live("web-1").await;
    if row.state == LiveState::Settled {
        let said = String::from_utf8(service.on_host(1, ".git_release").unwrap()).unwrap();
        let said = GitRelease::parse(&said).unwrap();
        assert_eq!((Some(said.commit), said.in_progress), (row.commit, false));
    }
    let mails = service.mails_about("[interrupted] shop", mails).await;
    assert!(
        mails.last().unwrap().text().contains(&format!("Deployment {id} of")),
        "{}",
        mails.last().unwrap().text()
    );
    let page = dana.get(&format!("/deployments/{id}")).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("interrupted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_process_died_in_any_step_is_interrupted_and_the_next_one_works() {
    let mut service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    let first = service.launched(&dana, "v1.0").await;
    service.ended(first).await;
    let (deploy, test, runs) = (service.gate("deploy"), service.gate("test"), service.path().join("runs"));
    service.commit("v1.3", |repository| {
        repository.write(
            "deploy.sh",
            format!("echo \"$DEPLOY_ID\" >> '{}'\necho waiting\n{}", runs.display(), deploy.wait()),
        );
        repository.write("tests/run_tests.sh", format!("echo testing\n{}", test.wait()));
    });

    let phases =
        [Phase::Checks, Phase::Connect, Phase::Mark, Phase::Sync, Phase::Verify, Phase::Deploy, Phase::Test];
    for (round, phase) in phases.into_iter().enumerate() {
        let id = service.launched(&dana, "v1.3").await;
        match phase {
            Phase::Deploy => service.until_line(id, "waiting").await,
            Phase::Test => {
                deploy.open().await;
                service.until_line(id, "testing").await;
            }
            _ => service.until_step(id, phase).await,
        }
        service.kill();
        service.restart().await;
        let found = db::deployments::find(&service.app.db, id).await.unwrap().unwrap();
        assert_eq!(
            found.state,
            DeploymentState::Running,
            "nobody claims anything before the lease is over ({phase:?})"
        );

        service.advance(LEASE_OVER);
        service.keep_house().await;

        let ended = service.ended(id).await;
        is_interrupted(&service, &dana, &ended, round + 1).await;
        if matches!(phase, Phase::Deploy | Phase::Test) {
            assert_eq!(service.live("web-1").await.state, LiveState::Unknown, "{phase:?}");
        }
    }

    let last = service.launched(&dana, "v1.3").await;
    deploy.open().await;
    test.open().await;
    assert_eq!(service.ended(last).await.state, DeploymentState::Succeeded);
    assert_eq!(service.live("web-1").await.state, LiveState::Settled);
    let runs: Vec<String> = std::fs::read_to_string(runs).unwrap().lines().map(str::to_owned).collect();
    let mut once = runs.clone();
    once.dedup();
    assert_eq!(runs, once, "no deployment ran its script twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_killed_with_sigkill_leaves_an_interrupted_run_and_no_script_behind() {
    let mut service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    let first = service.launched(&dana, "v1.0").await;
    service.ended(first).await;
    let (gate, alive, runs) = (service.gate("never"), service.gate("alive"), service.path().join("runs"));
    service.commit("v1.3", |repository| {
        let begins = format!("echo run >> '{}'\n", runs.display());
        repository.write("deploy.sh", format!("{begins}echo waiting\n{}{}", alive.hold(), gate.wait()));
    });

    let program = service.run_program().await;
    let id = service.launched(&dana, "v1.3").await;
    Feed::open(&dana, &service.base_url, id, None).await.until_line("waiting").await;
    let script_dies = alive.until_nobody_holds_it();
    tokio::join!(program.kill(), script_dies);

    // The half minute of the lease goes by.
    service.sql("UPDATE deployments SET lease_until = 1 WHERE state = 'running'").await;
    let program = service.run_program().await;
    Feed::open(&dana, &service.base_url, id, None).await.rest().await;
    let ended = db::deployments::find(&service.app.db, id).await.unwrap().unwrap();
    is_interrupted(&service, &dana, &ended, 1).await;
    assert_eq!(std::fs::read_to_string(&runs).unwrap(), "run\n");
    assert_eq!(service.live("web-1").await.state, LiveState::Unknown);

    service.commit("v1.4", |repository| {
        repository.write("deploy.sh", "echo \"deploying\"\n");
    });
    let next = service.launched(&dana, "v1.4").await;
    Feed::open(&dana, &service.base_url, next, None).await.rest().await;
    let next = db::deployments::find(&service.app.db, next).await.unwrap().unwrap();
    assert_eq!(next.state, DeploymentState::Succeeded, "{:?}", next.why);
    program.terminate();
    assert!(program.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_when_the_process_died_runs_once_after_the_restart() {
    let mut service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    service.restart_as(crate::boot::Role::Web).await;
    let id = service.launched(&dana, "v1.0").await;
    service.kill();

    service.restart().await;

    assert_eq!(service.ended(id).await.state, DeploymentState::Succeeded);
    let began = |what: &EventKind| matches!(what, EventKind::State { state: DeploymentState::Running, .. });
    assert_eq!(service.journal(id).await.iter().filter(|event| began(&event.what)).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_could_not_write_its_end_is_interrupted_although_its_hosts_are_done() {
    let mut service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    service
        .sql("CREATE TRIGGER no_end BEFORE UPDATE OF state ON deployments WHEN NEW.state = 'succeeded' BEGIN SELECT RAISE(ABORT, 'died'); END")
        .await;
    let id = service.launched(&dana, "v1.0").await;
    service
        .until_event(id, |what| {
            matches!(what, EventKind::Host { state: crate::domain::event::HostState::Done, .. })
        })
        .await;
    service.kill();
    service.sql("DROP TRIGGER no_end").await;

    service.restart().await;
    service.advance(LEASE_OVER);
    service.keep_house().await;

    let ended = service.ended(id).await;
    is_interrupted(&service, &dana, &ended, 1).await;
    let row = service.live("web-1").await;
    assert_eq!(
        (row.state, row.release.as_deref()),
        (LiveState::Settled, Some("v1.0")),
        "the host says that it has it"
    );
    let next = service.launched(&dana, "v1.1").await;
    assert_eq!(service.ended(next).await.state, DeploymentState::Succeeded);
}
