//! Names that lead nowhere, what the record keeps of what comes and goes, and everything
//! that is wrong at once.

use serde_json::{Value, json};

use super::environment;
use crate::app::audit;
use crate::tests::harness::{Service, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_name_whose_address_is_another_page_is_refused_to_what_is_new() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let environments = "/applications/shop/environments";
    for (list, object, wrong) in [
        ("/servers", json!({ "name": "new", "host": "10.0.0.9" }), vec!["name"]),
        ("/servers", json!({ "name": "new" }), vec!["name", "host"]),
        ("/roles", json!({ "name": "new" }), vec!["name"]),
        (environments, environment("diff"), vec!["name"]),
        (environments, environment("new"), vec!["name"]),
        (
            "/applications",
            json!({ "name": "blog", "repository": "/srv/b.git", "environments": [environment("diff")] }),
            vec!["environments[0].name"],
        ),
    ] {
        assert_eq!(ada.post(list, &object).await.wrong_fields(), wrong, "{object}");
    }
    let mut server = ada.get("/servers/web-1").await.ok();
    server["name"] = json!("new");
    assert_eq!(ada.put("/servers/web-1", &server).await.wrong_fields(), ["name"]);
    let browser = service.as_user("ada").await;
    let page = browser.get("/admin/servers/new").await.unwrap();
    let typed = [("name", "new"), ("host", "10.0.0.9"), ("port", "22")];
    let page = browser.submit(&page, "Make the server", &typed).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (422, Some("invalid")), "{}", page.text());
    assert_eq!(ada.post("/servers", &json!({ "name": "diff", "host": "10.0.0.9" })).await.status, 201);

    // One that is there already does not keep anybody from changing something else.
    service
        .damage("UPDATE fleet_objects SET name = 'new', spec = replace(spec, '\"diff\"', '\"new\"') WHERE name = 'diff'")
        .await;
    assert_eq!(ada.post("/servers", &json!({ "name": "web-8", "host": "10.0.0.8" })).await.status, 201);
    let mut old = ada.get("/servers/new").await.ok();
    old["port"] = json!(2222);
    ada.put("/servers/new", &old).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_the_rest_is_named_too_and_what_is_made_has_its_version() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let environments = "/applications/shop/environments";
    let expected = ["name", "deploy_from", "target_path", "remote_user"];
    assert_eq!(ada.post(environments, &json!({})).await.wrong_fields(), expected);
    assert_eq!(
        ada.post("/servers", &json!({ "name": "web-1", "port": 0 })).await.wrong_fields(),
        ["name", "host", "port"]
    );
    let named = json!({ "name": "Web 1", "host": "10.0.0.9", "port": 0 });
    assert_eq!(ada.put("/servers/web-1", &named).await.wrong_fields(), ["name", "port"]);

    let made = ada.post("/servers", &json!({ "name": "web-9", "host": "10.0.0.9" })).await;
    let etag = made.page.header("etag").to_owned();
    assert_eq!(etag, ada.get("/servers/web-9").await.page.header("etag"), "{}", made.page.html);
    ada.put_if(&etag, "/servers/web-9", &made.body).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_keeps_the_whole_of_what_comes_and_goes() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let role = json!({ "name": "viatok", "users": ["bot"], "global": ["admin"] });
    assert_eq!(ada.post("/roles", &role).await.status, 201);
    assert_eq!(ada.delete("/roles/viatok").await.status, 204);
    let secret = "a secret of the shop";
    let blog = json!({ "name": "blog", "repository": "/srv/blog.git", "webhook_secret": secret });
    assert_eq!(ada.post("/applications", &blog).await.status, 201);
    let lines = audit::page_after(&service.app, 0).await.unwrap();
    let facts = |action: &str, subject: &str| {
        let line = lines.iter().rfind(|line| line.action == action && line.subject == subject).unwrap();
        serde_json::from_str::<Value>(&line.facts).unwrap()["details"].clone()
    };
    let whole = json!(["global: [\"admin\"]", "users: [\"bot\"]"]);
    assert_eq!(facts("fleet.added", "role viatok"), whole);
    assert_eq!(facts("fleet.removed", "role viatok"), whole);
    let blog = facts("fleet.added", "application blog").to_string();
    assert!(blog.contains("webhook_secret: stored:") && !blog.contains(secret), "{blog}");
    let page = service.as_user("ada").await.get("/admin/audit?action=fleet.removed").await.unwrap();
    assert!(page.text().contains("users: [\"bot\"]"), "{}", page.text());
}
