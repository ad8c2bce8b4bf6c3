//! The seal: the canonical record of what was reviewed (rules.md 8). Its SHA-256
//! is the fingerprint that every page, mail and decision carries.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fleet::{Environment, Fleet, HealthCheck};
use super::manifest::hex;
use super::name::{CommitId, Name, TagName};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    pub application: Name,
    pub environment: Name,
    /// `None`: the first release, from the empty tree.
    pub from: Option<CommitId>,
    pub to: CommitId,
    /// `None` in a branch environment.
    pub tag: Option<TagName>,
    /// `None` for a lightweight tag.
    pub tag_object: Option<CommitId>,
    pub patch_sha256: String,
    /// SHA-256 of the sorted host set.
    pub hosts: String,
    /// SHA-256 of the deploy configuration.
    pub configuration: String,
}

impl Seal {
    /// Canonical JSON: keys sorted, no white space. Every value is a string or null.
    pub fn canonical(&self) -> String {
        canonical(&json!({
            "application": self.application,
            "environment": self.environment,
            "from": self.from,
            "to": self.to,
            "tag": self.tag,
            "tag_object": self.tag_object,
            "patch_sha256": self.patch_sha256,
            "hosts": self.hosts,
            "configuration": self.configuration,
        }))
    }

    /// 64 lower-case hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        sha256(&self.canonical())
    }
}

pub fn hosts_digest(fleet: &Fleet, environment: &Environment) -> String {
    digest(&host_list(fleet, environment))
}

pub fn configuration_digest(environment: &Environment) -> String {
    digest(&configuration(environment))
}

/// SHA-256 of the canonical form.
fn digest(value: &Value) -> String {
    sha256(&canonical(value))
}

/// Whether a server is active is not in it: that may change without a new review.
pub fn host_list(fleet: &Fleet, environment: &Environment) -> Value {
    let mut hosts: Vec<Value> = Vec::new();
    for cluster in fleet.clusters_of(environment) {
        for member in &cluster.servers {
            let Some(server) = fleet.server(&member.server) else { continue };
            hosts.push(json!([
                server.name,
                server.host,
                server.port,
                server.host_key,
                environment.remote_user,
                cluster.name,
                cluster.backend,
            ]));
        }
    }
    hosts.sort_by_key(canonical);
    Value::Array(hosts)
}

pub fn configuration(environment: &Environment) -> Value {
    let health = environment.health_check.as_ref().map(|check: &HealthCheck| {
        json!({ "command": check.command, "url": check.url, "attempts": check.attempts, "interval_s": check.interval_s })
    });
    json!({
        "path": environment.target_path,
        "layout": environment.layout,
        "sync": environment.sync,
        "options": environment.rsync_options,
        "method": environment.method,
        "command": environment.command,
        "scripts": ["predeploy.sh", "tests/run_local_tests.sh", "deploy.sh", "tests/run_tests.sh"],
        "fail_on_failed_tests": environment.fail_on_failed_tests,
        "artifact": environment.artifact,
        "strategy": environment.strategy,
        "batch": environment.batch,
        "health_check": health,
    })
}

/// Objects with their keys in byte order, whatever order the map type keeps.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let fields: Vec<String> = keys
                .into_iter()
                .map(|key| format!("{}:{}", Value::String(key.clone()), canonical(&map[key])))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        plain => plain.to_string(),
    }
}

fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}
