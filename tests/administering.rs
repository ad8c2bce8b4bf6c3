//! The fleet, administered by page and API: each story over HTTP against the whole
//! service.

mod api;
mod kept;
mod lasting;
mod names;
mod pages;
mod removal;
mod renames;
mod scan;
mod secrets;
mod versions;

use serde_json::{Value, json};

use crate::tests::harness::api::{Caller, Reply};

impl Caller {
    async fn put(&self, path: &str, object: &Value) -> Reply {
        self.send("PUT", path, &[("content-type", "application/json")], &object.to_string()).await
    }

    /// Only if it is still of this version.
    async fn put_if(&self, etag: &str, path: &str, object: &Value) -> Reply {
        let headers = [("content-type", "application/json"), ("if-match", etag)];
        self.send("PUT", path, &headers, &object.to_string()).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], "").await
    }
}

fn calendar(name: &str) -> Value {
    json!({ "name": name, "timezone": "UTC", "weekly": [{ "days": ["mon"], "from": "08:00", "to": "18:00" }] })
}

fn environment(name: &str) -> Value {
    json!({
        "name": name, "deploy_from": { "tags": "v*" }, "target_path": format!("/srv/{name}/shop"),
        "remote_user": "deploy",
    })
}
