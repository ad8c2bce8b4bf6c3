//! Programs that call the API: over real HTTP, with a token and nothing else.

use serde_json::Value;

use super::Service;
use crate::app::add_person::{self, add_person};
use crate::app::tokens;
use crate::domain::name::Name;
use crate::tests::support::browser::{Browser, Page};
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;

pub struct Caller {
    browser: Browser,
    pub token: String,
}

/// What came back, and its body as JSON.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
    pub page: Page,
}

impl Service {
    /// A program that acts for somebody, who is added where nobody has that name yet.
    pub async fn calling_as(&self, user: &str) -> Caller {
        let name = Name::parse(user).unwrap();
        let wanted = add_person::Wanted { name: &name, role: None, password: None, mail: None };
        add_person(&self.app, "a test", wanted).await.unwrap();
        let lasts_for = Some(SignedDuration::from_hours(24 * 90));
        let wanted = tokens::Wanted { user: &name, name: "a test", lasts_for, scope: None, made_by: None };
        let (_, secret) = tokens::create(&self.app, "a test", wanted).await.unwrap();
        self.calling_with(secret.expose_secret())
    }

    pub fn calling_with(&self, token: &str) -> Caller {
        Caller { browser: self.browser(), token: token.to_owned() }
    }

    /// The number of a token, by its secret.
    pub async fn number_of(&self, caller: &Caller) -> i64 {
        tokens::find(&self.app, &caller.token).await.unwrap().expect("a token that works").token.id
    }
}

impl Caller {
    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[("content-type", "application/json")], &body.to_string()).await
    }

    /// The same under an `Idempotency-Key`.
    pub async fn post_once(&self, key: &str, path: &str, body: &str) -> Reply {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.send("POST", path, &headers, body).await
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let mut sent = vec![("authorization", bearer.as_str())];
        sent.extend(headers);
        Reply::of(self.browser.raw(method, &format!("/api/v1{path}"), &sent, body).await.unwrap())
    }
}

/// The keys of an object, in their order.
#[track_caller]
pub fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

impl Reply {
    pub fn of(page: Page) -> Self {
        let body = serde_json::from_str(&page.html).unwrap_or(Value::Null);
        Self { status: page.status, body, page }
    }

    /// The problem's code, once everything that a problem has is there.
    #[track_caller]
    pub fn problem(&self, status: u16) -> &str {
        let body = &self.body;
        assert_eq!(self.status, status, "{}", self.page.html);
        assert_eq!(self.page.header("content-type"), "application/problem+json", "{body}");
        let expected = ["type", "title", "status", "detail", "code", "gates", "errors", "request_id"];
        assert_eq!(keys(body), expected, "{body}");
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(body["request_id"], self.page.header("x-request-id"), "{body}");
        assert!(!body["detail"].as_str().unwrap().is_empty(), "{body}");
        body["code"].as_str().unwrap()
    }

    /// The fields that are wrong.
    #[track_caller]
    pub fn wrong_fields(&self) -> Vec<&str> {
        assert_eq!(self.problem(422), "invalid");
        let errors = self.body["errors"].as_array().unwrap();
        errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
    }

    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.page.html);
        assert_eq!(self.page.header("content-type"), "application/json", "{}", self.page.html);
        assert_eq!(self.page.header("cache-control"), "no-store");
        self.body
    }
}
