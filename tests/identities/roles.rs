//! Who holds a role, from the side of the role, of the person and of the fleet file: the
//! three say the same, and nobody's change is lost between them.

use serde_json::{Value, json};

use crate::tests::harness::api::{Caller, Reply};
use crate::tests::harness::{Service, World};

async fn put(caller: &Caller, path: &str, body: &Value) -> Reply {
    caller.send("PUT", path, &[("content-type", "application/json")], &body.to_string()).await
}

async fn quiet() -> Service {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("roy", None).await;
    service
}

const ROLE: &str = "/roles/release-managers";

async fn with_users(ada: &Caller, users: &[&str]) -> Value {
    let mut role = ada.get(ROLE).await.ok();
    role["users"] = json!(users);
    put(ada, ROLE, &role).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_edits_a_person_hears_that_a_role_was_taken_or_given_meanwhile() {
    let service = quiet().await;
    let ada = service.calling_as("ada").await;
    with_users(&ada, &["roy"]).await;
    let seen = ada.get("/people/roy").await.ok();
    with_users(&ada, &[]).await;
    let late = json!({ "roles": ["release-managers"], "version": seen["version"] });
    assert_eq!(put(&ada, "/people/roy", &late).await.problem(409), "conflict");
    assert_eq!(ada.get("/people/roy").await.ok()["roles"], json!([]));

    // By a fleet file too, and by the whole role.
    let seen = ada.get("/people/roy").await.ok();
    let mut service = service;
    service.apply(|fleet| fleet["roles"][2]["users"] = json!(["roy"])).await;
    let late = json!({ "roles": [], "version": seen["version"] });
    assert_eq!(put(&ada, "/people/roy", &late).await.problem(409), "conflict");
    let seen = ada.get("/people/roy").await.ok();
    assert_eq!(ada.send("DELETE", ROLE, &[], "").await.status, 204);
    let late = json!({ "display": "Roy", "version": seen["version"] });
    assert_eq!(put(&ada, "/people/roy", &late).await.problem(409), "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_the_fleet_file_is_taken_by_the_person_as_by_the_role() {
    let mut service = quiet().await;
    let ada = service.calling_as("ada").await;
    with_users(&ada, &["roy"]).await;
    service.apply(|fleet| fleet["roles"][2]["users"] = json!(["roy"])).await;
    let page = service.as_user("ada").await.get("/admin/people/roy").await.unwrap();
    assert_eq!(page.select("tbody tr").len(), 1, "given twice, shown once: {}", page.text());
    assert_eq!(put(&ada, "/people/roy", &json!({ "roles": [] })).await.ok()["roles"], json!([]));
    assert_eq!(ada.get(ROLE).await.ok()["users"], json!([]));
    service.apply(|_| {}).await;
    assert_eq!(ada.get("/people/roy").await.ok()["roles"], json!(["release-managers"]));
}
