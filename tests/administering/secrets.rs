//! Secrets are taken, kept and never given back (rules.md 40).

use serde_json::{Value, json};

use crate::app::apply_fleet::export_fleet;
use crate::app::secrets::mask;
use crate::tests::harness::{Service, World};

const SECRET: &str = "correct-horse-battery";

fn balancer(url: &str, password: &str) -> Value {
    json!({ "name": "edge", "endpoints": ["tcp://10.0.0.5:9999", { "url": url, "user": "ops", "password": password }] })
}

/// Whether the service still knows it: what it knows, it masks.
async fn is_known(service: &Service, secret: &str) -> bool {
    mask(&service.app).await.unwrap().apply(secret) != secret
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_kept_while_it_is_good_for_the_same_and_shown_to_nobody() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let made = ada.post("/load_balancers", &balancer("https://lb/stats", SECRET)).await;
    assert_eq!((made.status, &made.body["endpoints"][1]["password"]), (201, &json!("stored:")));
    assert!(is_known(&service, SECRET).await);

    let stored = balancer("https://lb/stats", "stored:");
    let etag = ada.get("/load_balancers/edge").await.page.header("etag").to_owned();
    assert_eq!(ada.put("/load_balancers/edge", &stored).await.status, 200);
    let mut renamed = stored.clone();
    renamed["name"] = json!("front");
    assert_eq!(ada.put("/load_balancers/edge", &renamed).await.status, 200);
    assert!(is_known(&service, SECRET).await, "it goes with the name");
    assert_eq!(ada.put("/load_balancers/front", &balancer("https://lb/stats", "stored:")).await.status, 200);

    // Another page, or another account, would be given a password that is not its own.
    let elsewhere = ada.put("/load_balancers/edge", &balancer("https://evil.example/stats", "stored:")).await;
    assert_eq!(elsewhere.wrong_fields(), ["endpoints[1].password"]);
    assert!(is_known(&service, SECRET).await);

    let other = ada.put("/load_balancers/edge", &balancer("https://lb/stats", "another-horse")).await;
    assert_ne!(other.page.header("etag"), etag, "a secret that was replaced is a change");
    assert!(!is_known(&service, SECRET).await && is_known(&service, "another-horse").await);
    for (table, rows) in service.tables().await {
        for row in rows {
            assert!(!row.contains(SECRET) && !row.contains("another-horse"), "{table}: {row}");
        }
    }
    assert_eq!(ada.delete("/load_balancers/edge").await.status, 204);
    assert_eq!(service.tables().await["fleet_secrets"], [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_is_the_command_lines_to_give_and_stays_where_it_gave_one() {
    let mut service = Service::start_in(World::quiet()).await;
    service.apply(|fleet| fleet["applications"][0]["webhook_secret"] = json!("env:SHOP_WEBHOOK")).await;
    let ada = service.calling_as("ada").await;
    let seen = ada.get("/applications/shop").await;
    assert_eq!(seen.body["webhook_secret"], "stored:");
    let mut object = seen.body.clone();
    for reference in ["env:PATH", "file:/etc/shadow", "env:SHOP_WEBHOOK"] {
        object["webhook_secret"] = json!(reference);
        assert_eq!(ada.put("/applications/shop", &object).await.wrong_fields(), ["webhook_secret"]);
        let page = balancer("https://lb/stats", reference);
        assert_eq!(ada.post("/load_balancers", &page).await.wrong_fields(), ["endpoints[1].password"]);
    }
    object["webhook_secret"] = json!("stored:");
    object["tags"] = json!("release-*");
    ada.put("/applications/shop", &object).await.ok();
    let exported: Value = serde_json::from_str(&export_fleet(&service.app).await.unwrap()).unwrap();
    let shop = &exported["applications"][0];
    assert_eq!((&shop["webhook_secret"], &shop["tags"]), (&json!("env:SHOP_WEBHOOK"), &json!("release-*")));
    object.as_object_mut().unwrap().remove("webhook_secret");
    assert_eq!(ada.put("/applications/shop", &object).await.ok().get("webhook_secret"), None);
    object["webhook_secret"] = json!("stored:");
    assert_eq!(ada.put("/applications/shop", &object).await.wrong_fields(), ["webhook_secret"]);
}
