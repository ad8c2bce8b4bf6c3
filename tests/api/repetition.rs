//! A POST with an `Idempotency-Key` is acted on once.

use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::json;

use super::town::Town;
use crate::app::tokens;
use crate::domain::deployment::DeploymentState;
use crate::domain::event::EventKind;
use crate::tests::harness::Service;

async fn cancellations(service: &Service, id: i64) -> usize {
    let cancelled =
        |what: &EventKind| matches!(what, EventKind::State { state: DeploymentState::Cancelled, .. });
    service.journal(id).await.iter().filter(|event| cancelled(&event.what)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_gets_the_same_answer() {
    let town = Town::new().await;
    let dana = town.service.calling_as("dana").await;
    let path = format!("/deployments/{}/cancel", town.deployment);
    let first = dana.post_once("once", &path, "{}").await;
    let rows = town.service.rows().await;
    let again = dana.post_once("once", &path, "{}").await;
    assert_eq!(first.page.html, again.page.html);
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(town.service.rows().await, rows, "the second changed nothing");
    assert_eq!(dana.post_once("twice", &path, "{}").await.problem(409), "conflict");

    // The key belongs to one request of one person, for a day.
    let other_body = dana.post_once("once", &path, "{\"when\": \"now\"}").await;
    assert_eq!(other_body.wrong_fields(), ["Idempotency-Key"]);
    let other_place = dana.post_once("once", "/deployments/999/cancel", "{}").await;
    assert_eq!(other_place.wrong_fields(), ["Idempotency-Key"]);
    let ada = town.service.calling_as("ada").await;
    assert_eq!(ada.post_once("once", &path, "{}").await.problem(409), "conflict");
    town.service.advance(SignedDuration::from_hours(24));
    assert_eq!(
        dana.post_once("once", &path, "{}").await.problem(409),
        "conflict",
        "a day later it is judged anew"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_acts() {
    let town = Town::new().await;
    let dana = town.service.calling_as("dana").await;
    let path = format!("/deployments/{}/cancel", town.deployment);
    let replies = join_all((0..20).map(|_| dana.post_once("once", &path, "{}"))).await;
    for reply in &replies {
        assert!([200, 409].contains(&reply.status), "{}", reply.page.html);
    }
    assert!(replies.iter().any(|reply| reply.status == 200));
    assert_eq!(cancellations(&town.service, town.deployment).await, 1);
    assert_eq!(dana.post_once("once", &path, "{}").await.status, 200, "and its answer stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_leaves_the_key_free() {
    let town = Town::new().await;
    let rosa = town.service.calling_as("rosa").await;
    let path = format!("/deployments/{}/cancel", town.deployment);
    assert_eq!(rosa.post_once("mine", &path, "{}").await.problem(403), "forbidden");
    town.service
        .damage("INSERT INTO role_members (role, kind, member, source) VALUES ('admin', 'user', 'rosa', 'command')")
        .await;
    assert_eq!(rosa.post_once("mine", &path, "{}").await.ok()["state"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_answer_needs_a_token_that_works() {
    let town = Town::new().await;
    let dana = town.service.calling_as("dana").await;
    let path = format!("/deployments/{}/cancel", town.deployment);
    dana.post_once("once", &path, "{}").await.ok();
    let number = town.service.number_of(&dana).await;
    tokens::revoke(&town.service.app, "a test", number).await.unwrap();
    assert_eq!(dana.post_once("once", &path, "{}").await.problem(401), "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_one_to_a_hundred_visible_characters() {
    let town = Town::new().await;
    let dana = town.service.calling_as("dana").await;
    let path = format!("/deployments/{}/cancel", town.deployment);
    for key in ["", "a b", &"k".repeat(101)] {
        assert_eq!(dana.post_once(key, &path, "{}").await.wrong_fields(), ["Idempotency-Key"], "{key:?}");
    }
    dana.post_once(&"k".repeat(100), &path, "{}").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_bounded_otherwise_or_acts_for_them_hears_no_answer_of_theirs() {
    let town = Town::new().await;
    let service = &town.service;
    let dana = service.calling_as("dana").await;
    let path = format!("/deployments/{}/cancel", town.deployment);
    dana.post_once("once", &path, "{}").await.ok();
    let scope = json!({ "grants": [{ "permission": "read", "application": "vault" }] });
    service.damage("INSERT INTO role_members (role, kind, member, source) VALUES ('admin', 'user', 'dana', 'command')").await;
    let made = dana.post("/tokens", &json!({ "name": "bounded", "scope": scope })).await;
    service.damage("DELETE FROM role_members WHERE member = 'dana' AND role = 'admin'").await;
    let bounded = service.calling_with(made.body["token"].as_str().unwrap());
    assert_eq!(bounded.post_once("once", &path, "{}").await.problem(404), "not_found");
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "once"),
        ("x-impersonate-username", "dana"),
    ];
    let ada = service.calling_as("ada").await;
    let reply = ada.send("POST", &path, &headers, "{}").await;
    assert_eq!(reply.problem(409), "conflict", "it is judged for itself");
    // Another token of hers that may do the same is still she.
    assert_eq!(service.calling_as("dana").await.post_once("once", &path, "{}").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_once_and_its_secret_is_told_once() {
    let town = Town::new().await;
    let dana = town.service.calling_as("dana").await;
    let first = dana.post_once("once", "/tokens", "{\"name\": \"CI\"}").await;
    let secret = first.body["token"].as_str().unwrap().to_owned();
    let again = dana.post_once("once", "/tokens", "{\"name\": \"CI\"}").await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!((&again.body["id"], &again.body["token"]), (&first.body["id"], &json!(null)));
    assert_eq!(dana.get("/tokens").await.ok()["items"].as_array().unwrap().len(), 2);
    town.service.calling_with(&secret).get("/account").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_plain_hash_of_a_body_is_kept_since_it_may_hold_a_password() {
    use sha2::{Digest as _, Sha256};
    let town = Town::new().await;
    let ada = town.service.calling_as("ada").await;
    let body = "{\"name\": \"sam\", \"password\": \"correct horse battery\"}";
    assert_eq!(ada.post_once("once", "/people", body).await.status, 201);
    let rows = town.service.tables().await["idempotency_keys"].join("\n");
    let plain = crate::domain::manifest::hex(&Sha256::digest(body));
    assert!(rows.contains("body_sha256='") && !rows.contains(&plain), "{rows}");
}
