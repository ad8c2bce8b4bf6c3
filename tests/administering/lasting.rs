//! What a fleet file gave and what it did not: only the giver takes back (rules.md 32).

use serde_json::{Value, json};

use super::environment;
use crate::app::apply_fleet::{ApplyError, Options, apply_fleet, export_fleet};
use crate::tests::harness::{Service, World};

const PRUNE: Options = Options { dry_run: false, prune: true };

async fn managed_by(service: &Service, path: &str) -> String {
    service.calling_as("ada").await.get(path).await.page.header("x-managed-by").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn prune_takes_back_what_a_file_gave_and_nothing_else() {
    let mut service = Service::start_in(World::quiet_with(|fleet| {
        fleet["servers"].as_array_mut().unwrap().push(crate::tests::harness::server("web-2", 2));
    }))
    .await;
    let ada = service.calling_as("ada").await;
    ada.post("/servers", &json!({ "name": "by-hand", "host": "10.0.0.9" })).await;
    ada.post("/applications/shop/environments", &environment("qa")).await;
    ada.post(
        "/applications",
        &json!({ "name": "blog", "repository": "/srv/blog.git", "environments": [environment("qa")] }),
    )
    .await;
    assert_eq!(managed_by(&service, "/servers/web-2").await, "fleet-file");
    assert_eq!(managed_by(&service, "/servers/by-hand").await, "");
    assert_eq!(managed_by(&service, "/applications/shop/environments/qa").await, "");

    service.apply(|fleet| drop(fleet["servers"].as_array_mut().unwrap().pop())).await;
    assert_eq!(ada.get("/servers/web-2").await.problem(404), "not_found");
    for path in
        ["/servers/by-hand", "/applications/shop/environments/qa", "/applications/blog/environments/qa"]
    {
        assert_eq!(ada.get(path).await.status, 200, "{path}");
    }
    // A file that names it gives it from then on.
    service
        .apply(|fleet| {
            fleet["servers"].as_array_mut().unwrap().push(json!({ "name": "by-hand", "host": "10.0.0.9" }));
        })
        .await;
    assert_eq!(managed_by(&service, "/servers/by-hand").await, "fleet-file");
    service.apply(|fleet| drop(fleet["servers"].as_array_mut().unwrap().pop())).await;
    assert_eq!(ada.get("/servers/by-hand").await.problem(404), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_keeps_what_it_needs() {
    let mut service = Service::start_in(World::quiet_with(|fleet| {
        fleet["servers"].as_array_mut().unwrap().push(crate::tests::harness::server("web-2", 2));
    }))
    .await;
    let ada = service.calling_as("ada").await;
    ada.post("/clusters", &json!({ "name": "mine", "servers": [{ "server": "web-2" }] })).await;
    let before = service.rows().await;
    let mut file = service.fleet.clone();
    file["servers"].as_array_mut().unwrap().pop();
    let Err(ApplyError::Invalid(problems)) = apply_fleet(&service.app, "command", &file, PRUNE).await else {
        panic!("the cluster would name a server that is gone");
    };
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["cluster mine: servers[0].server: there is no server \"web-2\""]);
    assert_eq!(service.rows().await, before);

    // It follows when the file renames what it needs.
    service
        .apply(|fleet| {
            fleet["servers"][1]["name"] = json!("www-2");
            fleet["servers"][1]["was"] = json!("web-2");
        })
        .await;
    assert_eq!(ada.get("/clusters/mine").await.ok()["servers"], json!([{ "server": "www-2" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_gave_may_be_changed_here_until_the_file_comes_again() {
    let mut service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let mut server = ada.get("/servers/web-1").await.body;
    server["port"] = json!(2222);
    let changed = ada.put("/servers/web-1", &server).await;
    assert_eq!((changed.status, changed.page.header("x-managed-by")), (200, "fleet-file"));
    service.apply(|_| {}).await;
    assert_eq!(ada.get("/servers/web-1").await.ok()["port"], 1);
}

async fn holders(service: &Service, role: &str) -> Value {
    service.calling_as("ada").await.get(&format!("/roles/{role}")).await.ok()["users"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_given_a_role_here_keeps_it_when_the_file_comes_again() {
    let mut service = Service::start_in(World::quiet()).await;
    service.as_user("rosa").await;
    let (ada, rosa) = (service.calling_as("ada").await, service.calling_as("rosa").await);
    let mut admin = ada.get("/roles/admin").await.body;
    assert_eq!(admin["users"], json!(["ada"]));
    admin["users"] = json!(["ada", "rosa"]);
    ada.put("/roles/admin", &admin).await.ok();
    assert_eq!(rosa.get("/account").await.ok()["globals"], json!(["admin"]));
    service.apply(|_| {}).await;
    assert_eq!(holders(&service, "admin").await, json!(["ada", "rosa"]));
    let again = apply_fleet(&service.app, "command", &service.fleet, PRUNE).await.unwrap();
    assert_eq!(again, [], "the same file again changes nothing");
    assert!(export_fleet(&service.app).await.unwrap().contains("\"rosa\""));

    // Whoever gave it, here it can be taken back; the file gives its own again.
    admin["users"] = json!(["rosa"]);
    ada.put("/roles/admin", &admin).await.ok();
    assert_eq!(holders_by(&rosa).await, json!(["rosa"]));
    service.apply(|_| {}).await;
    assert_eq!(holders(&service, "admin").await, json!(["ada", "rosa"]));
}

async fn holders_by(caller: &crate::tests::harness::api::Caller) -> Value {
    caller.get("/roles/admin").await.ok()["users"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_is_always_left() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let nobody = json!({ "name": "admin", "users": [], "github_teams": [] });
    assert_eq!(ada.put("/roles/admin", &nobody).await.wrong_fields(), ["users"]);
    let other = json!({ "name": "root", "users": ["ada"] });
    assert_eq!(ada.put("/roles/admin", &other).await.wrong_fields(), ["name"]);
    let less = json!({ "name": "admin", "users": ["ada"], "global": ["read_all"] });
    assert_eq!(ada.put("/roles/admin", &less).await.wrong_fields(), ["global"]);
    assert_eq!(ada.get("/account").await.ok()["globals"], json!(["admin"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_holds_a_role_that_was_removed_when_one_of_that_name_is_made_again() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    ada.post("/roles", &json!({ "name": "ops", "users": ["remy"] })).await;
    assert_eq!(ada.delete("/roles/ops").await.status, 204);
    let made = ada.post("/roles", &json!({ "name": "ops", "grants": [{ "permission": "deploy" }] })).await;
    assert_eq!((made.status, &made.body["users"]), (201, &json!([])));
    service.as_user("remy").await;
    let remy = service.calling_as("remy").await;
    assert_eq!(remy.get("/account").await.ok()["roles"], json!(["release-managers"]));
}
