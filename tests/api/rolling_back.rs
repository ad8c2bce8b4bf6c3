//! Going back directly, to exactly what was there.

use serde_json::json;

use super::town::{begun, deploys, directly, gates, member};
use crate::domain::deployment::DeploymentState::Succeeded;
use crate::tests::harness::{Service, production};

async fn succeeds(service: &Service, id: i64) {
    let ended = service.ended(id).await;
    assert_eq!(ended.state, Succeeded, "{:?}", ended.why);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_goes_to_the_commit_that_was_there_and_to_no_other() {
    let mut service = directly(1, |_| {}).await;
    let (drew, dana) = (service.calling_as("drew").await, member(&service, "dana").await);
    let first = deploys(&drew, "v1.0").await;
    succeeds(&service, first).await;
    let second = deploys(&drew, "v1.1").await;
    succeeds(&service, second).await;
    let back = format!("/deployments/{first}/rollback");
    assert_eq!(gates(&dana.post(&back, &json!({})).await, 403), ["permission"]);
    assert_eq!(drew.post(&back, &json!({ "to": "v1.1" })).await.wrong_fields(), ["to"]);
    assert_eq!(drew.post("/deployments/999/rollback", &json!({})).await.problem(404), "not_found");

    let reply = drew.post(&back, &json!({ "reason": "Too slow." })).await;
    let third = begun(&reply);
    succeeds(&service, third).await;
    let one = drew.get(&format!("/deployments/{third}")).await.ok();
    let live = drew.get(&format!("/deployments/{second}")).await.ok();
    assert_eq!((&one["direction"], &one["release"]), (&json!("goes_back"), &json!("v1.0")));
    assert_eq!((&one["from"], &one["covered_by"]), (&live["commit"], &json!(null)));

    // Whoever may move a tag cannot make another release of what was there.
    service.repository.write("src/backdoor.py", "import os\n");
    crate::tests::harness::release(&service.repository, "v1.0", 20);
    let before = service.rows_of("deployments").await;
    let reply = drew.post(&back, &json!({})).await;
    assert_eq!(reply.wrong_fields(), ["release"]);
    assert!(reply.page.html.contains("v1.0 was moved since"), "{}", reply.page.html);
    assert_eq!(service.rows_of("deployments").await, before);

    // Approval that is asked for since makes a request of it.
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(1)).await;
    let reply = drew.post(&format!("/deployments/{second}/rollback"), &json!({ "reason": "Forth." })).await;
    assert_ne!(reply.status, 202, "{}", reply.page.html);
    assert_eq!(service.rows_of("deployments").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_by_its_commit_is_asked_for_by_its_commit_where_approval_is_needed() {
    let mut service = directly(1, |_| {}).await;
    let drew = service.calling_as("drew").await;
    let commit = service.repository.git(["rev-parse", "v1.0^{commit}"]);
    let first = deploys(&drew, &commit).await;
    succeeds(&service, first).await;
    let second = deploys(&drew, "v1.1").await;
    succeeds(&service, second).await;
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(1)).await;
    let reply = drew.post(&format!("/deployments/{first}/rollback"), &json!({ "reason": "Back." })).await;
    assert_eq!((reply.status, &reply.body["commit"]), (201, &json!(commit)), "{}", reply.page.html);
    // Only backwards: a tag environment takes no commit forward.
    let asked = json!({ "tag": service.repository.git(["rev-parse", "v1.2^{commit}"]), "reason": "x" });
    let refused = drew.post("/applications/shop/environments/production/requests", &asked).await;
    assert_eq!(refused.wrong_fields(), ["tag"]);
}
