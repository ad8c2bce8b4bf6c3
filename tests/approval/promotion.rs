//! Only what succeeded in staging goes to production.

use serde_json::json;

use crate::tests::api::town::{REQUESTS, gates, member};
use crate::tests::harness::api::Caller;
use crate::tests::harness::{Service, World, production};

const STAGING: &str = "/applications/shop/environments/staging/deployments";
const PRODUCTION: &str = "/applications/shop/environments/production/deployments";

/// Two places on two hosts; dana may deploy to both, and production takes what
/// succeeded in staging.
async fn promoted() -> Service {
    Box::pin(Service::start_in(World::promoted(json!([{ "permission": "deploy" }])))).await
}

async fn deployed(service: &Service, dana: &Caller, path: &str, release: &str) -> &'static str {
    let reply = dana.post(path, &json!({ "release": release })).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    service.ended(reply.body["id"].as_i64().unwrap()).await.state.word()
}

/// How one entry of a list reads: whether it may go, and why not.
async fn offered(dana: &Caller, release: &str) -> (bool, String) {
    let list = dana.get("/applications/shop/environments/production/commits").await.ok();
    let items = list["items"].as_array().unwrap().clone();
    let item = items.into_iter().find(|item| item.to_string().contains(&format!("\"{release}\""))).unwrap();
    (item["deployable"] == json!(true), item.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_succeeded_in_the_environment_before_is_asked_for_or_deployed() {
    let service = promoted().await;
    let dana = member(&service, "dana").await;
    let wish = json!({ "tag": "v1.0", "reason": "Because." });
    let words = "v1.0 has not succeeded in staging. Deploy it there first.";

    let refused = dana.post(REQUESTS, &wish).await;
    assert_eq!(gates(&refused, 409), ["promotion"]);
    assert_eq!(refused.body["gates"][0]["remedy"], json!(words));
    let refused = dana.post(PRODUCTION, &json!({ "release": "v1.0" })).await;
    assert_eq!(gates(&refused, 409), ["promotion"]);
    let (deployable, item) = offered(&dana, "v1.0").await;
    assert!(!deployable && item.contains(words), "{item}");
    let browser = service.as_user("dana").await;
    let page = browser.get("/requests/new?application=shop&environment=production").await.unwrap();
    assert!(page.text().contains(words), "it stays visible with the reason: {}", page.text());
    let page = browser.get("/applications/shop/production/deploy").await.unwrap();
    assert!(page.text().contains(words), "{}", page.text());

    assert_eq!(deployed(&service, &dana, STAGING, "v1.0").await, "succeeded");
    let (deployable, item) = offered(&dana, "v1.0").await;
    assert!(deployable, "{item}");
    assert!(!offered(&dana, "v1.1").await.0, "v1.1 was not there");
    assert_eq!(deployed(&service, &dana, PRODUCTION, "v1.0").await, "succeeded");

    // What was here before may come back, whatever staging ran meanwhile.
    for tag in ["v1.1", "v1.2"] {
        assert_eq!(deployed(&service, &dana, STAGING, tag).await, "succeeded");
    }
    assert_eq!(deployed(&service, &dana, PRODUCTION, "v1.1").await, "succeeded");
    service.damage("DELETE FROM deployments WHERE environment = 'staging' AND tag = 'v1.0'").await;
    assert_eq!(deployed(&service, &dana, PRODUCTION, "v1.0").await, "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_staging_is_not_staging_and_the_rule_holds_at_the_start_as_well() {
    let mut service = promoted().await;
    let dana = member(&service, "dana").await;
    let part = json!({ "release": "v1.0", "target": { "server": "web-2" } });
    let reply = dana.post(STAGING, &part).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    assert_eq!(service.ended(reply.body["id"].as_i64().unwrap()).await.state.word(), "succeeded");
    let refused = dana.post(PRODUCTION, &json!({ "release": "v1.0" })).await;
    assert_eq!(gates(&refused, 409), ["promotion"], "one server is not all of it");

    // Asked for while nothing had to be promoted, and held back once it has to be.
    service.apply(|fleet| drop(production(fleet).as_object_mut().unwrap().remove("promote_from"))).await;
    let asked = dana.post(REQUESTS, &json!({ "tag": "v1.1", "reason": "Because." })).await;
    assert_eq!((asked.status, &asked.body["state"]), (201, &json!("accepted")), "{}", asked.body);
    service.apply(|fleet| production(fleet)["promote_from"] = json!("staging")).await;
    let launch = format!("/requests/{}/launch", asked.body["id"]);
    assert_eq!(gates(&dana.post(&launch, &json!({})).await, 409), ["promotion"]);
    assert_eq!(deployed(&service, &dana, STAGING, "v1.1").await, "succeeded");
    let started = dana.post(&launch, &json!({})).await;
    assert_eq!(started.status, 202, "{}", started.body);
    assert_eq!(service.ended(started.body["id"].as_i64().unwrap()).await.state.word(), "succeeded");
}
