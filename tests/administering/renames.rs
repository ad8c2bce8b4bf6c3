//! Another name: what hangs on the old one goes with it.

use serde_json::{Value, json};

use crate::app::apply_fleet::{ApplyError, Options, apply_fleet};
use crate::domain::name::{CommitId, Name};
use crate::domain::scope::Scope;
use crate::tests::api::town::{begun, gates, member};
use crate::tests::harness::api::Caller;
use crate::tests::harness::{Service, World, production};

const STAGING: &str = "/applications/shop/environments/staging";
const PRODUCTION: &str = "/applications/shop/environments/production";

/// dana deploys to both places by rights that name them; production takes what
/// succeeded in staging.
async fn promoted() -> Service {
    let places = World::two_places();
    let edit_fleet = Box::new(|fleet: &mut Value| {
        (places.edit_fleet)(fleet);
        production(fleet)["promote_from"] = json!("staging");
        let of = |place: &str| json!({ "permission": "deploy", "application": "shop", "environment": place });
        fleet["roles"][1]["grants"] = json!([of("staging"), of("production")]);
    });
    Box::pin(Service::start_in(World { hosts: 2, edit_fleet, ..World::default() })).await
}

async fn deployed(service: &Service, dana: &Caller, environment: &str, release: &str) -> i64 {
    let path = format!("/applications/shop/environments/{environment}/deployments");
    let id = begun(&dana.post(&path, &json!({ "release": release })).await);
    let ended = service.ended(id).await;
    assert_eq!(ended.state.word(), "succeeded", "{:?}", ended.why);
    id
}

async fn rename(service: &Service, address: &str, name: &str) {
    let ada = service.calling_as("ada").await;
    let mut object = ada.get(address).await.ok();
    object["name"] = json!(name);
    let renamed = ada.put(address, &object).await;
    assert_eq!(renamed.status, 200, "{}", renamed.page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_keeps_its_history_who_may_read_it_its_way_back_and_what_it_promotes() {
    let service = promoted().await;
    let dana = member(&service, "dana").await;
    let first = deployed(&service, &dana, "staging", "v1.0").await;
    deployed(&service, &dana, "staging", "v1.1").await;
    deployed(&service, &dana, "production", "v1.0").await;
    rename(&service, STAGING, "rehearsal").await;

    let seen = dana.get(&format!("/deployments/{first}")).await.ok();
    assert_eq!((&seen["environment"], &seen["release"]), (&json!("rehearsal"), &json!("v1.0")));
    let list = dana.get("/deployments?application=shop&environment=rehearsal").await.ok();
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "{list}");
    // What succeeded there under the old name may go on.
    deployed(&service, &dana, "production", "v1.1").await;
    let refused = dana.post(&format!("{PRODUCTION}/deployments"), &json!({ "release": "v1.2" })).await;
    assert_eq!(gates(&refused, 409), ["promotion"]);
    // And the way back is found.
    let back = dana.post(&format!("/deployments/{first}/rollback"), &json!({})).await;
    let ended = service.ended(begun(&back)).await;
    assert_eq!(
        (ended.state.word(), ended.environment.as_str()),
        ("succeeded", "rehearsal"),
        "{:?}",
        ended.why
    );
    assert_eq!(service.on_host(2, "version").unwrap(), b"v1.0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_applications_mirror_its_kept_commits_and_the_scope_of_tokens_go_with_its_name() {
    let service = promoted().await;
    let (ada, dana) = (service.calling_as("ada").await, member(&service, "dana").await);
    // A commit that only our own ref keeps once the tag is gone.
    let commit = service.commit("v1.3", |repository| {
        repository.write("till", "1");
    });
    let commit = CommitId::parse(&commit).unwrap();
    deployed(&service, &dana, "staging", "v1.3").await;
    let scope = json!({ "grants": [
        { "permission": "read", "application": "shop", "environment": "staging" },
        { "permission": "read", "application": "*", "environment": "production" },
    ] });
    let token = ada.post("/tokens", &json!({ "name": "watch", "scope": scope })).await;
    let token = service.calling_with(token.body["token"].as_str().unwrap());
    rename(&service, STAGING, "rehearsal").await;
    rename(&service, "/applications/shop", "store").await;

    let account = token.get("/account").await.ok();
    let expected = json!([
        { "permission": "read", "application": "store", "environment": "rehearsal" },
        { "permission": "read", "application": "*", "environment": "production" },
    ]);
    assert_eq!(account["token"]["scope"]["grants"], expected);
    token.get("/applications/store/environments/rehearsal").await.ok();
    assert_eq!(dana.get("/deployments").await.ok()["items"][0]["application"], "store");

    let mirrors = service.data_dir().join("mirrors");
    assert!(mirrors.join("store.git").is_dir() && !mirrors.join("shop.git").exists());
    service.repository.delete_tag("v1.3");
    let store = Name::parse("store").unwrap();
    let repository = service.fleet["applications"][0]["repository"].as_str().unwrap();
    service.app.mirrors.fetch(&store, repository, service.clock.now()).await.unwrap();
    assert!(service.app.mirrors.commit(&store, &commit).await.unwrap().is_some(), "it was deployed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_request_of_a_place_that_is_renamed_is_void_and_says_why() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.as_user("dana").await;
    let waits = service.asked(&dana, "v1.0", &[]).await;
    let approved = service.approved("v1.1").await;
    rename(&service, PRODUCTION, "live").await;
    for request in [waits, approved.request] {
        assert_eq!(service.request_state(request).await, "void");
        let page = dana.get(&format!("/requests/{request}")).await.unwrap();
        let words = "shop production is called shop live now";
        assert!(page.text().contains(words), "{}", page.text());
    }
    assert_eq!(service.post(&dana, &approved.launch, &[]).await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_with_a_deployment_keeps_its_name_in_a_fleet_file_too() {
    let mut service = Service::start_in(World::quiet_with(|fleet| {
        production(fleet)["approval"]["required"] = json!(0);
    }))
    .await;
    let ada = service.calling_as("ada").await;
    let waiting = service.queue("v1.0", Scope::Environment).await.unwrap();
    let before = service.rows().await;
    let mut file = service.fleet.clone();
    production(&mut file)["name"] = json!("live");
    production(&mut file)["was"] = json!("production");
    let renamed = apply_fleet(&service.app, "command", &file, Options::default()).await;
    let Err(ApplyError::Invalid(problems)) = renamed else { panic!("{renamed:?}") };
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let words = format!("cannot be renamed meanwhile: deployment {waiting} is queued");
    assert_eq!(told, [format!("environment shop/production: {words}")]);
    assert_eq!(service.rows().await, before);

    // Nor does it lose it where its application comes with its environments.
    let mut application = ada.get("/applications/shop").await.ok();
    application["environments"][0]["name"] = json!("live");
    application["environments"][0]["was"] = json!("production");
    let refused = ada.put("/applications/shop", &application).await;
    assert_eq!(refused.problem(409), "conflict", "{}", refused.page.html);
    assert_eq!(service.rows().await, before);

    let cancelled = ada.post(&format!("/deployments/{waiting}/cancel"), &json!({ "when": "now" })).await;
    assert_eq!(cancelled.status, 200);
    service.fleet = file;
    service.apply(|_| {}).await;
    assert_eq!(ada.get(&format!("/deployments/{waiting}")).await.ok()["environment"], "live");
}
