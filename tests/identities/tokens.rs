//! Tokens: bounded, shown once, ended at once.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::tests::api::town::{DEPLOYMENTS, begun, deployers, direct, gates};
use crate::tests::harness::api::Caller;
use crate::tests::harness::{Service, World};

async fn made(service: &Service, caller: &Caller, body: &Value) -> (i64, Caller) {
    let reply = caller.post("/tokens", body).await;
    assert_eq!(reply.status, 201, "{}", reply.page.html);
    let id = reply.body["id"].as_i64().unwrap();
    assert_eq!(reply.page.header("location"), format!("/api/v1/tokens/{id}"));
    (id, service.calling_with(reply.body["token"].as_str().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounded_token_reaches_its_place_and_no_other_and_makes_no_tokens() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        direct(fleet);
        let mut vault = fleet["applications"][0].clone();
        vault["name"] = json!("vault");
        fleet["applications"].as_array_mut().unwrap().push(vault);
    }))
    .await;
    let ada = service.calling_as("ada").await;
    let grants = json!({ "grants": [{ "permission": "deploy", "application": "shop" }] });
    let (id, bounded) = made(&service, &ada, &json!({ "name": "ci", "days": 7, "scope": grants })).await;
    bounded.get("/applications/shop").await.ok();
    assert_eq!(bounded.get("/applications/vault").await.problem(404), "not_found");
    let listed = bounded.get("/applications").await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let deployment = begun(&bounded.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await);
    // What is in the way is the token, and no right that an administrator could give.
    let detail = bounded.get("/servers").await.body["detail"].clone();
    assert_eq!(detail, "The scope of this token does not reach this.");
    let reader = json!({ "grants": [{ "permission": "read", "application": "shop" }] });
    let (_, reader) = made(&service, &ada, &json!({ "name": "reader", "scope": reader })).await;
    let refused = reader.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await;
    assert!(gates(&refused, 403).contains(&"permission"), "{}", refused.page.html);
    assert!(refused.page.html.contains("The scope of this token does not reach this."));
    assert!(!refused.page.html.contains("through a role"), "{}", refused.page.html);
    let account = bounded.get("/account").await.ok();
    assert_eq!(account["token"]["scope"]["grants"][0]["permission"], "deploy");
    for (method, path, body) in [
        ("POST", "/tokens", json!({ "name": "wider" })),
        ("PUT", "/tokens/1", json!({ "name": "x" })),
        ("DELETE", "/tokens/1", json!({})),
        ("POST", "/people", json!({ "name": "eve" })),
        ("DELETE", "/people/ada", json!({})),
    ] {
        let headers = [("content-type", "application/json")];
        let reply = bounded.send(method, path, &headers, &body.to_string()).await;
        assert!([403, 404].contains(&reply.status), "{method} {path}: {}", reply.page.html);
    }
    // What is one's own elsewhere is out of its reach too.
    let only_vault = json!({ "grants": [{ "permission": "read", "application": "vault" }] });
    let (_, elsewhere) = made(&service, &ada, &json!({ "name": "vault", "scope": only_vault })).await;
    assert_eq!(elsewhere.get(&format!("/deployments/{deployment}")).await.problem(404), "not_found");
    // It may at least end itself.
    assert_eq!(bounded.send("DELETE", &format!("/tokens/{id}"), &[], "").await.status, 204);
    assert_eq!(bounded.get("/account").await.problem(401), "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_of_deploy_in_window_does_not_reach_deploy() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        direct(fleet);
        // A day that is neither today nor tomorrow.
        let day = (crate::clock::Clock::system().now() + SignedDuration::from_hours(72)).strftime("%a");
        let weekly = json!([{ "days": [day.to_string().to_lowercase()], "from": "00:00", "to": "24:00" }]);
        fleet["calendars"] = json!([{ "name": "later", "timezone": "UTC", "weekly": weekly }]);
        crate::tests::harness::production(fleet)["calendar"] = json!("later");
    }))
    .await;
    let drew = service.calling_as("drew").await;
    let scope = json!({ "grants": [{ "permission": "deploy_in_window" }] });
    let (_, bounded) = made(&service, &drew, &json!({ "name": "by day", "scope": scope })).await;
    let reply = bounded.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await;
    assert!(gates(&reply, 409).contains(&"window"), "{}", reply.page.html);
    begun(&drew.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_their_own_tokens_and_administrators_everybodys() {
    let service = Service::start_in(World::quiet_with(deployers)).await;
    let (ada, drew, wendy) = (
        service.calling_as("ada").await,
        service.calling_as("drew").await,
        service.calling_as("wendy").await,
    );
    let (id, secret) = made(&service, &drew, &json!({ "name": "ci" })).await;
    let own = drew.get("/tokens").await.ok();
    let users: Vec<&Value> = own["items"].as_array().unwrap().iter().map(|token| &token["user"]).collect();
    assert_eq!(users, ["drew", "drew"]);
    assert!(!own.to_string().contains(&secret.token), "the secret is shown once");
    assert!(own["items"][1].get("token").is_none() && own["items"][1].get("hash").is_none());
    assert_eq!(ada.get("/tokens").await.ok()["items"].as_array().unwrap().len(), 4);
    let path = format!("/tokens/{id}");
    let put = |caller: Caller, body: Value| {
        let path = path.clone();
        async move { caller.send("PUT", &path, &[("content-type", "application/json")], &body.to_string()).await }
    };
    assert_eq!(wendy.get(&path).await.problem(404), "not_found");
    assert_eq!(wendy.send("DELETE", &path, &[], "").await.problem(404), "not_found");
    let wendys = service.calling_with(&wendy.token);
    assert_eq!(put(wendys, json!({ "name": "hers" })).await.problem(404), "not_found");
    assert_eq!(
        wendy.post("/tokens", &json!({ "name": "x", "user": "drew" })).await.problem(403),
        "forbidden"
    );

    let mine = || service.calling_with(&drew.token);
    let reply = put(mine(), json!({ "name": "nightly", "expires_at": "2030-01-01T00:00:00Z" })).await;
    assert_eq!(reply.wrong_fields(), ["expires_at"], "an end may come earlier only");
    let soon = (service.app.clock.now() + SignedDuration::from_hours(2)).to_string();
    let changed = put(mine(), json!({ "name": "nightly", "expires_at": soon })).await.ok();
    assert_eq!(changed["name"], "nightly");
    secret.get("/account").await.ok();
    service.advance(SignedDuration::from_hours(2));
    assert_eq!(secret.get("/account").await.status, 401);

    for (wrong, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x", "days": 0 }), "days"),
        (json!({ "name": "x", "days": 9, "expires_at": soon }), "days"),
        (json!({ "name": "x", "expires_at": "2020-01-01T00:00:00Z" }), "expires_at"),
        (json!({ "name": "x", "scope": {} }), "scope"),
        (
            json!({ "name": "x", "scope": { "grants": [{ "permission": "read", "application": "nosuch" }] } }),
            "scope",
        ),
        (
            json!({ "name": "x", "scope": { "grants": [{ "permission": "read", "environment": "nosuch" }] } }),
            "scope",
        ),
        (json!({ "name": "\u{3164}\u{ad}" }), "name"),
        (json!({ "name": "x", "scope": { "global": ["root"] } }), "scope.global[0]"),
        (json!({ "name": "x", "hash": "0" }), "hash"),
        (json!({ "name": "x", "user": "nosuch" }), "user"),
    ] {
        assert_eq!(ada.post("/tokens", &wrong).await.wrong_fields(), [field], "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_may_be_null_and_who_acts_for_others_bounds_a_token_to_any_place() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        let role = json!({ "name": "bots", "users": ["bot"], "global": ["impersonate"] });
        fleet["roles"].as_array_mut().unwrap().push(role);
    }))
    .await;
    let bot = service.calling_as("bot").await;
    let (id, _) = made(&service, &bot, &json!({ "name": "whole", "scope": null })).await;
    assert_eq!(bot.get(&format!("/tokens/{id}")).await.ok()["scope"], Value::Null);
    let grants = json!([{ "permission": "read", "application": "shop", "environment": "production" }]);
    let scope = json!({ "global": ["impersonate"], "grants": grants });
    made(&service, &bot, &json!({ "name": "for the shop", "scope": scope })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_page_lists_those_that_work_first_and_the_newest_of_each() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.as_user("dana").await;
    let caller = service.calling_as("dana").await;
    let (spent, _) = made(&service, &caller, &json!({ "name": "spent" })).await;
    caller.send("DELETE", &format!("/tokens/{spent}"), &[], "").await;
    // More than the page shows, all revoked but the last one.
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) \
                INSERT INTO tokens (person_id, name, hash, created_at, created_by, revoked_at) \
                SELECT person_id, 'old ' || i, 'hash ' || i, created_at, created_by, revoked_at \
                FROM tokens, n WHERE name = 'spent'";
    service.sql(many).await;
    made(&service, &caller, &json!({ "name": "the newest" })).await;
    let text = dana.get("/account").await.unwrap().text();
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words:?} is not shown"));
    assert!(place("the newest") < place("a test") && place("a test") < place("old 600"));
    assert!(place("old 600") < place("old 599") && !text.contains("old 1 "), "the oldest is left out");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_page_makes_a_token_shows_it_once_and_revokes_it() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.as_user("dana").await;
    let page = dana.get("/account").await.unwrap();
    assert!(page.text().contains("You may read and request releases of shop"), "{}", page.text());
    let page = dana.submit(&page, "Make the token", &[("name", "ci"), ("days", "never")]).await.unwrap();
    assert_eq!(page.status, 422);
    assert_eq!(page.value("name").as_deref(), Some("ci"), "nothing typed is lost");
    let fields = [("name", "ci"), ("days", "9"), ("permission", "read"), ("application", "shop")];
    let page = dana.submit(&page, "Make the token", &fields).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (200, Some("token_made")), "{}", page.text());
    let secret = page.select("[data-part=secret]").remove(0);
    let caller = service.calling_with(secret.trim());
    caller.get("/applications/shop").await.ok();
    let reply = caller.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await;
    assert!(gates(&reply, 403).contains(&"permission"), "{}", reply.page.html);
    let page = dana.get("/account").await.unwrap();
    assert!(!page.html.contains(secret.trim()), "it is shown this once");
    let page = dana.submit(&page, "Revoke", &[]).await.unwrap();
    assert!(page.text().contains("revoked"), "{}", page.text());
    assert_eq!(caller.get("/account").await.problem(401), "unauthorized");

    let ada = service.as_user("ada").await;
    let page = ada.get("/admin/tokens").await.unwrap();
    assert!(page.text().contains("dana"), "{}", page.text());
    assert_eq!(dana.get("/admin/tokens").await.unwrap().status, 403);
}
