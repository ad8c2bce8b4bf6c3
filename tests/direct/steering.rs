//! What may be done with a run: wait for it, cancel it, let it go on, retry, go back.

use serde_json::json;

use super::{DEPLOY, free, run_page, says};
use crate::domain::deployment::{CancelWhen, DeploymentState};
use crate::domain::event::EventKind;
use crate::tests::harness::{Service, World, id_of, number_in, production};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_shows_what_a_cancel_would_leave_and_the_next_one_whom_it_waits_for() {
    let service = Service::start_in(free(|_| {})).await;
    let (dana, ada) = (service.as_user("dana").await, service.as_user("ada").await);
    let gate = service.gate("gate");
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("echo waiting\n{}", gate.wait()));
    });
    let first = id_of(&service.deployed(&dana, "v1.3").await);
    service.until_line(first, "waiting").await;
    let second = number_in(&service.post(&dana, DEPLOY, &[("release", "v1.2")]).await);
    let third = number_in(&service.post(&dana, DEPLOY, &[("release", "v1.1"), ("server", "web-1")]).await);

    let page = run_page(&dana, second).await;
    says(
        &page,
        &["It is next in the queue.", &format!("It waits for deployment {first}, which has shop production")],
    );
    let page = run_page(&dana, third).await;
    says(
        &page,
        &["1 deployment waits before it", &format!("deployment {second}, which waits before it for")],
    );
    let page = dana.submit(&page, "Cancel the deployment", &[]).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("cancelled"), "{}", page.text());
    says(&dana.get("/applications/shop").await.unwrap(), &["nothing yet (being changed)"]);
    says(&dana.get("/applications").await.unwrap(), &["nothing yet (being changed)"]);

    let page = run_page(&dana, first).await;
    says(
        &page,
        &["web-1 would run v1.3, web-2 what they have.", "web-1 may be left half done. web-2 would keep"],
    );
    let page = dana.submit(&page, "Cancel the deployment", &[("when", "after_batch")]).await.unwrap();
    says(&page, &["It is being cancelled by dana, after the batch"]);
    let asked = service.until(first, |run| run.cancel.is_some()).await;
    assert_eq!(asked.cancel, Some(CancelWhen::AfterBatch));
    let page = run_page(&ada, first).await;
    let page = ada.submit(&page, "Cancel the deployment", &[]).await.unwrap();
    says(&page, &["cancelled by ada, now"]);
    assert!(!page.text().contains("Cancel the deployment"), "it cannot end sooner: {}", page.text());
    let ended = service.ended(first).await;
    assert_eq!(ended.state, DeploymentState::Cancelled);
    let page = run_page(&dana, first).await;
    says(&page, &["Summary to pass on", "shop v1.3 to production: cancelled"]);
    assert_eq!(service.ended(second).await.state, DeploymentState::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_offers_the_hosts_that_are_left_and_the_way_back() {
    let service = Service::start_in(free(|_| {})).await;
    let dana = service.as_user("dana").await;
    let rosa = service.as_user("rosa").await;
    service.ended(id_of(&service.deployed(&dana, "v1.0").await)).await;
    service.broken_on("v1.3", "web-2");
    let failed = service.ended(id_of(&service.deployed(&dana, "v1.3").await)).await;
    assert_eq!(failed.state, DeploymentState::Failed);

    let page = run_page(&dana, failed.id).await;
    says(
        &page,
        &[
            "What is safe now",
            "Retry the host that is left",
            "Deploys v1.3 to web-2, and nothing else.",
            "Roll back to v1.0",
        ],
    );
    says(&page, &["web-2 failed, 1 of 2 hosts done.", "look at the log, then retry or roll back"]);
    assert!(
        !page.text().contains("percent of the files there may be deleted"),
        "that was not why: {}",
        page.text()
    );
    let reader = run_page(&rosa, failed.id).await;
    assert!(!reader.text().contains("What is safe now"), "rosa only reads: {}", reader.text());
    assert_eq!(service.post(&rosa, &format!("/deployments/{}/retry", failed.id), &[]).await.status, 403);

    let page = dana.submit(&page, "Retry", &[]).await.unwrap();
    let again = service.ended(id_of(&page)).await;
    assert_eq!((again.retry_of, again.state), (Some(failed.id), DeploymentState::Failed));
    let page = run_page(&dana, again.id).await;
    says(&page, &["Retry of deployment 2", "only web-2"]);
    let old = run_page(&dana, failed.id).await;
    says(&old, &[&format!("Deployment {} came after it.", again.id)]);
    assert!(!old.has_form("Retry"), "the newest one is retried");
    let refused = service.post(&dana, &format!("/deployments/{}/retry", failed.id), &[]).await;
    assert_eq!(refused.status, 409, "{}", refused.text());

    let page = dana
        .submit(&page, "Roll back to v1.0", &[("reason", "It cannot reach the tax office.")])
        .await
        .unwrap();
    let back = service.ended(id_of(&page)).await;
    assert_eq!((back.state, back.release.as_str()), (DeploymentState::Succeeded, "v1.0"), "{:?}", back.why);
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.0\n");
    let page = run_page(&dana, back.id).await;
    assert_eq!(page.main_state().as_deref(), Some("succeeded"));
    says(&page, &["2 of 2 hosts run v1.0, verified.", "usually"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_is_covered_by_the_last_approval_or_asked_for() {
    let mut service = Service::start().await;
    service.released("v1.0").await;
    let second = service.released("v1.1").await;
    let dana = service.as_user("dana").await;
    service.apply(|fleet| production(fleet)["approval"]["covers_rollback"] = json!(false)).await;
    let page = run_page(&dana, second.id).await;
    says(&page, &["If it has to go back", "It needs approval: a request is made"]);
    let words = [("reason", "It cannot reach the tax office.")];
    let page = dana.submit(&page, "Ask to roll back to v1.0", &words).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("awaiting_review"), "{}", page.text());
    says(&page, &["It cannot reach the tax office."]);

    service.apply(|fleet| production(fleet)["approval"]["covers_rollback"] = json!(true)).await;
    let page = run_page(&dana, second.id).await;
    says(&page, &["The approval of request 2 covers the way back"]);
    let page = dana.submit(&page, "Roll back to v1.0", &[]).await.unwrap();
    let back = service.ended(id_of(&page)).await;
    assert_eq!((back.covered_by, back.state), (Some(2), DeploymentState::Succeeded), "{:?}", back.why);
    let page = run_page(&dana, back.id).await;
    says(&page, &["Covered by request 2", "goes back"]);
    assert!(!page.text().contains("If it has to go back"), "the way to v1.1 leads forward: {}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_waits_for_a_person_who_says_so_on_its_page() {
    let service = Service::start_in(free(|fleet| {
        production(fleet)["strategy"] = json!("canary");
        production(fleet)["canary_minutes"] = json!(30);
    }))
    .await;
    let dana = service.as_user("dana").await;
    let waits = |what: &EventKind| matches!(what, EventKind::Waiting { .. });
    let first = id_of(&service.deployed(&dana, "v1.0").await);
    service.until_event(first, waits).await;
    let said = service.journal(first).await;
    let warns = |what: &EventKind| matches!(what, EventKind::Note { text, .. } if text.starts_with("The canary serves"));
    assert_eq!(said.iter().filter(|event| warns(&event.what)).count(), 1, "{said:#?}");
    let page = run_page(&dana, first).await;
    says(&page, &["batch-1 waits for a person", "left, until", "1 of 2 hosts done"]);
    let watched = run_page(&service.as_user("rosa").await, first).await;
    assert!(!watched.has_form("Continue with batch-1"), "rosa only watches");
    let page = dana.submit(&page, "Continue with batch-1", &[]).await.unwrap();
    assert_eq!(page.main_page().as_deref(), Some("deployment"), "{}", page.text());
    assert_eq!(service.ended(first).await.state, DeploymentState::Succeeded);
    let again = service.post(&dana, &format!("/deployments/{first}/continue"), &[]).await;
    assert_eq!(again.status, 409, "{}", again.text());

    let second = id_of(&service.deployed(&dana, "v1.1").await);
    service.until_event(second, waits).await;
    let page = run_page(&dana, second).await;
    dana.submit(&page, "Stop here", &[]).await.unwrap();
    assert_eq!(service.ended(second).await.state, DeploymentState::Cancelled);
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.1\n");
    let page = run_page(&dana, second).await;
    says(&page, &["1 host was not touched.", "v1.0 as before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_would_delete_much_is_retried_by_who_acknowledges_it() {
    let service = Service::start_in(World {
        hosts: 1,
        ..free(|fleet| {
            fleet["clusters"] = json!([{ "name": "web", "servers": [{ "server": "web-1" }] }]);
            production(fleet)["clusters"] = json!(["web"]);
        })
    })
    .await;
    let dana = service.as_user("dana").await;
    service.commit("v1.3", |repository| {
        for number in 0..60 {
            repository.write(format!("pages/{number}.html"), "page\n");
        }
    });
    assert_eq!(
        service.ended(id_of(&service.deployed(&dana, "v1.3").await)).await.state,
        DeploymentState::Succeeded
    );
    let page = dana.get(&format!("{DEPLOY}?release=v1.2")).await.unwrap();
    let page = dana.submit(&page, "Deploy v1.2 to production", &[]).await.unwrap();
    let stopped = service.ended(id_of(&page)).await;
    assert_eq!(stopped.state, DeploymentState::Failed, "{:?}", stopped.why);
    let page = run_page(&dana, stopped.id).await;
    says(&page, &["More than 50 percent of the files there may be deleted"]);
    let page = dana.submit(&page, "Retry", &[("acknowledge_deletes", "1")]).await.unwrap();
    let ended = service.ended(id_of(&page)).await;
    assert_eq!(ended.state, DeploymentState::Succeeded, "{:?}", ended.why);
    assert!(service.on_host(1, "pages/1.html").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_policy_would_refuse_has_no_button_and_says_why() {
    let mut service = Service::start_in(free(|_| {})).await;
    let dana = service.as_user("dana").await;
    service.broken_on("v1.3", "web-2");
    let failed = service.ended(id_of(&service.deployed(&dana, "v1.3").await)).await;
    assert!(run_page(&dana, failed.id).await.has_form("Retry"));

    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(1)).await;
    let page = run_page(&dana, failed.id).await;
    says(&page, &["Retry the host that is left", "Needs approval."]);
    assert!(!page.has_form("Retry"), "{:?}", page.buttons());
    let posted = service.post(&dana, &format!("/deployments/{}/retry", failed.id), &[]).await;
    assert_eq!(posted.status, 409, "{}", posted.text());
}
