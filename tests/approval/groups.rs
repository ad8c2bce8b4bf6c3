//! "One of ops and one of owners".

use serde_json::json;

use super::{audited, quiet_with, role};
use crate::tests::api::town::{REQUESTS, member};
use crate::tests::harness::{Service, production};

/// rosa is of ops and owners, remy of ops, otto of the owners.
async fn grouped() -> Service {
    quiet_with(|fleet| {
        role(fleet, "ops", &["rosa", "remy"], &json!([]));
        role(fleet, "owners", &["rosa", "otto"], &json!([{ "permission": "review" }]));
        production(fleet)["approval"]["groups"] =
            json!([{ "role": "ops", "required": 1 }, { "role": "owners", "required": 1 }]);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_each_group_has_to_accept_and_nobody_stands_for_two() {
    let mut service = grouped().await;
    service.github.person("otto").named("Otto Owner");
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let review = service.link_about("review", "v1.0").await;
    let (rosa, remy) = (service.as_user("rosa").await, service.as_user("remy").await);
    let page = rosa.get(&review).await.unwrap();
    assert!(page.text().contains("0 of 2 accepts: 0 of 1 from ops; 0 of 1 from owners."), "{}", page.text());

    assert_eq!(service.post(&rosa, &format!("{review}/accept"), &[]).await.status, 303);
    assert_eq!(service.request_state(request).await, "awaiting_review", "she is in both, and counts once");
    let page = dana.get(&format!("/requests/{request}")).await.unwrap();
    assert!(page.text().contains("1 of 2 accepts: 1 of 1 from ops; 0 of 1 from owners."), "{}", page.text());
    let rosa = service.calling_as("rosa").await;
    let one = rosa.get(&format!("/requests/{request}")).await.ok();
    let groups = json!([
        { "role": "ops", "required": 1, "accepts": 1 }, { "role": "owners", "required": 1, "accepts": 0 },
    ]);
    assert_eq!((&one["approval"]["groups"], &one["approval"]["accepts"]), (&groups, &json!(1)), "{one}");

    // remy is of ops; so rosa's accept is that of an owner now.
    assert_eq!(service.post(&remy, &format!("{review}/accept"), &[]).await.status, 303);
    assert_eq!(service.request_state(request).await, "accepted");
    let launch = service.link_about("accepted", "v1.0").await;
    let page = dana.get(&launch).await.unwrap();
    assert!(page.text().contains("1 of 1 from ops; 1 of 1 from owners"), "{}", page.text());

    // Whoever leaves a group takes their accept out of it, though they may still review.
    service.apply(|fleet| fleet["roles"].as_array_mut().unwrap()[3]["users"] = json!(["rosa"])).await;
    let page = service.post(&dana, &launch, &[]).await;
    assert_eq!(page.status, 409, "{}", page.text());
    assert!(page.text().contains("0 of 1 from owners"), "{}", page.text());
    assert_eq!(service.request_state(request).await, "void");
    assert_eq!(audited(&service, "request.voided").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_was_accepted_under_stays_asked_for_when_the_policy_becomes_laxer() {
    let mut service = grouped().await;
    service.github.person("otto").named("Otto Owner");
    let approved = {
        let dana = service.as_user("dana").await;
        let request = service.asked(&dana, "v1.0", &[]).await;
        let review = service.link_about("review", "v1.0").await;
        for who in ["remy", "otto"] {
            let browser = service.as_user(who).await;
            assert_eq!(service.post(&browser, &format!("{review}/accept"), &[]).await.status, 303);
        }
        request
    };
    assert_eq!(service.request_state(approved).await, "accepted");
    service
        .apply(|fleet| drop(production(fleet)["approval"].as_object_mut().unwrap().remove("groups")))
        .await;
    assert_eq!(service.request_state(approved).await, "accepted");
    // otto leaves the owners and may still review; the groups of then are one short.
    service
        .apply(|fleet| {
            fleet["roles"][4]["users"] = json!(["rosa"]);
            role(fleet, "others", &["otto"], &json!([{ "permission": "review" }]));
        })
        .await;
    assert_eq!(service.request_state(approved).await, "void");
}

/// rules.md 17: by the policy at acceptance and by that of now, not by one before.
#[tokio::test(flavor = "multi_thread")]
async fn while_it_waits_the_policy_of_the_day_decides() {
    let mut service = grouped().await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let review = service.link_about("review", "v1.0").await;
    service
        .apply(|fleet| drop(production(fleet)["approval"].as_object_mut().unwrap().remove("groups")))
        .await;
    let remy = service.as_user("remy").await;
    assert_eq!(service.post(&remy, &format!("{review}/accept"), &[]).await.status, 303);
    assert_eq!(service.request_state(request).await, "accepted");
    let launch = service.link_about("accepted", "v1.0").await;

    // A group that comes later is asked for as well.
    service
        .apply(|fleet| {
            production(fleet)["approval"]["groups"] = json!([{ "role": "owners", "required": 2 }]);
        })
        .await;
    assert_eq!(service.request_state(request).await, "void");
    let page = dana.get(&launch).await.unwrap();
    assert!(page.text().contains("0 of 2 from owners"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_all_it_takes_by_the_policy_of_the_day_is_accepted_and_nobody_accepts_twice() {
    let mut service = quiet_with(|fleet| production(fleet)["approval"]["required"] = json!(2)).await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let rosa = member(&service, "rosa").await;
    let path = format!("/requests/{request}/decisions");
    let accept = json!({ "decision": "accept" });
    assert_eq!(rosa.post(&path, &accept).await.status, 201);
    let twice = rosa.post(&path, &accept).await;
    assert_eq!(twice.body["decisions"].as_array().map(Vec::len), Some(1), "{}", twice.page.html);
    service.keep_house().await;
    assert_eq!(service.request_state(request).await, "awaiting_review");
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(1)).await;
    service.keep_house().await;
    assert_eq!(service.request_state(request).await, "accepted");
    let launch = service.link_about("accepted", "v1.0").await;
    assert_eq!(dana.get(&launch).await.unwrap().status, 200);
    let record = service.record().await;
    assert!(record.contains(&format!("policy request.accepted request {request}")), "{record:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_ask_for_approval_where_no_count_does() {
    let service = quiet_with(|fleet| {
        production(fleet)["approval"]["required"] = json!(0);
        production(fleet)["approval"]["groups"] = json!([{ "role": "admin", "required": 1 }]);
        fleet["roles"][1]["grants"] = json!([{ "permission": "deploy", "application": "shop" }]);
    })
    .await;
    let dana = member(&service, "dana").await;
    let reply = dana
        .post("/applications/shop/environments/production/deployments", &json!({ "release": "v1.0" }))
        .await;
    assert_eq!(reply.problem(409), "stopped");
    let asked = dana.post(REQUESTS, &json!({ "tag": "v1.0", "reason": "Because." })).await;
    assert_eq!((asked.status, &asked.body["state"]), (201, &json!("awaiting_review")), "{}", asked.body);
    let path = format!("/requests/{}/decisions", asked.body["id"]);
    let accept = json!({ "decision": "accept" });
    let rosa = member(&service, "rosa").await;
    let reply = rosa.post(&path, &accept).await;
    assert_eq!(
        reply.body["state"],
        json!("awaiting_review"),
        "a reviewer is no administrator: {}",
        reply.body
    );
    let reply = service.calling_as("ada").await.post(&path, &accept).await;
    // Two accepts are there, and one of them is an administrator's.
    assert_eq!(reply.body["state"], json!("accepted"), "{}", reply.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_with_the_name_of_its_role() {
    let mut service = grouped().await;
    service.github.person("otto").named("Otto Owner");
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let review = service.link_about("review", "v1.0").await;
    let (remy, otto) = (service.as_user("remy").await, service.as_user("otto").await);
    assert_eq!(service.post(&remy, &format!("{review}/accept"), &[]).await.status, 303);
    service
        .apply(|fleet| {
            fleet["roles"][3]["name"] = json!("operators");
            fleet["roles"][3]["was"] = json!("ops");
            production(fleet)["approval"]["groups"][0]["role"] = json!("operators");
        })
        .await;
    let page = dana.get(&format!("/requests/{request}")).await.unwrap();
    assert!(page.text().contains("1 of 1 from operators; 0 of 1 from owners"), "{}", page.text());
    assert_eq!(service.post(&otto, &format!("{review}/accept"), &[]).await.status, 303);
    assert_eq!(service.request_state(request).await, "accepted");
}
