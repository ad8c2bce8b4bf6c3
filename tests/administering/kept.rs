//! Nothing that somebody typed is lost, and what is wrong stands beside its field.

use serde_json::{Value, json};

use super::environment;
use super::pages::{is, object, see};
use crate::domain::freeze::Level;
use crate::tests::api::town::Town;
use crate::tests::harness::{Service, World};
use crate::tests::support::browser::Page;

const PRODUCTION: &str = "/admin/applications/shop/environments/production";

#[track_caller]
fn beside(page: &Page, field: &str) -> String {
    let said = page.select(&format!(r#"[id="{field}-e"]"#));
    assert_eq!(said.len(), 1, "{field}: {}", page.text());
    said.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_that_a_run_is_in_the_way_of_is_still_in_its_form() {
    let town = Town::new().await;
    let ada = town.service.as_user("ada").await;
    let form = see(&ada, PRODUCTION).await;
    let page = ada.submit(&form, "Save", &[("name", "live"), ("delete_threshold", "51")]).await.unwrap();
    is(&page, 409, "admin_environment", "conflict");
    assert!(page.text().contains("keeps its name meanwhile: deployment"), "{}", page.text());
    assert_eq!(page.value("name").as_deref(), Some("live"));
    assert_eq!(page.value("delete_threshold").as_deref(), Some("51"));
    let page = ada.submit(&page, "Save", &[("name", "production")]).await.unwrap();
    is(&page, 200, "admin_environment", "editing");
    assert_eq!(page.value("delete_threshold").as_deref(), Some("51"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_meanwhile_can_be_made_anew() {
    let service = Service::start_in(World::quiet()).await;
    let (ada, program) = (service.as_user("ada").await, service.calling_as("ada").await);
    program.post("/servers", &json!({ "name": "web-9", "host": "10.0.0.9" })).await;
    let form = see(&ada, "/admin/servers/web-9").await;
    assert_eq!(program.delete("/servers/web-9").await.status, 204);
    let late = ada.submit(&form, "Save", &[("host", "10.0.0.10")]).await.unwrap();
    is(&late, 409, "admin_server", "conflict");
    assert!(late.text().contains("The server web-9 was removed meanwhile"), "{}", late.text());
    assert_eq!(late.value("host").as_deref(), Some("10.0.0.10"));
    let made = ada.submit(&late, "Make the server", &[]).await.unwrap();
    is(&made, 200, "admin_server", "editing");
    assert_eq!(object(&service, "/servers/web-9").await["host"], "10.0.0.10");
    // What never was is not there.
    let fields = [("name", "nosuch"), ("host", "10.0.0.9")];
    assert_eq!(service.post(&ada, "/admin/servers/nosuch", &fields).await.status, 404);

    program.post("/applications", &json!({ "name": "blog", "repository": "/srv/blog.git" })).await;
    let form = see(&ada, "/admin/applications/blog/environments/new").await;
    assert_eq!(program.delete("/applications/blog").await.status, 204);
    let typed = [("name", "qa"), ("target_path", "/srv/qa/blog")];
    let late = ada.submit(&form, "Make the environment", &typed).await.unwrap();
    is(&late, 409, "admin_environment", "conflict");
    assert!(late.text().contains("The application blog was removed meanwhile"), "{}", late.text());
    assert_eq!(late.value("target_path").as_deref(), Some("/srv/qa/blog"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_person_keeps_what_was_typed() {
    let service = Service::start_in(World::quiet()).await;
    service.as_user("dana").await;
    let (ada, program) = (service.as_user("ada").await, service.calling_as("ada").await);
    let form = see(&ada, "/admin/people/dana").await;
    program.put("/people/dana", &json!({ "display": "Dana O." })).await.ok();
    let late = ada.submit(&form, "Save", &[("external_id", "crm-7")]).await.unwrap();
    is(&late, 409, "admin_person", "conflict");
    assert!(late.text().contains("Somebody else changed dana meanwhile"), "{}", late.text());
    assert_eq!(late.value("external_id").as_deref(), Some("crm-7"));
    let saved = ada.submit(&late, "Save", &[]).await.unwrap();
    is(&saved, 200, "admin_person", "enabled");
    assert_eq!(object(&service, "/people/dana").await["external_id"], "crm-7");

    let long = "x".repeat(200);
    let path = "/admin/people/dana/external-id";
    for (version, id, status) in [("", long.as_str(), 422), ("zzz", "crm-8", 422), ("0", "crm-9", 409)] {
        let page = service.post(&ada, path, &[("version", version), ("external_id", id)]).await;
        assert_eq!(
            (page.status, page.value("external_id").as_deref()),
            (status, Some(id)),
            "{}",
            page.text()
        );
    }
    assert_eq!(object(&service, "/people/dana").await["external_id"], "crm-7");
    let identity = [("version", "0"), ("provider", "proxy"), ("subject", "dana.o")];
    let page = service.post(&ada, "/admin/people/dana/link", &identity).await;
    is(&page, 409, "admin_person", "conflict");
    assert_eq!(page.value("subject").as_deref(), Some("dana.o"));
    assert_eq!(service.post(&ada, path, &[("external_id", "crm-8")]).await.status, 303, "without a version");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_is_marked_where_it_was_made() {
    let service = Service::start_in(World::quiet()).await;
    let (ada, program) = (service.as_user("ada").await, service.calling_as("ada").await);
    let form = see(&ada, PRODUCTION).await;
    for (field, value, at, words) in [
        ("promote_from", "production", "promote_from", "in a circle"),
        ("promote_from", "nowhere", "promote_from", "there is no environment"),
        ("health_check.attempts", "3", "health_check.command", "either command or url"),
        ("rsync_options", "-az\r\n--rsh=sh", "rsync_options", "line 2 is not among"),
    ] {
        let page = ada.submit(&form, "Save", &[(field, value)]).await.unwrap();
        is(&page, 422, "admin_environment", "invalid");
        let said = beside(&page, at);
        assert!(said.contains(words), "{field}: {said}");
    }
    let form = see(&ada, "/admin/load_balancers/new").await;
    let typed =
        [("name", "edge"), ("endpoints.0.url", "tcp://10.0.0.5:9999"), ("endpoints.1.url", "10.0.0.6:9999")];
    let page = ada.submit(&form, "Make the load balancer", &typed).await.unwrap();
    is(&page, 422, "admin_load_balancer", "invalid");
    assert!(beside(&page, "endpoints.1.url").contains("must be tcp://host:port"), "{}", page.text());

    let path = "/applications/shop";
    let whole = program.get(path).await.body;
    for name in ["production", "nowhere"] {
        let mut wrong = whole.clone();
        wrong["environments"][0]["promote_from"] = json!(name);
        assert_eq!(program.put(path, &wrong).await.wrong_fields(), ["environments[0].promote_from"]);
        let place = format!("{path}/environments/production");
        let mut wrong = program.get(&place).await.body;
        wrong["promote_from"] = json!(name);
        assert_eq!(program.put(&place, &wrong).await.wrong_fields(), ["promote_from"]);
    }
    let ghost = json!({ "name": "eve", "roles": ["ghost"] });
    assert_eq!(program.post("/people", &ghost).await.wrong_fields(), ["roles"]);
    program.post("/people", &json!({ "name": "eve" })).await;
    assert_eq!(program.put("/people/eve", &ghost).await.wrong_fields(), ["roles"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_says_what_would_be_left_without_its_place() {
    let service = Service::start_in(World::quiet()).await;
    let (ada, program) = (service.as_user("ada").await, service.calling_as("ada").await);
    let freeze = service.freeze("shop", "production", Level::Lock, "Stocktaking.").await;
    service.freeze("", "", Level::Warning, "Everywhere.").await;
    let grants = json!([{ "permission": "read", "application": "shop", "environment": "production" }]);
    let token = program.post("/tokens", &json!({ "name": "ci", "scope": { "grants": grants } })).await.body;
    let left = |question: &Page| -> Vec<String> {
        let said = question.select("#h-left + ul li");
        said.iter().map(|words| words.trim().to_owned()).collect()
    };
    let frozen = format!("Freeze {freeze} of command:root is lifted with it");
    let bounded = format!("The token {} (ci) of ada is bounded to it", token["id"]);
    let question = see(&ada, &format!("{PRODUCTION}/delete")).await;
    is(&question, 200, "admin_environment", "deleting");
    assert_eq!(left(&question), [frozen.as_str(), bounded.as_str()]);
    let question = see(&ada, "/admin/applications/shop/delete").await;
    is(&question, 200, "admin_application", "deleting");
    assert!(!question.text().contains("Nothing depends on it"), "{}", question.text());
    let role = "The role developers has grants for it";
    assert_eq!(left(&question), [role, frozen.as_str(), bounded.as_str()]);
    // It keeps nothing.
    let page = ada.submit(&question, "Remove the application shop", &[]).await.unwrap();
    is(&page, 200, "admin_applications", "empty");

    program.post("/servers", &json!({ "name": "web-9", "host": "10.0.0.9" })).await;
    let question = see(&ada, "/admin/servers/web-9/delete").await;
    assert!(question.text().contains("Nothing depends on it") && left(&question).is_empty());
}

/// Nothing names such a role, and yet it stays: the question says why.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_its_remover_administers_by_is_kept_with_the_reason() {
    let service = Service::start_in(World::quiet()).await;
    let (ada, program) = (service.as_user("ada").await, service.calling_as("ada").await);
    service.as_user("rosa").await;
    let root = json!({ "name": "root", "users": ["ada"], "global": ["admin"] });
    assert_eq!(program.post("/roles", &root).await.status, 201);
    let admin = json!({ "name": "admin", "users": ["rosa"], "global": ["admin"] });
    program.put("/roles/admin", &admin).await.ok();
    let question = see(&ada, "/admin/roles/root/delete").await;
    is(&question, 200, "admin_role", "deleting");
    let page = ada.submit(&question, "Remove the role root", &[]).await.unwrap();
    assert_eq!(page.status, 409);
    let words = "nobody takes the administration from themselves; ask another administrator";
    assert!(page.text().contains(words), "{}", page.text());
    assert_eq!(program.get("/roles/root").await.ok()["users"], json!(["ada"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_name_that_cannot_be_followed_is_refused_here_too() {
    let service = Service::start_in(World::quiet()).await;
    let program = service.calling_as("ada").await;
    program.post("/servers", &json!({ "name": "s2", "host": "10.0.0.2" })).await;
    let before = service.rows_of("fleet_objects").await;
    let mut server = program.get("/servers/web-1").await.body;
    server["was"] = json!("s2");
    assert_eq!(program.put("/servers/web-1", &server).await.wrong_fields(), ["was"]);
    program.post("/applications/shop/environments", &environment("qa")).await;
    let mut whole = program.get("/applications/shop").await.body;
    let qa: Vec<Value> =
        whole["environments"].as_array().unwrap().iter().filter(|one| one["name"] == "qa").cloned().collect();
    whole["environments"] = json!(qa);
    whole["environments"][0]["was"] = json!("production");
    assert_eq!(program.put("/applications/shop", &whole).await.wrong_fields(), ["environments[0].was"]);
    assert_eq!(service.rows_of("fleet_objects").await, before + 1);
    // A name that nothing has any more says nothing.
    server["was"] = json!("long-gone");
    program.put("/servers/web-1", &server).await.ok();
}
