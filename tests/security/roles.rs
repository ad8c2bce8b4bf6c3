//! Every route for every role. A snapshot, read by eye: a new route, or another answer
//! to somebody, fails here until it was looked at.
//!
//! The answers are told in a word: `in` is whatever somebody gets whom no right keeps
//! out, and that includes a form with mistakes or a thing in another state.

use std::fmt::Write as _;

use rocket::http::Method;
use serde_json::json;
use url::form_urlencoded::Serializer;

use super::routes::{forms, gets};
use crate::tests::harness::api::Caller;
use crate::tests::harness::furnished::{Furnished, token_of};
use crate::tests::support::browser::Browser;
use crate::web::api;

/// From the least to the most, so that what acts comes after what is refused.
const ROLES: [(&str, &str); 8] = [
    ("nobody", ""),
    ("no role", "mallory"),
    ("reader", "otto"),
    ("auditor", "aud"),
    ("requester", "stella"),
    ("reviewer", "remy"),
    ("deployer", "drew"),
    ("admin", "ada"),
];

async fn peopled() -> Furnished {
    let mut world = Furnished::new().await;
    for login in ["otto", "aud", "stella", "drew"] {
        world.service.github.person(login);
    }
    world
        .service
        .apply(|fleet| {
            fleet["roles"][1]["users"] = json!(["stella"]);
            let roles = fleet["roles"].as_array_mut().unwrap();
            let of_shop = |permission| json!([{ "permission": permission, "application": "shop" }]);
            roles.push(json!({ "name": "readers", "users": ["otto"], "grants": of_shop("read") }));
            roles.push(json!({ "name": "auditors", "users": ["aud"], "global": ["read_all"] }));
            roles.push(json!({ "name": "deployers", "users": ["drew"], "grants": of_shop("deploy") }));
        })
        .await;
    world
}

fn word(status: u16) -> &'static str {
    match status {
        401 => "401",
        403 => "403",
        404 => "404",
        500.. => "BROKEN",
        _ => "in",
    }
}

