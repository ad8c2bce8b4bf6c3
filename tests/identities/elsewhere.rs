//! A session elsewhere, exchanged for one here.

use rocket::Data;
use rocket::data::ToByteUnit;
use rocket::request::Request;
use rocket::response::Responder;
use rocket::route::{Handler, Outcome};
use serde_json::{Value, json};

use crate::tests::harness::{Service, World};
use crate::tests::support::http::{Reply, Server};

const COOKIE: &str = "forum_session";

/// Knows two sessions; what it is asked with decides the rest.
#[derive(Clone)]
struct Verifier;

#[rocket::async_trait]
impl Handler for Verifier {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let body = data.open(64.kibibytes()).into_string().await.unwrap().into_inner();
        let asked: Value = serde_json::from_str(&body).unwrap();
        let reply = match asked["session_id"].as_str().unwrap() {
            "of-17" => Reply::json(200, &json!({ "account_id": 17, "name": "Sam" })),
            "of-nobody" => Reply::json(200, &json!({ "account_id": "99" })),
            "of-gone" => Reply::json(200, &json!({ "account_id": "gone-1" })),
            "redirected" => Reply::redirect("/elsewhere"),
            "broken" => Reply::json(200, &json!({ "account": 17 })),
            "huge" => Reply::json(200, &json!({ "account_id": 17, "more": "x".repeat(100_000) })),
            _ => Reply::json(403, &json!({})),
        };
        match reply.respond_to(request) {
            Ok(response) => Outcome::Success(response),
            Err(status) => Outcome::Error(status),
        }
    }
}

async fn world(verifier: Value) -> Service {
    let edit_config = Box::new(move |config: &mut Value| config["session_verifier"] = verifier);
    let service = Service::start_in(World { edit_config, ..World::quiet() }).await;
    let ada = service.calling_as("ada").await;
    for (who, account, disabled) in [("sam", "17", false), ("gone", "gone-1", true)] {
        let person = json!({ "name": who, "external_id": account, "disabled": disabled });
        let reply = ada.post("/people", &person).await;
        assert_eq!(reply.status, 201, "{}", reply.page.html);
    }
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_says_whose_a_session_is_and_only_a_linked_account_comes_in() {
    let verifier = Server::start(Verifier, None).await;
    let url = format!("http://127.0.0.1:{}/verify", verifier.port());
    let service = world(json!({ "url": url, "cookie": COOKIE })).await;
    let exchange = async |id: &str| service.knocks("/auth/session", &json!({ "session_id": id })).await;
    let token = exchange("of-17").await.ok();
    let caller = service.calling_with(token["token"].as_str().unwrap());
    assert_eq!(caller.get("/account").await.ok()["name"], "sam");
    let mut bodies = std::collections::BTreeSet::new();
    for id in ["of-nobody", "of-gone", "unknown", "", "a\nb", &"x".repeat(5000)] {
        let reply = exchange(id).await;
        assert_eq!(reply.problem(401), "unauthorized", "{id:.20}");
        bodies.insert(reply.page.html.replace(reply.page.header("x-request-id"), ""));
    }
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
    for id in ["redirected", "broken", "huge"] {
        assert_eq!(exchange(id).await.problem(503), "unavailable", "{id}");
    }
    verifier.stop().await;
    assert_eq!(exchange("of-17").await.problem(503), "unavailable");

    let reply =
        service.calling_as("ada").await.post("/people", &json!({ "name": "eve", "external_id": "17" })).await;
    assert_eq!(reply.wrong_fields(), ["external_id"], "an account is one person's");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_cookie_is_exchanged_by_a_form_and_never_by_looking() {
    let verifier = Server::start(Verifier, None).await;
    let url = format!("http://127.0.0.1:{}/", verifier.port());
    let service = world(json!({ "url": url, "cookie": COOKIE })).await;
    let browser = service.browser();
    let page = browser.get("/login").await.unwrap();
    assert!(!page.has_form("Go on with that session"));
    browser.set_cookie(&format!("{COOKIE}=of-17; Path=/"));
    let page = browser.get("/login?return_to=/requests").await.unwrap();
    assert_eq!(browser.raw("GET", "/", &[], "").await.unwrap().status, 303, "looking signs nobody in");
    let page = browser.submit(&page, "Go on with that session", &[]).await.unwrap();
    assert_eq!((page.url.path(), page.status), ("/requests", 200), "{}", page.text());
    assert!(browser.get("/account").await.unwrap().text().contains("a session elsewhere"));

    let headers = [("content-type", "application/json"), ("cookie", "forum_session=of-17")];
    let page = service.browser().raw("POST", "/api/v1/auth/session", &headers, "{}").await.unwrap();
    assert_eq!(page.status, 200, "{}", page.html);

    let stranger = service.browser();
    stranger.set_cookie(&format!("{COOKIE}=of-nobody; Path=/"));
    let page = stranger.get("/login").await.unwrap();
    let page = stranger.submit(&page, "Go on with that session", &[]).await.unwrap();
    assert_eq!((page.status, page.main_page().as_deref()), (422, Some("login")), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_the_id_on_its_input_and_its_exit_code_refuses() {
    let script = r#"read id; [ $# = 0 ] && [ -z "$COUNTERSIGN_TEST" ] && [ "$id" = of-17 ] && echo '{"account_id": "17"}'"#;
    let service = world(json!({ "argv": ["/bin/sh", "-c", script] })).await;
    let exchange = async |id: &str| service.knocks("/auth/session", &json!({ "session_id": id })).await;
    assert_eq!(exchange("of-17").await.status, 200);
    assert_eq!(exchange("$(echo of-17)").await.problem(401), "unauthorized");
    assert_eq!(exchange("other").await.problem(401), "unauthorized");

    let missing = world(json!({ "argv": ["/nonexistent/verifier"] })).await;
    let reply = missing.knocks("/auth/session", &json!({ "session_id": "of-17" })).await;
    assert_eq!(reply.problem(503), "unavailable");
    let babbling = world(json!({ "argv": ["/bin/sh", "-c", "yes"] })).await;
    let reply = babbling.knocks("/auth/session", &json!({ "session_id": "of-17" })).await;
    assert_eq!(reply.problem(503), "unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_verifier_there_is_no_exchange() {
    let service = Service::start_in(World::quiet()).await;
    let reply = service.knocks("/auth/session", &json!({ "session_id": "of-17" })).await;
    assert_eq!(reply.problem(409), "conflict");
}
