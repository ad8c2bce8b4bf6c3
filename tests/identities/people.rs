//! People: added, given roles, disabled, never deleted; by page and by API.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::PASSWORD;
use crate::tests::harness::api::{Caller, Reply};
use crate::tests::harness::{Service, World};

async fn put(caller: &Caller, path: &str, body: &Value) -> Reply {
    caller.send("PUT", path, &[("content-type", "application/json")], &body.to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_adds_changes_and_disables_somebody_by_the_api() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let body = json!({ "name": "sam", "roles": ["developers"], "password": PASSWORD });
    let reply = ada.post("/people", &body).await;
    assert_eq!(
        (reply.status, reply.page.header("location")),
        (201, "/api/v1/people/sam"),
        "{}",
        reply.page.html
    );
    assert_eq!(ada.post("/people", &json!({ "name": "sam" })).await.wrong_fields(), ["name"]);
    assert_eq!(ada.post("/people", &json!({ "name": "auto" })).await.wrong_fields(), ["name"]);
    assert_eq!(
        ada.post("/people", &json!({ "name": "eve", "roles": ["nosuch"] })).await.wrong_fields(),
        ["roles"]
    );
    assert_eq!(
        ada.post("/people", &json!({ "name": "eve", "member": true })).await.wrong_fields(),
        ["member"]
    );
    let sam = service.exchanges("sam", PASSWORD).await.ok();
    let sam = service.calling_with(sam["token"].as_str().unwrap());
    assert_eq!(sam.get("/account").await.ok()["roles"], json!(["developers"]));
    assert_eq!(sam.get("/people").await.problem(403), "forbidden");

    let known = ada.get("/people/sam").await.ok();
    let version = &known["version"];
    let changed =
        put(&ada, "/people/sam", &json!({ "roles": ["release-managers"], "version": version })).await.ok();
    assert_eq!(changed["roles"], json!(["release-managers"]));
    let late = put(&ada, "/people/sam", &json!({ "display": "Sam", "version": version })).await;
    assert_eq!(late.problem(409), "conflict", "somebody else was faster");
    assert_eq!(put(&ada, "/people/sam", &json!({ "name": "tom" })).await.wrong_fields(), ["name"]);
    assert_eq!(put(&ada, "/people/nosuch", &json!({})).await.problem(404), "not_found");

    let token = service.calling_as("sam").await;
    assert_eq!(ada.send("DELETE", "/people/sam", &[], "").await.status, 204);
    assert_eq!(ada.send("DELETE", "/people/sam", &[], "").await.status, 204, "again is as well");
    for caller in [&sam, &token] {
        assert_eq!(caller.get("/account").await.problem(401), "unauthorized");
    }
    assert_eq!(service.exchanges("sam", PASSWORD).await.status, 401);
    assert_eq!(ada.get("/people/sam").await.ok()["disabled"], true);
    assert_eq!(
        ada.post("/people", &json!({ "name": "sam" })).await.wrong_fields(),
        ["name"],
        "a name is never reused"
    );
    assert_eq!(put(&ada, "/people/sam", &json!({ "disabled": false })).await.ok()["disabled"], false);
    assert_eq!(token.get("/account").await.problem(401), "unauthorized", "tokens stay ended");
    assert_eq!(service.exchanges("sam", PASSWORD).await.status, 200);
    let record = service.record().await;
    for action in ["person.added", "role.given", "role.taken", "person.disabled", "person.enabled"] {
        assert!(record.contains(&format!("ada {action} person sam")), "{action}: {record:#?}");
    }
    assert_eq!(ada.send("DELETE", "/people/ada", &[], "").await.problem(409), "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_gives_and_takes_roles_whoever_gave_them() {
    let mut service = Service::start_in(World::quiet_with(|fleet| {
        fleet["roles"][1]["users"] = json!(["dana"]);
    }))
    .await;
    let (ada, dana) = (service.as_user("ada").await, service.as_user("dana").await);
    let page = ada.get("/admin/people?q=dan").await.unwrap();
    assert!(page.text().contains("Dana Okafor") && !page.text().contains("rosa"), "{}", page.text());
    let page = ada.get("/admin/people/dana").await.unwrap();
    assert!(
        page.text().contains("by the fleet file") && page.text().contains("by the GitHub team developers")
    );
    assert_eq!(page.select("tbody tr").len(), 1, "each role once: {}", page.text());
    assert!(page.text().contains("comes back when the fleet file is applied"));
    let stale = page.value("version").unwrap();
    let page = ada.submit(&page, "Give it", &[("role", "release-managers")]).await.unwrap();
    assert!(page.text().contains("by an administrator here"), "{}", page.text());
    assert_eq!(dana.get("/").await.unwrap().main_page().as_deref(), Some("home"));
    let fields = [("version", stale.as_str()), ("role", "admin")];
    assert_eq!(service.post(&ada, "/admin/people/dana/roles", &fields).await.status, 409);
    let fields = [("version", ""), ("role", "developers")];
    assert_eq!(service.post(&ada, "/admin/people/dana/roles/take", &fields).await.status, 303);
    let page = ada.get("/admin/people/dana").await.unwrap();
    assert!(!page.text().contains("by the fleet file") && page.text().contains("team developers"));
    let twice = service.post(&ada, "/admin/people/dana/roles/take", &fields).await;
    assert!(twice.status == 409 && !twice.text().contains("still in its field"), "{}", twice.text());
    service.apply(|_| {}).await;
    assert!(ada.get("/admin/people/dana").await.unwrap().text().contains("by the fleet file"));

    // Applying the fleet file takes back only what it gave.
    service.apply(|fleet| fleet["roles"][1]["users"] = json!([])).await;
    let page = ada.get("/admin/people/dana").await.unwrap();
    assert!(!page.text().contains("by the fleet file") && page.text().contains("by an administrator here"));
    let page = ada.submit(&page, "Take away", &[]).await.unwrap();
    assert!(!page.text().contains("by an administrator here"), "{}", page.text());

    let fields = [("version", ""), ("role", "admin")];
    assert_eq!(
        service.post(&ada, "/admin/people/ada/roles/take", &fields).await.status,
        409,
        "not from oneself"
    );
    assert_eq!(service.post(&ada, "/admin/people/ada/disable", &[("version", "")]).await.status, 409);
    let dana = service.as_user("dana").await;
    assert_eq!(dana.get("/admin/people").await.unwrap().status, 403);
    assert_eq!(service.post(&dana, "/admin/people/dana/roles", &fields).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_reads_everything_looks_at_people_and_changes_nothing() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        let role = json!({ "name": "watchers", "users": ["mallory"], "global": ["read_all"] });
        fleet["roles"].as_array_mut().unwrap().push(role);
    }))
    .await;
    service.as_user("dana").await;
    let watcher = service.as_user("mallory").await;
    let page = watcher.get("/admin/people/dana").await.unwrap();
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(!page.has_form("Give it") && !page.has_form("Disable dana"));
    let reply = service.post(&watcher, "/admin/people/dana/disable", &[("version", "")]).await;
    assert_eq!(reply.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_whose_name_is_taken_comes_in_once_an_administrator_links_them() {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("dana", None).await;
    let refused = service.browser();
    service.github.sign_in_as(Some("dana"));
    let page = refused.get("/authorize?return_to=/").await.unwrap();
    assert_eq!(page.status, 403, "{}", page.text());
    let lines =
        crate::db::audit::list(&service.app.db, &crate::db::audit::Wanted::default(), 1).await.unwrap();
    let facts: Value = serde_json::from_str(&lines[0].facts).unwrap();
    let subject = facts["subject"].as_str().unwrap().to_owned();

    let ada = service.as_user("ada").await;
    let page = ada.get("/admin/people").await.unwrap();
    let page = ada.submit(&page, "Add", &[("name", "dana.o")]).await.unwrap();
    let wrong = ada.submit(&page, "Link it", &[("provider", "github"), ("subject", "")]).await.unwrap();
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    let fields = [("provider", "github"), ("subject", subject.as_str())];
    let page = ada.submit(&page, "Link it", &fields).await.unwrap();
    assert!(page.text().contains(&format!("github {subject}")), "{}", page.text());
    let again = service.post(&ada, "/admin/people/rosa/link", &fields).await;
    assert!([404, 422].contains(&again.status), "{}", again.text());

    let newcomer = service.as_user("dana").await;
    assert!(newcomer.get("/account").await.unwrap().text().contains("You are dana.o here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn membership_is_read_again_when_it_is_an_hour_old() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.as_user("dana").await;
    assert_eq!(dana.get("/applications/shop").await.unwrap().status, 200);
    service.github.person("dana").outsider();
    service.advance(SignedDuration::from_mins(50));
    service.keep_house().await;
    assert_eq!(dana.get("/applications/shop").await.unwrap().status, 200, "not yet");
    service.advance(SignedDuration::from_mins(11));
    service.keep_house().await;
    assert_eq!(dana.get("/applications/shop").await.unwrap().status, 404, "who left reads nothing");
}