fn table(rows: &[(String, Vec<&'static str>)]) -> String {
    let mut text = format!("{:78}", "");
    for (role, _) in ROLES {
        let _ = write!(text, "{role:>10}");
    }
    for (route, answers) in rows {
        let _ = write!(text, "\n{route:78}");
        for answer in answers {
            let _ = write!(text, "{answer:>10}");
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_lets_in_whom_it_should() {
    let world = Box::pin(peopled()).await;
    let mut browsers: Vec<Browser> = Vec::new();
    for (_, login) in ROLES {
        browsers.push(if login.is_empty() {
            world.service.browser()
        } else {
            world.service.as_user(login).await
        });
    }
    let mut rows = Vec::new();
    for (route, addresses) in gets(&world) {
        // Ways in, and what is the same for everybody.
        if ["/login", "/authorize", "/authorized", "/static/<digest>/<path..>", "/favicon.ico"]
            .contains(&route)
        {
            continue;
        }
        let mut answers = Vec::new();
        for (browser, (_, login)) in browsers.iter().zip(ROLES) {
            let page = browser.raw("GET", &addresses[0], &[], "").await.unwrap();
            let asked_in = login.is_empty() && page.header("location").starts_with("/login");
            answers.push(if asked_in { "login" } else { word(page.status) });
        }
        rows.push((format!("GET {route}"), answers));
    }
    insta::assert_snapshot!(table(&rows));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_lets_in_whom_it_should() {
    let world = Box::pin(peopled()).await;
    let mut browsers: Vec<(Browser, String)> = Vec::new();
    for (_, login) in ROLES.into_iter().skip(1) {
        let browser = world.service.as_user(login).await;
        let token = token_of(&browser).await;
        browsers.push((browser, token));
    }
    let mut rows = Vec::new();
    for form in forms(&world) {
        // One's own account is everybody's.
        if ["/logout", "/preferences"].contains(&form.route)
            || form.route.starts_with("/account")
            || form.route.starts_with("/login")
        {
            continue;
        }
        let mut answers = vec!["403"];
        for (browser, token) in &browsers {
            let body =
                Serializer::new(String::new()).extend_pairs(&form.fields).append_pair("csrf", token).finish();
            let origin = world.service.base_url.as_str();
            let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", origin)];
            let page = browser.raw("POST", &form.address, &headers, &body).await.unwrap();
            answers.push(word(page.status));
        }
        let stranger = world.service.browser().raw("POST", &form.address, &[], "").await.unwrap();
        assert_eq!(stranger.status, 403, "{}: {}", form.address, stranger.text());
        rows.push((format!("POST {}", form.route), answers));
    }
    insta::assert_snapshot!(table(&rows));
}

/// Something to send that a right is asked for. Most is looked at before what it says.
fn body(method: Method, path: &str) -> serde_json::Value {
    match (method, path.rsplit('/').next().unwrap_or_default()) {
        (Method::Post, "requests") => json!({ "tag": "v1.3", "reason": "why" }),
        (Method::Post, "deployments" | "preview") => json!({ "release": "v1.3" }),
        (Method::Post, "decisions") => json!({ "decision": "ask", "comment": "why?" }),
        (Method::Post, "answer" | "sign") => json!({ "comment": "because" }),
        (Method::Put, "<id>") if path.starts_with("/freezes") => {
            json!({ "reason": "a test", "level": "warning" })
        }
        (Method::Post, "freezes") => json!({ "reason": "a test", "level": "warning" }),
        (Method::Put, "password") => json!({ "old": "not a password", "new": "another password" }),
        (Method::Post, "identities") => json!({ "provider": "proxy", "subject": "zed" }),
        (Method::Post, "people") => json!({ "name": "zoe" }),
        (Method::Post, "tokens") => json!({ "name": "a test", "user": "dana" }),
        (Method::Post, "servers") => json!({ "name": "web-9", "host": "10.0.0.9" }),
        (Method::Post, "clusters" | "roles") => json!({ "name": "other" }),
        (Method::Post, "calendars") => json!({ "name": "other", "timezone": "UTC" }),
        (Method::Post, "load_balancers") => json!({ "name": "other", "endpoints": ["tcp://10.0.0.5:9999"] }),
        _ => json!({}),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_lets_in_whom_it_should() {
    let world = Box::pin(peopled()).await;
    let service = &world.service;
    // The first token is dana's: nobody's own but hers.
    service.calling_as("dana").await;
    let mut callers: Vec<Caller> = Vec::new();
    for (_, login) in ROLES.into_iter().skip(1) {
        service.as_user(login).await;
        callers.push(service.calling_as(login).await);
    }
    let [from, to] = &world.commits;
    let mut rows = Vec::new();
    for route in api::routes() {
        let path = route.uri.path();
        // The ways to a token, and what never ends.
        if path.starts_with("/auth/") || path.ends_with("/events") {
            continue;
        }
        let id = match path.split('/').nth(1) {
            Some("requests") => world.awaiting,
            Some("deployments") => world.deployment,
            _ => 1,
        };
        let named = match path.split('/').nth(1) {
            Some("servers") => "web-1",
            Some("roles") => "developers",
            _ => "web",
        };
        let address = path
            .replace("<id>", &id.to_string())
            .replace("<server>", "web-1")
            .replace("<person>", "dana")
            .replace("<provider>", "proxy")
            .replace("<subject>", "zed")
            .replace("<name>", named)
            .replace("<application>", "shop")
            .replace("<environment>", "production");
        let query = match path {
            "/access" => "?person=dana",
            path if path.ends_with("/diff") => &format!("?from={from}&to={to}"),
            path if path.ends_with("/preview") && route.method == Method::Get => "?release=v1.1",
            _ => "",
        };
        let sent =
            if route.method == Method::Get { String::new() } else { body(route.method, path).to_string() };
        let mut answers = vec!["401"];
        for caller in &callers {
            let bearer = format!("Bearer {}", caller.token);
            // Of no version that is there, so that nothing goes that the next row needs.
            let headers = [
                ("authorization", bearer.as_str()),
                ("content-type", "application/json"),
                ("if-match", "\"none\""),
            ];
            let address = format!("/api/v1{address}{query}");
            let page = world.ada.raw(route.method.as_str(), &address, &headers, &sent).await.unwrap();
            answers.push(word(page.status));
        }
        rows.push((format!("{} {path}", route.method), answers));
    }
    insta::assert_snapshot!(table(&rows));
}
