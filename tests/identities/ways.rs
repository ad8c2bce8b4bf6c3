//! Ways in that an administrator gives and takes, and the address that people are
//! written to.

use serde_json::{Value, json};

use super::PASSWORD;
use crate::tests::api::town::{DEPLOYMENTS, REQUESTS, begun, direct};
use crate::tests::harness::api::{Caller, Reply};
use crate::tests::harness::{Service, World};

async fn quiet() -> Service {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", Some("developers")).await;
    service
}

async fn put(caller: &Caller, path: &str, body: &Value) -> Reply {
    caller.send("PUT", path, &[("content-type", "application/json")], &body.to_string()).await
}

async fn signed_in(service: &Service) -> Caller {
    let token = service.exchanges("sam", PASSWORD).await.ok();
    service.calling_with(token["token"].as_str().unwrap())
}

fn way(provider: &str, subject: &str) -> Value {
    json!({ "provider": provider, "subject": subject })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_identity_is_taken_away_again_and_what_came_of_a_sign_in_ends() {
    let service = quiet().await;
    let ada = service.calling_as("ada").await;
    let linked = ada.post("/people/sam/identities", &way("proxy", "samuel")).await.ok();
    assert_eq!(linked["identities"], json!([way("local", "sam"), way("proxy", "samuel")]));
    let taken = ada.post("/people/ada/identities", &way("proxy", "samuel")).await;
    assert_eq!(taken.wrong_fields(), ["subject"]);

    let sam = signed_in(&service).await;
    let unlink = "/people/sam/identities/proxy/samuel";
    assert_eq!(sam.send("DELETE", unlink, &[], "").await.problem(403), "forbidden");
    assert_eq!(ada.send("DELETE", unlink, &[], "").await.status, 204);
    assert_eq!(ada.send("DELETE", unlink, &[], "").await.problem(404), "not_found");
    assert_eq!(sam.get("/account").await.problem(401), "unauthorized");
    assert!(service.record().await.contains(&"ada person.unlinked person sam".to_owned()));
    // Without any the name would be anybody's.
    let last = ada.send("DELETE", "/people/sam/identities/local/sam", &[], "").await;
    assert_eq!(last.problem(409), "conflict");

    // The first one gives way to the next, and lets nobody in any more.
    ada.post("/people/sam/identities", &way("proxy", "samuel")).await.ok();
    assert_eq!(ada.send("DELETE", "/people/sam/identities/local/sam", &[], "").await.status, 204);
    let sam = ada.get("/people/sam").await.ok();
    assert_eq!((&sam["provider"], &sam["has_password"]), (&json!("proxy"), &json!(false)));
    assert_eq!(service.exchanges("sam", PASSWORD).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_is_unlinked_on_the_page_as_well() {
    let service = quiet().await;
    let ada = service.as_user("ada").await;
    let there = service.browser();
    service.types(&there, "sam", PASSWORD).await;
    let page = ada.get("/admin/people/sam").await.unwrap();
    assert!(!page.has_form("Unlink local sam"), "the only one stays");
    let page = ada.submit(&page, "Link it", &[("provider", "proxy"), ("subject", "samuel")]).await.unwrap();
    assert!(page.has_form("Unlink local sam") && page.has_form("Unlink proxy samuel"), "{}", page.text());
    let page = ada.submit(&page, "Unlink proxy samuel", &[]).await.unwrap();
    assert!(!page.text().contains("samuel"), "{}", page.text());
    assert_eq!(there.get("/").await.unwrap().main_page().as_deref(), Some("login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_elsewhere_ends_what_the_former_let_in() {
    let service = quiet().await;
    let ada = service.calling_as("ada").await;
    for (account, stays) in [("17", true), ("17", true), ("18", false), ("", false)] {
        let (there, sam) = (service.browser(), signed_in(&service).await);
        service.types(&there, "sam", PASSWORD).await;
        put(&ada, "/people/sam", &json!({ "external_id": account })).await.ok();
        let page = if stays { "home" } else { "login" };
        assert_eq!(there.get("/").await.unwrap().main_page().as_deref(), Some(page), "{account:?}");
        assert_eq!(sam.get("/account").await.status, if stays { 200 } else { 401 }, "{account:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_reaches_nobody_stands_among_the_failed_until_there_is_an_address() {
    let service = quiet().await;
    let (ada, sam) = (service.calling_as("ada").await, service.calling_as("sam").await);
    let reply = sam.post(REQUESTS, &json!({ "tag": "v1.0", "reason": "Because." })).await;
    let id = reply.body["id"].as_i64().unwrap_or_else(|| panic!("{}", reply.page.html));
    let rosa = service.as_user("rosa").await;
    assert_eq!(service.post(&rosa, &format!("/requests/{id}/accept"), &[]).await.status, 303);
    service.deliver().await;
    let failed = ada.get("/deliveries?state=given_up").await.ok();
    let failed = &failed["items"][0];
    assert_eq!(failed["notice"], "request_accepted");
    assert!(failed["error"].as_str().unwrap().contains("no address"), "{failed}");

    for wrong in
        ["nobody", "Sam <sam@acme.test>", "a@acme.test, b@acme.test", "sam@acme.test\r\nBcc: eve@x.y"]
    {
        assert_eq!(
            put(&ada, "/people/sam", &json!({ "mail": wrong })).await.wrong_fields(),
            ["mail"],
            "{wrong}"
        );
    }
    let page = service.as_user("ada").await;
    let form = page.get("/admin/people/sam").await.unwrap();
    let saved = page.submit(&form, "Save the address", &[("mail", "sam@acme.test")]).await.unwrap();
    assert_eq!(saved.value("mail").as_deref(), Some("sam@acme.test"), "{}", saved.text());
    assert_eq!(ada.get("/people/sam").await.ok()["mail"], "sam@acme.test");
    let resent = ada.post(&format!("/deliveries/{}/resend", failed["id"]), &json!({})).await;
    assert_eq!(resent.status, 204, "{}", resent.page.html);
    service.deliver().await;
    let mail = service.mail_about("[accepted] shop v1.0").await;
    assert_eq!(mail.to, ["sam@acme.test"]);

    // Nobody writes to who is disabled.
    put(&ada, "/people/sam", &json!({ "disabled": true })).await.ok();
    let sent = service.mail.mails().len();
    assert_eq!(service.post(&rosa, &format!("/requests/{id}/cancel"), &[]).await.status, 303);
    service.deliver().await;
    assert_eq!(service.mail.mails().len(), sent);
}

/// Of an end that nobody is named for nobody has to be told: it is no failure.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_concerns_nobody_with_an_address_is_no_failed_delivery() {
    let edit_config = Box::new(|config: &mut Value| config["mail"]["always_notify"] = json!([]));
    let world = World::quiet_with(|fleet| {
        direct(fleet);
        fleet["applications"][0]["owners"] = json!([]);
    });
    let service = Service::start_in(World { edit_config, ..world }).await;
    let drew = service.calling_as("drew").await;
    let id = begun(&drew.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await);
    drew.post(&format!("/deployments/{id}/cancel"), &json!({ "when": "now" })).await.ok();
    service.deliver().await;
    let ada = service.calling_as("ada").await;
    assert_eq!(ada.get("/deliveries").await.ok()["items"], json!([]));
    assert!(service.mail.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_that_github_verified_comes_before_the_one_that_was_typed() {
    let service = quiet().await;
    let ada = service.calling_as("ada").await;
    service.as_user("dana").await;
    service.github.person("mallory").without_emails();
    service.as_user("mallory").await;
    for (who, mail) in [("dana", "dana@example.com"), ("mallory", "typed@acme.test")] {
        put(&ada, &format!("/people/{who}"), &json!({ "mail": "typed@acme.test" })).await.ok();
        assert_eq!(ada.get(&format!("/people/{who}")).await.ok()["mail"], mail);
    }
    // Signing in again takes nothing away.
    service.as_user("mallory").await;
    assert_eq!(ada.get("/people/mallory").await.ok()["mail"], "typed@acme.test");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_gives_an_address_too() {
    use crate::app::add_person::{Wanted, add_person};
    let service = quiet().await;
    let zoe = super::name("zoe");
    let wanted = |mail| Wanted { name: &zoe, role: None, password: None, mail: Some(mail) };
    assert!(add_person(&service.app, "a test", wanted("no address")).await.is_err());
    let done = add_person(&service.app, "a test", wanted("zoe@acme.test")).await.unwrap();
    assert!(done.added);
    let ada = service.calling_as("ada").await;
    assert_eq!(ada.get("/people/zoe").await.ok()["mail"], "zoe@acme.test");
    assert!(service.record().await.contains(&"a test person.mail_set person zoe".to_owned()));
}

/// A late answer about an older token says nothing of who has signed in since.
#[tokio::test(flavor = "multi_thread")]
async fn what_github_said_of_an_older_token_does_not_wipe_a_fresh_sign_in() {
    use crate::db::people::{self, Membership};
    let service = quiet().await;
    service.as_user("dana").await;
    let app = &service.app;
    let dana = async || people::find_by_name(&app.db, &super::name("dana")).await.unwrap().unwrap();
    let older = dana().await;
    service.as_user("dana").await;
    let fresh = dana().await;
    assert_ne!(older.github_token, fresh.github_token);
    for (asked_with, is_theirs) in
        [(older.github_token.as_deref(), false), (fresh.github_token.as_deref(), true)]
    {
        let tx = app.db.begin().await.unwrap();
        let now = service.clock.now();
        let stored = people::set_membership(&tx, fresh.id, asked_with, Membership::Lost, now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((stored, dana().await.member), (is_theirs, !is_theirs));
    }
}
