//! Steering a run: cancel it, let it go on, retry what is left.

use serde_json::{Value, json};

use super::town::{REQUESTS, begun, deployers, deploys, directly, gates};
use crate::domain::deployment::DeploymentState::{Cancelled, Failed, Succeeded};
use crate::domain::event::EventKind;
use crate::tests::harness::{Gate, Service, World, production};

/// A release whose script waits at a gate on each host.
fn waiting(service: &Service) -> Gate {
    let gate = service.gate("gate");
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("echo waiting\n{}", gate.wait()));
    });
    gate
}

fn host<'a>(deployment: &'a Value, server: &str) -> &'a Value {
    let hosts = deployment["hosts"].as_array().unwrap();
    hosts.iter().find(|host| host["server"] == server).unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_cancelled_now() {
    let service = directly(1, |_| {}).await;
    waiting(&service);
    let (drew, stella) = (service.calling_as("drew").await, service.calling_as("stella").await);
    let id = deploys(&drew, "v1.3").await;
    service.until_line(id, "waiting").await;
    let cancel = format!("/deployments/{id}/cancel");
    assert_eq!(stella.post(&cancel, &json!({})).await.problem(403), "forbidden");
    let asked = drew.post(&cancel, &json!({ "when": "now" })).await;
    assert_eq!(begun(&asked), id);
    assert_eq!(asked.body["cancel"], json!({ "when": "now", "by": "drew" }));
    let ended = service.ended(id).await;
    assert_eq!(ended.state, Cancelled, "{:?}", ended.why);
    let one = drew.get(&format!("/deployments/{id}")).await.ok();
    assert_eq!((&one["state"], &one["cancel"]["by"]), (&json!("cancelled"), &json!("drew")));
    assert_eq!(drew.post(&cancel, &json!({})).await.problem(409), "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_ends_after_the_batch_and_the_rest_is_retried() {
    let service = directly(2, |fleet| {
        production(fleet)["strategy"] = json!("rolling");
        production(fleet)["batch"] = json!(1);
    })
    .await;
    let gate = waiting(&service);
    let drew = service.calling_as("drew").await;
    let id = deploys(&drew, "v1.3").await;
    service.until_line(id, "waiting").await;
    let retry = format!("/deployments/{id}/retry");
    assert_eq!(drew.post(&retry, &json!({})).await.problem(409), "conflict", "it runs");
    let asked = drew.post(&format!("/deployments/{id}/cancel"), &json!({ "when": "after_batch" })).await;
    assert_eq!(begun(&asked), id);
    gate.open().await;
    let ended = service.ended(id).await;
    assert_eq!(ended.state, Cancelled, "{:?}", ended.why);
    let one = drew.get(&format!("/deployments/{id}")).await.ok();
    assert_eq!(host(&one, "web-1")["state"], "done", "{one}");
    assert_ne!(host(&one, "web-2")["state"], "done", "{one}");
    assert_eq!(service.on_host(2, "version"), None);

    let stella = service.calling_as("stella").await;
    assert_eq!(stella.post(&retry, &json!({})).await.problem(403), "stopped");
    assert_eq!(drew.post(&retry, &json!({ "hosts": ["web-1"] })).await.wrong_fields(), ["hosts"]);
    let reply = drew.post(&retry, &json!({ "acknowledge_deletes": true })).await;
    let retried = begun(&reply);
    assert_eq!(
        (&reply.body["retry_of"], &reply.body["target"]),
        (&json!(id), &json!({ "servers": ["web-2"] }))
    );
    service.until_line(retried, "waiting").await;
    gate.open().await;
    assert_eq!(service.ended(retried).await.state, Succeeded);
    assert_eq!(service.on_host(2, "version").as_deref(), Some(&b"v1.3\n"[..]));
    assert_eq!(
        drew.post(&format!("/deployments/{retried}/retry"), &json!({})).await.problem(409),
        "conflict"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_waits_until_somebody_with_the_right_continues() {
    let mut service = directly(2, |fleet| production(fleet)["strategy"] = json!("canary")).await;
    let (drew, stella) = (service.calling_as("drew").await, service.calling_as("stella").await);
    let id = deploys(&drew, "v1.0").await;
    service.until_event(id, |what| matches!(what, EventKind::Waiting { .. })).await;
    let one = drew.get(&format!("/deployments/{id}")).await.ok();
    let until: jiff::Timestamp = one["waiting"]["until"].as_str().unwrap().parse().unwrap();
    assert!(until > service.clock.now() && one["waiting"]["stage"].is_string(), "{one}");
    assert_eq!(service.on_host(2, "version"), None);

    let go_on = format!("/deployments/{id}/continue");
    assert_eq!(gates(&stella.post(&go_on, &json!({})).await, 403), ["permission"]);
    let grants = service.fleet["roles"][3]["grants"].clone();
    service.apply(|fleet| fleet["roles"][3]["grants"][0]["permission"] = json!("request")).await;
    assert_eq!(gates(&drew.post(&go_on, &json!({})).await, 403), ["permission"], "the rights of now");
    service.apply(|fleet| fleet["roles"][3]["grants"] = grants).await;
    assert_eq!(drew.post(&go_on, &json!({ "really": true })).await.wrong_fields(), ["really"]);
    let first = drew.post_once("go", &go_on, "{}").await;
    assert_eq!(begun(&first), id);
    assert_eq!(drew.post_once("go", &go_on, "{}").await.page.html, first.page.html);
    assert_eq!(service.ended(id).await.state, Succeeded);
    let one = drew.get(&format!("/deployments/{id}")).await.ok();
    assert_eq!((&one["waiting"], &host(&one, "web-2")["state"]), (&Value::Null, &json!("done")));
    assert_eq!(drew.post(&go_on, &json!({})).await.problem(409), "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_canary_goes_on_only_while_it_is_approved_and_by_nobody_for_another() {
    let edit_fleet = Box::new(|fleet: &mut Value| {
        deployers(fleet);
        production(fleet)["strategy"] = json!("canary");
        let bots = json!({ "name": "bots", "users": ["bot"], "global": ["impersonate"] });
        fleet["roles"].as_array_mut().unwrap().push(bots);
    });
    let mut service = Box::pin(Service::start_in(World { hosts: 2, edit_fleet, ..World::default() })).await;
    let dana = service.as_user("dana").await;
    service.as_user("rosa").await;
    let id = Box::pin(released(&service, "v1.0")).await;
    service.until_event(id, |what| matches!(what, EventKind::Waiting { .. })).await;
    let go_on = format!("/deployments/{id}/continue");
    let bot = service.calling_as("bot").await;
    let headers = [("content-type", "application/json"), ("x-impersonate-username", "dana")];
    assert_eq!(gates(&bot.send("POST", &go_on, &headers, "{}").await, 403), ["impersonation"]);
    service.apply(|fleet| fleet["roles"][2]["github_teams"] = json!([])).await;
    let caller = service.calling_as("dana").await;
    assert_eq!(gates(&caller.post(&go_on, &json!({})).await, 409), ["approved"]);
    let page = dana.get(&format!("/deployments/{id}")).await.unwrap();
    assert!(page.text().contains("rosa may no longer review here") && !page.has_form("Continue with"));
    assert!(page.has_form("Stop here"), "{}", page.text());
    service.apply(|fleet| fleet["roles"][2]["github_teams"] = json!(["release-managers"])).await;
    let page = dana.get(&format!("/deployments/{id}")).await.unwrap();
    dana.submit(&page, "Continue with", &[]).await.unwrap();
    assert_eq!(service.ended(id).await.state, Succeeded);
}

/// Makes a request by the API, accepts it by the mail and launches it by the API.
async fn released(service: &Service, tag: &str) -> i64 {
    let dana = service.calling_as("dana").await;
    let body = json!({ "tag": tag, "reason": "Guests lose their basket." });
    let reply = dana.post(REQUESTS, &body).await;
    assert_eq!((reply.status, &reply.body["state"]), (201, &json!("awaiting_review")), "{}", reply.page.html);
    let request = reply.body["id"].as_i64().unwrap();
    assert_eq!(reply.page.header("location"), format!("/api/v1/requests/{request}"));
    let launch = format!("/requests/{request}/launch");
    assert_eq!(dana.post(&launch, &json!({})).await.status, 409, "nobody accepted it");
    let review = service.mail_about(&format!("[review] shop {tag}")).await.only_link();
    let rosa = service.as_user("rosa").await;
    let page = rosa.get(&review).await.unwrap();
    rosa.submit(&page, "Countersign", &[("comment", "fine")]).await.unwrap();
    let stella = service.calling_as("stella").await;
    assert_eq!(stella.post(&launch, &json!({})).await.problem(403), "forbidden", "only its requester");
    let id = begun(&dana.post(&launch, &json!({})).await);
    assert_eq!(dana.post(&launch, &json!({})).await.problem(410), "gone", "the link is used up");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_covers_the_retry_and_the_way_back_of_who_asked() {
    let edit_fleet = Box::new(deployers);
    let service = Box::pin(Service::start_in(World { edit_fleet, ..World::default() })).await;
    service.as_user("dana").await;
    let broken = service.path().join("broken");
    std::fs::write(&broken, "").unwrap();
    let words = format!("if [ \"$2\" = web-2 ] && [ -e '{}' ]; then exit 1; fi\n", broken.display());
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", words);
    });
    let (dana, stella) = (service.calling_as("dana").await, service.calling_as("stella").await);
    let first = Box::pin(released(&service, "v1.0")).await;
    assert_eq!(service.ended(first).await.state, Succeeded);
    let second = Box::pin(released(&service, "v1.3")).await;
    assert_eq!(service.ended(second).await.state, Failed);
    let request = dana.get(&format!("/deployments/{second}")).await.ok()["request"].clone();

    let retry = format!("/deployments/{second}/retry");
    let refused = stella.post(&retry, &json!({})).await;
    assert_eq!(refused.problem(403), "stopped");
    std::fs::remove_file(&broken).unwrap();
    let reply = dana.post(&retry, &json!({})).await;
    let third = begun(&reply);
    assert_eq!((&reply.body["request"], &reply.body["retry_of"]), (&request, &json!(second)));
    let ended = service.ended(third).await;
    assert_eq!(ended.state, Succeeded, "{:?}", ended.why);

    let back = format!("/deployments/{first}/rollback");
    let reply = stella.post(&back, &json!({ "reason": "I would rather not." })).await;
    assert_eq!(reply.status, 201, "for somebody else it is a request: {}", reply.page.html);
    let asked = reply.body["id"].as_i64().unwrap();
    assert_eq!((&reply.body["rollback"], &reply.body["requester"]), (&json!(true), &json!("stella")));
    assert_eq!(reply.page.header("location"), format!("/api/v1/requests/{asked}"));
    let cancelled = stella.post(&format!("/requests/{asked}/cancel"), &json!({})).await.ok();
    assert_eq!(cancelled["state"], "cancelled");

    let reply = dana.post(&back, &json!({ "reason": "Baskets are worse now." })).await;
    let fourth = begun(&reply);
    assert_eq!((&reply.body["covered_by"], &reply.body["release"]), (&request, &json!("v1.0")));
    let ended = service.ended(fourth).await;
    assert_eq!(ended.state, Succeeded, "{:?}", ended.why);
    assert_eq!(service.on_host(2, "version").as_deref(), Some(&b"v1.0\n"[..]));
    // It covered the way back, once.
    let onward = dana.post(&format!("/deployments/{third}/rollback"), &json!({})).await;
    assert!(matches!(onward.status, 201 | 422), "{}", onward.page.html);
}
