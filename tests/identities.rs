//! Who somebody is, by whatever way they come in, and what that lets them do.

mod acting;
mod anonymous;
mod bounds;
mod elsewhere;
mod limits;
mod linking;
mod names;
mod passwords;
mod people;
mod proxy;
mod reach;
mod roles;
mod tokens;
mod ways;

use secrecy::SecretString;
use serde_json::{Value, json};

use crate::app::add_person::{Wanted, add_person};
use crate::domain::name::Name;
use crate::tests::harness::Service;
use crate::tests::harness::api::Reply;
use crate::tests::support::browser::{Browser, Page};

const PASSWORD: &str = "correct horse battery";

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

impl Service {
    async fn with_password(&self, who: &str, role: Option<&str>) {
        let (who, role) = (name(who), role.map(name));
        let password = Some(SecretString::from(PASSWORD));
        let wanted = Wanted { name: &who, role: role.as_ref(), password, mail: None };
        add_person(&self.app, "a test", wanted).await.unwrap();
    }

    /// Through the form of the login page.
    async fn types(&self, browser: &Browser, name: &str, password: &str) -> Page {
        let page = browser.get("/login?return_to=/requests").await.unwrap();
        browser
            .submit(&page, "Sign in with password", &[("name", name), ("password", password)])
            .await
            .unwrap()
    }

    /// Without a token: the doors.
    async fn knocks(&self, path: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json")];
        let path = format!("/api/v1{path}");
        Reply::of(self.browser().raw("POST", &path, &headers, &body.to_string()).await.unwrap())
    }

    async fn exchanges(&self, username: &str, password: &str) -> Reply {
        self.knocks("/auth/token", &json!({ "username": username, "password": password })).await
    }

    /// What the record says, newest first: `who did what to whom`.
    pub async fn record(&self) -> Vec<String> {
        let lines =
            crate::db::audit::list(&self.app.db, &crate::db::audit::Wanted::default(), 50).await.unwrap();
        lines.into_iter().map(|line| format!("{} {} {}", line.actor, line.action, line.subject)).collect()
    }
}
