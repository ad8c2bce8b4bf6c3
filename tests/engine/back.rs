//! Retries and roll backs under an approval.

use serde_json::json;

use crate::app::steer::{self, RolledBack};
use crate::domain::deployment::{DeploymentState, Direction};
use crate::domain::event::EventKind;
use crate::domain::gate::Verdict;
use crate::domain::name::Name;
use crate::domain::scope::Scope;
use crate::tests::harness::{Service, World, production};

async fn rolled_back(service: &Service, who: &str, to: i64) -> RolledBack {
    let actor = service.actor(who).await;
    Box::pin(steer::roll_back(&service.app, &actor, to, "It is broken.", false)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_is_direct_where_no_approval_is_needed() {
    let service = Service::start_in(World::unreviewed(1)).await;
    let first = service.succeeds("v1.0").await;
    service.succeeds("v1.1").await;
    let RolledBack::Deployment(id) = rolled_back(&service, "ada", first).await else { panic!("a request") };
    let ended = service.ended(id).await;
    assert_eq!((ended.state, ended.direction), (DeploymentState::Succeeded, Some(Direction::GoesBack)));
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_covers_the_way_back_that_it_came_and_no_other() {
    let service = Service::start_in(World { hosts: 1, ..World::default() }).await;
    let first = service.released("v1.0").await;
    let second = service.released("v1.1").await;
    let third = service.released("v1.2").await;
    assert_eq!([first.state, second.state, third.state], [DeploymentState::Succeeded; 3]);

    let RolledBack::Request(request) = rolled_back(&service, "dana", first.id).await else {
        panic!("nobody approved of the way from v1.2 to v1.0")
    };
    assert_eq!(service.request_state(request).await, "awaiting_review");
    let RolledBack::Deployment(id) = rolled_back(&service, "dana", second.id).await else {
        panic!("a request")
    };
    let ended = service.ended(id).await;
    assert_eq!(
        (ended.state, ended.covered_by),
        (DeploymentState::Succeeded, third.request),
        "{:?}",
        ended.why
    );
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.1\n");
    assert_eq!(service.request_state(request).await, "void", "another release went live");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_policy_says_so_the_way_back_is_a_request_of_its_own() {
    let edit_fleet = Box::new(|fleet: &mut serde_json::Value| {
        production(fleet)["approval"]["covers_rollback"] = json!(false);
    });
    let service = Service::start_in(World { hosts: 1, edit_fleet, ..World::default() }).await;
    let first = service.released("v1.0").await;
    service.released("v1.1").await;
    let RolledBack::Request(request) = rolled_back(&service, "dana", first.id).await else {
        panic!("covered")
    };
    assert_eq!(service.request_state(request).await, "awaiting_review");
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.1\n");
    let mallory = service.actor("mallory").await;
    assert!(steer::roll_back(&service.app, &mallory, first.id, "", false).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_runs_under_the_same_approval_on_the_failed_hosts_alone_while_it_stands() {
    let service = Service::start_in(World { hosts: 2, ..World::default() }).await;
    let (broken, runs) = (service.path().join("broken"), service.path().join("runs"));
    service.commit("v1.3", |repository| {
        let script = format!(
            "echo \"$DEPLOY_ID $DEPLOY_HOST\" >> '{}'\n[ \"$DEPLOY_HOST\" = web-1 ] || [ ! -e '{}' ]\n",
            runs.display(),
            broken.display()
        );
        repository.write("deploy.sh", script);
    });
    std::fs::write(&broken, "").unwrap();
    let failed = service.released("v1.3").await;
    assert_eq!(failed.state, DeploymentState::Failed);

    let (dana, rosa) = (service.actor("dana").await, service.actor("rosa").await);
    assert!(steer::retry(&service.app, &rosa, failed.id, false).await.is_err(), "a reviewer has no right to");
    let still = steer::retry(&service.app, &dana, failed.id, false).await.unwrap();
    let still = service.ended(still).await;
    assert_eq!((still.state, still.request), (DeploymentState::Failed, failed.request));
    std::fs::remove_file(&broken).unwrap();
    let done = steer::retry(&service.app, &dana, still.id, false).await.unwrap();
    let done = service.ended(done).await;
    assert_eq!((done.state, &done.why), (DeploymentState::Succeeded, &None));
    assert_eq!(service.request_state(failed.request.unwrap()).await, "launched");
    let expected = [
        format!("{} web-1", failed.id),
        format!("{} web-2", failed.id),
        format!("{} web-2", still.id),
        format!("{} web-2", done.id),
    ];
    let mut ran: Vec<String> = std::fs::read_to_string(&runs).unwrap().lines().map(str::to_owned).collect();
    ran.sort();
    assert_eq!(ran, expected);
    let said = format!("Retries deployment {} on web-2.", still.id);
    assert!(
        service
            .journal(done.id)
            .await
            .iter()
            .any(|event| matches!(&event.what, EventKind::Note { text, .. } if *text == said))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_ran_out_covers_no_retry() {
    let service = Service::start_in(World { hosts: 1, ..World::default() }).await;
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", "exit 3\n");
    });
    let failed = service.released("v1.3").await;
    service.advance(jiff::SignedDuration::from_hours(26));
    let dana = service.actor("dana").await;
    let refused = steer::retry(&service.app, &dana, failed.id, false).await;
    let Err(crate::app::Refusal::Stopped(gates)) = refused else { panic!("{refused:?}") };
    assert!(gates.iter().any(|gate| gate.title == "The approval has run out"), "{gates:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_covered_way_back_is_retried_by_its_starter_and_by_nobody_without_a_right() {
    let edit_fleet = Box::new(|fleet: &mut serde_json::Value| {
        let roles = fleet["roles"].as_array_mut().unwrap();
        let request = json!([{ "permission": "request", "application": "shop" }]);
        roles.push(json!({ "name": "others", "github_teams": ["interns"], "grants": request }));
    });
    let service = Service::start_in(World { hosts: 1, edit_fleet, ..World::default() }).await;
    let broken = service.path().join("broken");
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("[ ! -e '{}' ]\n", broken.display()));
    });
    service.commit("v1.4", |repository| {
        repository.remove("deploy.sh");
    });
    let first = service.released("v1.3").await;
    let second = service.released("v1.4").await;
    assert_eq!([first.state, second.state], [DeploymentState::Succeeded; 2]);
    std::fs::write(&broken, "").unwrap();
    let RolledBack::Deployment(id) = rolled_back(&service, "dana", first.id).await else {
        panic!("a request")
    };
    let failed = service.ended(id).await;
    assert_eq!((failed.state, failed.covered_by), (DeploymentState::Failed, second.request));
    std::fs::remove_file(&broken).unwrap();

    let mallory = service.actor("mallory").await;
    let refused = steer::retry(&service.app, &mallory, failed.id, false).await;
    let Err(crate::app::Refusal::Stopped(gates)) = refused else { panic!("{refused:?}") };
    assert!(gates.iter().any(|gate| gate.code == "permission" && gate.verdict == Verdict::Stop), "{gates:?}");
    let dana = service.actor("dana").await;
    let again = steer::retry(&service.app, &dana, failed.id, false).await.unwrap();
    let again = service.ended(again).await;
    assert_eq!((again.state, again.covered_by), (DeploymentState::Succeeded, second.request));
}

#[tokio::test(flavor = "multi_thread")]
async fn between_two_releases_that_are_live_a_third_is_called_diverged_and_an_older_one_goes_back() {
    let service = Service::start_in(World::unreviewed(2)).await;
    service.succeeds("v1.0").await;
    let second = Scope::Server(Name::parse("web-2").unwrap());
    let alone = service.queue("v1.2", second).await.unwrap();
    assert_eq!(service.ended(alone).await.direction, Some(Direction::Forward));

    let between = service.ran("v1.1").await;
    assert_eq!((between.state, between.direction), (DeploymentState::Succeeded, Some(Direction::Diverged)));
    let back = service.ran("v1.0").await;
    assert_eq!((back.state, back.direction), (DeploymentState::Succeeded, Some(Direction::GoesBack)));
}
