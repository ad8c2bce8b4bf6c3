//! What an administrator says of somebody from elsewhere: identities that fit, and an
//! address that is not lost.

use serde_json::{Value, json};

use super::PASSWORD;
use crate::tests::harness::api::{Caller, Reply};
use crate::tests::harness::{Service, World};

async fn put(caller: &Caller, path: &str, body: &Value) -> Reply {
    caller.send("PUT", path, &[("content-type", "application/json")], &body.to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_identity_that_can_come_is_linked() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        fleet["roles"][1]["users"] = json!(["github:zara"]);
    }))
    .await;
    let ada = service.calling_as("ada").await;
    for name in ["sam", "zara"] {
        assert_eq!(ada.post("/people", &json!({ "name": name })).await.status, 201);
    }
    let link = async |who: &str, provider: &str, subject: &str| {
        ada.post(&format!("/people/{who}/identities"), &json!({ "provider": provider, "subject": subject }))
            .await
    };
    for (provider, subject) in [
        ("github", "sam"),
        ("github", "0x12"),
        ("proxy", "sam@ACME.TEST"),
        ("proxy", "-sam"),
        ("proxy", "sam o"),
    ] {
        assert_eq!(link("sam", provider, subject).await.wrong_fields(), ["subject"], "{subject}");
    }
    let sam = link("sam", "proxy", " Sam.O ").await.ok();
    assert_eq!(
        sam["identities"],
        json!([{ "provider": "proxy", "subject": "sam.o" }]),
        "as the proxy is read"
    );
    let sam = link("sam", "github", "4711").await.ok();
    assert_eq!(sam["identities"][1]["subject"], "4711");

    // The name is kept for GitHub until somebody of it is bound.
    assert_eq!(link("zara", "proxy", "zara").await.wrong_fields(), ["provider"]);
    link("zara", "github", "4712").await.ok();
    link("zara", "proxy", "zara").await.ok();

    let identity = "/people/sam/identities/github/4711";
    let wrong = [("if-match", "\"another\"")];
    assert_eq!(ada.send("DELETE", identity, &wrong, "").await.problem(412), "changed");
    let etag = ada.get("/people/sam").await.page.header("etag").to_owned();
    assert_eq!(ada.send("DELETE", identity, &[("if-match", &etag)], "").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_typed_for_somebody_with_a_verified_one_is_kept_and_shown() {
    let service = Service::start_in(World::quiet()).await;
    service.as_user("dana").await;
    let ada = service.calling_as("ada").await;
    let verified = ada.get("/people/dana").await.ok()["mail"].clone();
    assert!(verified.is_string(), "{verified}");
    let given = "dana@elsewhere.test";
    let changed = put(&ada, "/people/dana", &json!({ "mail": given })).await.ok();
    assert_eq!((&changed["mail"], &changed["given_mail"]), (&verified, &json!(given)));
    let page = service.as_user("ada").await.get("/admin/people/dana").await.unwrap();
    assert_eq!(page.value("mail").as_deref(), Some(given), "{}", page.text());
    assert!(page.text().contains(verified.as_str().unwrap()), "{}", page.text());
    // What GET gave, PUT takes.
    assert_eq!(put(&ada, "/people/dana", &changed).await.ok()["version"], changed["version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_signed_in_is_seen_and_ended_and_has_the_same_account() {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", None).await;
    let signs_in = async |password: &str| {
        let token = service.exchanges("sam", password).await.ok();
        service.calling_with(token["token"].as_str().unwrap())
    };
    let (first, second) = (signs_in(PASSWORD).await, signs_in(PASSWORD).await);
    let ada = service.as_user("ada").await;
    let page = ada.get("/admin/people/sam").await.unwrap();
    assert!(page.text().contains("0 sessions open now, and 2 tokens that programs got"), "{}", page.text());

    assert_eq!(first.post("/account/end-sessions", &json!({})).await.status, 204);
    assert_eq!(second.get("/account").await.problem(401), "unauthorized");
    first.get("/account").await.ok();
    let another = "another password of sams";
    let password =
        async |old: &str| put(&first, "/account/password", &json!({ "old": old, "new": another })).await;
    assert_eq!(password("not this one at all").await.wrong_fields(), ["old"]);
    assert_eq!(put(&first, "/account/password", &json!({ "new": another })).await.wrong_fields(), ["old"]);
    let browser = service.browser();
    service.types(&browser, "sam", PASSWORD).await;
    assert_eq!(password(PASSWORD).await.status, 204);
    assert_eq!(browser.get("/").await.unwrap().main_page().as_deref(), Some("login"));
    first.get("/account").await.ok();
    for _ in 0..9 {
        assert_eq!(password("not this one at all").await.wrong_fields(), ["old"]);
    }
    assert_eq!(password(another).await.problem(429), "too_many", "guesses are counted as on the page");

    let page = ada.get("/admin/people/sam").await.unwrap();
    ada.submit(&page, "End their sessions", &[]).await.unwrap();
    assert_eq!(first.get("/account").await.problem(401), "unauthorized");

    let dana = service.calling_as("dana").await;
    let both = json!({ "old": "x", "new": another });
    assert_eq!(put(&dana, "/account/password", &both).await.problem(409), "conflict", "she has none");
}
