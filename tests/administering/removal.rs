//! What was removed leaves its history, and nothing to another of its name.

use serde_json::json;

use super::environment;
use crate::domain::freeze::Level;
use crate::tests::api::town::{begun, gates, member};
use crate::tests::harness::{Service, World};
use crate::tests::support::git::GitRepository;

const SHOP: &str = "/applications/shop";
const STAGING: &str = "/applications/shop/environments/staging";
const PRODUCTION: &str = "/applications/shop/environments/production/deployments";

/// Two places on two hosts; production takes what succeeded in staging.
async fn promoted() -> Service {
    Box::pin(Service::start_in(World::promoted(json!([{ "permission": "deploy" }])))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_is_made_anew_has_nothing_live_and_promotes_nothing_of_before() {
    let service = promoted().await;
    let (ada, dana) = (service.calling_as("ada").await, member(&service, "dana").await);
    let path = format!("{STAGING}/deployments");
    let id = begun(&dana.post(&path, &json!({ "release": "v1.0" })).await);
    assert_eq!(service.ended(id).await.state.word(), "succeeded");
    let freeze = service.freeze("shop", "staging", Level::Warning, "It goes.").await;
    let before = ada.get(STAGING).await.ok();
    assert!(before["live"].to_string().contains("v1.0"), "{before}");
    let mut object = before;
    for key in ["live", "application"] {
        object.as_object_mut().unwrap().remove(key);
    }
    let mut without = ada.get(&format!("{SHOP}/environments/production")).await.ok();
    without
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !["live", "application", "promote_from"].contains(&key.as_str()));
    let with = {
        let mut with = without.clone();
        with["promote_from"] = json!("staging");
        with
    };
    ada.put(&format!("{SHOP}/environments/production"), &without).await.ok();
    assert_eq!(ada.delete(STAGING).await.status, 204);
    assert_eq!(ada.get(&format!("/freezes/{freeze}")).await.ok()["state"], "ended");
    assert_eq!(dana.get(&format!("/deployments/{id}")).await.ok()["environment"], "staging", "history stays");

    assert_eq!(ada.post(&format!("{SHOP}/environments"), &object).await.status, 201);
    ada.put(&format!("{SHOP}/environments/production"), &with).await.ok();
    let anew = ada.get(STAGING).await.ok();
    assert!(!anew["live"].to_string().contains("v1.0"), "{anew}");
    let refused = dana.post(PRODUCTION, &json!({ "release": "v1.0" })).await;
    assert_eq!(gates(&refused, 409), ["promotion"], "it was another staging");
    let back = dana.post(&format!("/deployments/{id}/rollback"), &json!({})).await;
    assert_eq!(back.problem(409), "conflict", "{}", back.page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_of_a_removed_ones_name_is_no_heir_to_its_repository() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let [from, to] =
        ["v1.0", "v1.1"].map(|tag| service.repository.git(["rev-parse", &format!("{tag}^{{commit}}")]));
    let diff = format!("{SHOP}/diff?from={from}&to={to}");
    ada.get(&diff).await.ok();
    service.freeze("shop", "", Level::Lock, "It goes.").await;
    assert_eq!(ada.delete(SHOP).await.status, 204);

    let other = GitRepository::init(service.path().join("other"));
    other.write("README", "Another shop.");
    let commit = other.commit("Begin", 1_780_000_000);
    other.tag("v9.0", &commit);
    let object = json!({
        "name": "shop", "repository": other.path().to_str().unwrap(), "environments": [environment("production")],
    });
    assert_eq!(ada.post("/applications", &object).await.status, 201);
    assert_eq!(ada.get(&diff).await.problem(404), "not_found");
    let tags = ada.get(&format!("{SHOP}/tags")).await.ok();
    assert_eq!(tags["items"][0]["name"], "v9.0", "{tags}");
    assert_eq!(ada.get("/freezes?state=current").await.ok()["items"], json!([]));

    // Another address is another repository from the first look on.
    let mut object = ada.get(SHOP).await.ok();
    object["repository"] = json!(service.fleet["applications"][0]["repository"]);
    ada.put(SHOP, &object).await.ok();
    let tags = ada.get(&format!("{SHOP}/tags")).await.ok().to_string();
    assert!(tags.contains("v1.2") && !tags.contains("v9.0"), "{tags}");
}
