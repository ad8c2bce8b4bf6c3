//! What is wrong with a call is said as a problem, whatever it is.

use serde_json::{Value, json};

use super::town::Town;
use crate::domain::document;
use crate::domain::name::Name;
use crate::domain::scope::Scope;
use crate::tests::harness::{Service, World};
use crate::web::api::body::FromBody as _;
use crate::web::api::steering::Deploy;

#[tokio::test(flavor = "multi_thread")]
async fn what_leads_nowhere_is_a_problem_and_no_page() {
    let town = Town::new().await;
    let ada = town.service.calling_as("ada").await;
    for nowhere in
        ["", "/", "/nothing", "/deployments/abc", "/deployments/1/nothing", "/requests/99999999999999999999"]
    {
        assert_eq!(ada.get(nowhere).await.problem(404), "not_found", "{nowhere}");
    }
    let reply = ada.send("DELETE", "/deployments", &[], "").await;
    assert_eq!(reply.problem(405), "method_not_allowed");
    assert_eq!(reply.page.header("allow"), "GET");
    let cancel = format!("/deployments/{}/cancel", town.deployment);
    let reply = ada.get(&cancel).await;
    assert_eq!((reply.problem(405), reply.page.header("allow")), ("method_not_allowed", "POST"));
    // Outside of it the pages answer as before.
    let page = town.service.browser().raw("GET", "/api", &[], "").await.unwrap();
    assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_json_of_bounded_size_with_known_fields() {
    let town = Town::new().await;
    let dana = town.service.calling_as("dana").await;
    let path = format!("/deployments/{}/cancel", town.deployment);
    let as_json = ("content-type", "application/json");
    let before = town.service.rows().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "nonsense"] {
        let reply = dana.send("POST", &path, &[("content-type", kind)], "{}").await;
        assert_eq!(reply.problem(415), "unsupported_media_type", "{kind}");
    }
    assert_eq!(dana.send("POST", &path, &[], "{}").await.problem(415), "unsupported_media_type");
    for malformed in ["{", "", "{\"when\": \"now\", \"when\": \"now\"}", "\u{0}"] {
        let reply = dana.send("POST", &path, &[as_json], malformed).await;
        assert_eq!(reply.problem(400), "malformed", "{malformed}");
    }
    let large = format!("{{\"when\": \"{}\"}}", "x".repeat(70_000));
    assert_eq!(dana.send("POST", &path, &[as_json], &large).await.problem(413), "too_large");

    assert_eq!(dana.post(&path, &json!([])).await.wrong_fields(), [""]);
    assert_eq!(dana.post(&path, &json!({ "when": "soon" })).await.wrong_fields(), ["when"]);
    assert_eq!(dana.post(&path, &json!({ "when": 1 })).await.wrong_fields(), ["when"]);
    let assigned = json!({ "state": "succeeded", "when": "now", "started_by": "ada" });
    assert_eq!(dana.post(&path, &assigned).await.wrong_fields(), ["state", "started_by"]);
    assert_eq!(town.service.rows().await, before, "nothing of that was done");
    assert_eq!(dana.post(&path, &json!({ "when": "now" })).await.ok()["state"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_has_known_names_each_once() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.calling_as("dana").await;
    for (query, wrong) in [
        ("?limit=0", "limit"),
        ("?limit=201", "limit"),
        ("?limit=many", "limit"),
        ("?after=x", "after"),
        ("?state=done", "state"),
        ("?since=yesterday", "since"),
        ("?application=-", "application"),
        ("?surprise=1", "surprise"),
        ("?limit=1&limit=2", "limit"),
    ] {
        assert_eq!(dana.get(&format!("/deployments{query}")).await.wrong_fields(), [wrong], "{query}");
    }
    assert_eq!(dana.get("/account?verbose=1").await.wrong_fields(), ["verbose"]);
    assert_eq!(dana.get("/requests?mine=perhaps&limit=0").await.wrong_fields(), ["limit", "mine"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_done_says_why() {
    let town = Town::new().await;
    let path = format!("/deployments/{}/cancel", town.deployment);
    let (rosa, dana) = (town.service.calling_as("rosa").await, town.service.calling_as("dana").await);
    assert_eq!(rosa.post(&path, &json!({})).await.problem(403), "forbidden");
    dana.post(&path, &json!({})).await.ok();
    assert_eq!(dana.post(&path, &json!({})).await.problem(409), "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_ours_tells_its_number_and_nothing_else() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.calling_as("dana").await;
    service.damage("UPDATE people SET teams = 'no list' WHERE name = 'dana'").await;
    let reply = dana.get("/account").await;
    assert_eq!(reply.problem(500), "internal");
    assert!(!reply.page.html.contains("teams"), "{}", reply.page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_headers_that_pages_have() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.calling_as("dana").await;
    let wrong = service.calling_with("cs_nothing");
    for reply in [dana.get("/account").await, dana.get("/nowhere").await, wrong.get("/account").await] {
        let page = &reply.page;
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("set-cookie"), "");
    }
}

#[test]
fn a_deployment_to_be_made_names_a_release_and_at_most_one_target() {
    let read = |body: Value| document::read(&body, Deploy::read);
    let target = |target: Value| read(json!({ "release": "v1.0", "target": target })).unwrap().target;
    let name = |text| Name::parse(text).unwrap();
    let plain = read(json!({ "release": "v1.0" })).unwrap();
    assert_eq!(
        (plain.release.as_str(), plain.target, plain.acknowledge_deletes),
        ("v1.0", Scope::Environment, false)
    );
    assert_eq!(target(Value::Null), Scope::Environment);
    assert_eq!(target(json!({ "cluster": "web" })), Scope::Cluster(name("web")));
    assert_eq!(target(json!({ "server": "web-1" })), Scope::Server(name("web-1")));
    for (wrong, field) in [
        (json!({}), "release"),
        (json!({ "release": "" }), "release"),
        (json!({ "release": "v1.0", "target": {} }), "target"),
        (json!({ "release": "v1.0", "target": { "cluster": "a", "server": "b" } }), "target"),
        (json!({ "release": "v1.0", "target": { "cluster": "a", "all": true } }), "target.all"),
        (json!({ "release": "v1.0", "target": "web" }), "target"),
        (json!({ "release": "v1.0", "acknowledge_deletes": 1 }), "acknowledge_deletes"),
        (json!({ "release": "v1.0", "started_by": "ada" }), "started_by"),
    ] {
        let problems = read(wrong.clone()).unwrap_err();
        assert!(problems.iter().any(|problem| problem.path == field), "{wrong}: {problems:?}");
    }
}
