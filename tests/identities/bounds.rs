//! What a token makes or changes never reaches further than the token itself.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::PASSWORD;
use crate::tests::harness::api::{Caller, Reply};
use crate::tests::harness::{Service, World};

async fn quiet() -> Service {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", None).await;
    service
}

async fn put(caller: &Caller, path: &str, body: &Value) -> Reply {
    caller.send("PUT", path, &[("content-type", "application/json")], &body.to_string()).await
}

/// The token that `caller` makes with its own.
async fn makes(service: &Service, caller: &Caller, body: &Value) -> (Value, Caller) {
    let reply = caller.post("/tokens", body).await;
    assert_eq!(reply.status, 201, "{}", reply.page.html);
    let made = service.calling_with(reply.body["token"].as_str().unwrap());
    (reply.body, made)
}

async fn signed_in(service: &Service) -> (Value, Caller) {
    let token = service.exchanges("sam", PASSWORD).await.ok();
    let caller = service.calling_with(token["token"].as_str().unwrap());
    (token, caller)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_made_with_a_token_ends_with_it_at_the_latest() {
    let service = quiet().await;
    let (short, caller) = signed_in(&service).await;
    let (made, _) = makes(&service, &caller, &json!({ "name": "x" })).await;
    assert_eq!(made["expires_at"], short["expires_at"], "nothing was said of its end");
    let late = caller.post("/tokens", &json!({ "name": "x", "days": 30 })).await;
    assert_eq!(late.wrong_fields(), ["expires_at"]);

    // One that ends earlier takes along what was made with it.
    let sam = service.calling_as("sam").await;
    let (first, with_first) = makes(&service, &sam, &json!({ "name": "first", "days": 10 })).await;
    let (second, with_second) = makes(&service, &with_first, &json!({ "name": "second" })).await;
    let (third, _) = makes(&service, &with_second, &json!({ "name": "third", "days": 1 })).await;
    let end = service.clock.now() + SignedDuration::from_hours(48);
    put(&sam, &format!("/tokens/{}", first["id"]), &json!({ "expires_at": end })).await.ok();
    let ends =
        async |token: &Value| sam.get(&format!("/tokens/{}", token["id"])).await.ok()["expires_at"].clone();
    assert_eq!(ends(&second).await, json!(end));
    assert_eq!(ends(&third).await, third["expires_at"], "this one ends before anyway");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_with_a_token_is_revoked_with_it_however_that_comes() {
    let service = quiet().await;
    let ada = service.calling_as("ada").await;
    for way in ["a new password", "an end to all sessions", "revoked"] {
        let password = json!({ "password": PASSWORD });
        let (_, caller) = signed_in(&service).await;
        let (child, with_child) = makes(&service, &caller, &json!({ "name": "child" })).await;
        let (_, grandchild) = makes(&service, &with_child, &json!({ "name": "grandchild" })).await;
        let other = service.calling_as("sam").await;
        grandchild.get("/account").await.ok();
        match way {
            "a new password" => {
                put(&ada, "/people/sam", &password).await.ok();
            }
            "an end to all sessions" => {
                ada.post("/people/sam/end-sessions", &json!({})).await.ok();
            }
            _ => {
                let number = service.number_of(&caller).await;
                assert_eq!(ada.send("DELETE", &format!("/tokens/{number}"), &[], "").await.status, 204);
            }
        }
        for ended in [&caller, &with_child, &grandchild] {
            assert_eq!(ended.get("/account").await.problem(401), "unauthorized", "{way}");
        }
        assert!(!ada.get(&format!("/tokens/{}", child["id"])).await.ok()["revoked_at"].is_null(), "{way}");
        other.get("/account").await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrators_bounded_token_changes_no_people() {
    let service = quiet().await;
    let ada = service.calling_as("ada").await;
    let scope = json!({ "global": ["admin"] });
    let (_, bounded) = makes(&service, &ada, &json!({ "name": "bounded", "scope": scope })).await;
    bounded.get("/people/sam").await.ok();
    let before = service.rows_but("tokens").await;
    let password = json!({ "password": "another one for sam" });
    for reply in [
        put(&bounded, "/people/sam", &password).await,
        put(&bounded, "/people/sam", &json!({ "roles": ["admin"] })).await,
        bounded.post("/people", &json!({ "name": "eve", "roles": ["admin"] })).await,
        bounded.post("/people/sam/identities", &json!({ "provider": "proxy", "subject": "eve" })).await,
        bounded.send("DELETE", "/people/sam/identities/local/sam", &[], "").await,
        bounded.post("/people/sam/end-sessions", &json!({})).await,
        bounded.send("DELETE", "/people/sam", &[], "").await,
        // Who holds a role is the role's to say.
        bounded.post("/roles", &json!({ "name": "ours", "users": ["sam"], "global": ["admin"] })).await,
        put(&bounded, "/roles/developers", &json!({ "users": ["sam"] })).await,
        bounded.send("DELETE", "/roles/developers", &[], "").await,
        put(&bounded, "/account/password", &json!({ "old": "x", "new": "another one for ada" })).await,
        bounded.post("/account/end-sessions", &json!({})).await,
    ] {
        assert_eq!(reply.problem(403), "forbidden", "{}", reply.page.html);
    }
    assert_eq!(service.rows_but("tokens").await, before);
    put(&ada, "/people/sam", &password).await.ok();
    // It administers all the same.
    assert_eq!(bounded.post("/servers", &json!({ "name": "web-9", "host": "10.0.0.9" })).await.status, 201);
}
