//! Deployments under traffic: nobody is turned away, and nobody is sent back in time.

use super::town::Town;
use crate::app::steer;
use crate::domain::balancer::Admin;
use crate::domain::deployment::DeploymentState;
use crate::domain::event::EventKind;
use crate::domain::scope::Scope;
use crate::tests::harness::production;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_hosts_in_two_clusters_change_under_traffic_and_two_versions_never_serve_together() {
    let town = Box::pin(Town::with_first_release(&[10, 10], |_| {})).await;
    let mut traffic = town.visitors("v1.0", "v1.1");
    traffic.more(200).await;
    assert_eq!(traffic.versions(), ["v1.0"]);

    town.service.succeeds("v1.1").await;

    traffic.more(200).await;
    let seen = traffic.end().await;
    assert_eq!(seen.failures, [] as [&str; 0], "no request fails");
    assert_eq!(seen.back_in_time, 0, "once the first cluster is done, nobody gets the old version");
    assert_eq!(seen.versions.iter().map(String::as_str).collect::<Vec<_>>(), ["v1.0", "v1.1"]);
    assert!((1..=20).all(|number| town.version_on(number) == "v1.1"));
    assert_eq!(town.admin().await, [Admin::Ready; 20]);
    assert_eq!(town.out().await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_in_batches_fails_no_request_and_says_that_two_versions_serve() {
    let town = Box::pin(Town::with_first_release(&[2, 2], |fleet| {
        production(fleet)["strategy"] = "rolling".into();
        production(fleet)["batch"] = "50%".into();
    }))
    .await;
    let mut traffic = town.visitors("v1.0", "v1.1");
    traffic.more(50).await;

    let id = town.service.succeeds("v1.1").await;

    traffic.more(100).await;
    let seen = traffic.end().await;
    assert_eq!(seen.failures, [] as [&str; 0]);
    assert!((1..=4).all(|number| town.version_on(number) == "v1.1"));
    assert_eq!((town.admin().await, town.out().await.len()), (vec![Admin::Ready; 4], 0));
    let said = "two versions serve meanwhile";
    assert!(
        town.service
            .journal(id)
            .await
            .iter()
            .any(|event| event.what.remark().is_some_and(|text| text.contains(said)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_serves_beside_the_old_version_until_somebody_with_the_right_continues() {
    let mut town = Box::pin(Town::with_first_release(&[3], |_| {})).await;
    town.service.apply(|fleet| production(fleet)["strategy"] = "canary".into()).await;
    let service = &town.service;
    let mut traffic = town.visitors("v1.0", "v1.1");
    let id = service.queue("v1.1", Scope::Environment).await.unwrap();
    service.until_event(id, |what| matches!(what, EventKind::Waiting { .. })).await;
    traffic.more(20).await;
    traffic.versions();
    traffic.more(60).await;
    assert_eq!(traffic.versions(), ["v1.0", "v1.1"]);
    assert_eq!((1..=3).map(|number| town.version_on(number)).collect::<Vec<_>>(), ["v1.1", "v1.0", "v1.0"]);

    let rosa = service.actor("rosa").await;
    assert!(steer::continue_run(&service.app, &rosa, id).await.is_err(), "reviewers do not steer");
    let ada = service.actor("ada").await;
    steer::continue_run(&service.app, &ada, id).await.unwrap();

    assert_eq!(service.ended(id).await.state, DeploymentState::Succeeded);
    assert!(
        service
            .journal(id)
            .await
            .iter()
            .any(|event| matches!(&event.what, EventKind::Continued { by, .. } if by.as_str() == "ada"))
    );
    assert!(steer::continue_run(&service.app, &ada, id).await.is_err(), "it waits for nobody any more");
    traffic.more(60).await;
    let seen = traffic.end().await;
    assert_eq!(seen.failures, [] as [&str; 0]);
    assert!((1..=3).all(|number| town.version_on(number) == "v1.1"));
}
