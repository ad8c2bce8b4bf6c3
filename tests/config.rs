//! `config.json`: its layers, its strictness, and that its documentation is complete.

use std::collections::BTreeSet;
use std::path::Path;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::config::{self, Loaded, LogTarget, Problem, Sandbox};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn load_text(&self, text: &str, env: &[(&str, &str)]) -> Result<Loaded, Vec<Problem>> {
        let path = self.0.path().join("config.json");
        std::fs::write(&path, text).unwrap();
        config::load(&path, env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn load(&self, value: &Value, env: &[(&str, &str)]) -> Result<Loaded, Vec<Problem>> {
        self.load_text(&value.to_string(), env)
    }
}

fn smallest() -> Value {
    json!({
        "base_url": "https://deploy.example.com",
        "github": { "client_id": "id", "client_secret": "hush", "organisation": "acme" },
        "mail": { "smtp": "smtp://localhost:25", "from": "deploy@example.com" }
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut config = smallest();
    config[key] = value;
    config
}

fn lines(result: Result<Loaded, Vec<Problem>>) -> Vec<String> {
    result.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_is_a_configuration_without_a_warning() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.json");
    let loaded = config::load(&path, std::iter::empty()).unwrap();
    assert_eq!(loaded.config.github.organisation, "acme");
    assert_eq!(loaded.warnings, []);
}

#[test]
fn what_is_left_out_has_its_default() {
    let folder = Folder::new();
    let config = folder.load(&smallest(), &[]).unwrap().config;
    assert_eq!(config.addr.to_string(), "127.0.0.1:8080");
    assert_eq!(config.auth_key, folder.0.path().join("keys/auth.key"));
    let database = format!("sqlite:{}", folder.0.path().join("data/countersign.db").display());
    assert_eq!(config.database.expose_secret(), database);
    assert_eq!(config.github.api_url.as_str(), "https://api.github.com/");
    assert_eq!((config.runner.deployments, config.runner.hosts), (5, 20));
    assert_eq!(config.runner.sandbox, Sandbox::Bubblewrap);
    assert_eq!(config.log.to, [LogTarget::Stdout]);
    assert_eq!(config.timezone, "UTC");
    assert!(config.graphite.is_none() && config.trusted_proxy.is_none());
}

#[test]
fn relative_paths_start_at_the_file() {
    let folder = Folder::new();
    let mut value = with("data_dir", json!("var"));
    value["database"] = json!("sqlite:db/x.db");
    value["enc_key"] = json!("/etc/countersign/enc.key");
    let config = folder.load(&value, &[]).unwrap().config;
    assert_eq!(config.data_dir, folder.0.path().join("var"));
    assert_eq!(config.enc_key, Path::new("/etc/countersign/enc.key"));
    let database = format!("sqlite:{}", folder.0.path().join("db/x.db").display());
    assert_eq!(config.database.expose_secret(), database);
}

#[test]
fn the_environment_lies_over_the_file() {
    let env = [
        ("COUNTERSIGN_ADDR", "0.0.0.0:9000"),
        ("COUNTERSIGN_RUNNER__HOSTS", "50"),
        ("countersign_mail__always_notify", r#"["ops@example.com"]"#),
        ("COUNTERSIGN_GRAPHITE", r#"{"address": "stats:2003", "prefix": "a"}"#),
        ("COUNTERSIGN_GRAPHITE__PREFIX", "12"),
        ("PATH", "/bin"),
    ];
    let config = Folder::new().load(&with("addr", json!("127.0.0.1:1")), &env).unwrap().config;
    assert_eq!(config.addr.to_string(), "0.0.0.0:9000");
    assert_eq!(config.runner.hosts, 50);
    assert_eq!(config.mail.always_notify, ["ops@example.com"]);
    let graphite = config.graphite.unwrap();
    assert_eq!(graphite.prefix, "12", "text stays text even when it looks like a number");
    assert_eq!(graphite.address, "stats:2003");
}

#[test]
fn a_variable_without_a_key_is_an_error_that_names_it() {
    let env = [("COUNTERSIGN_MAIL__SMPT", "smtp://x"), ("COUNTERSIGN_RUNNER__HOSTS", "many")];
    assert_eq!(
        lines(Folder::new().load(&smallest(), &env)),
        [
            "COUNTERSIGN_MAIL__SMPT: is not a known variable: there is no such key",
            "runner.hosts: must be a whole number (from COUNTERSIGN_RUNNER__HOSTS)",
        ]
    );
}

#[test]
fn two_variables_for_one_key_are_refused() {
    let env = [("COUNTERSIGN_ADDR", "0.0.0.0:1"), ("countersign_addr", "0.0.0.0:2")];
    let problems = lines(Folder::new().load(&smallest(), &env));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("addr: is set by both COUNTERSIGN_ADDR and countersign_addr"));
}

#[test]
fn values_come_from_files_and_variables() {
    let folder = Folder::new();
    std::fs::write(folder.0.path().join("secret"), "s3cret\n").unwrap();
    let mut value = smallest();
    value["github"]["client_secret"] = json!("file:secret");
    value["github"]["client_id"] = json!("env:OAUTH_ID");
    value["mail"]["always_notify"] = json!(["env:OPS"]);
    value["runner"] = json!({ "hosts": "env:HOSTS" });
    let env = [("OAUTH_ID", "abc"), ("OPS", "ops@example.com"), ("HOSTS", "7")];
    let config = folder.load(&value, &env).unwrap().config;
    assert_eq!(config.github.client_secret.expose_secret(), "s3cret");
    assert_eq!(config.github.client_id, "abc");
    assert_eq!(config.mail.always_notify, ["ops@example.com"]);
    assert_eq!(config.runner.hosts, 7);
}

#[test]
fn what_a_value_points_to_must_be_there() {
    let folder = Folder::new();
    let mut value = smallest();
    value["github"]["client_secret"] = json!("file:gone");
    value["mail"]["smtp"] = json!("env:SMTP");
    let gone = folder.0.path().join("gone");
    assert_eq!(
        lines(folder.load(&value, &[])),
        [
            format!(
                "github.client_secret: {} cannot be read: No such file or directory (os error 2)",
                gone.display()
            ),
            "mail.smtp: the variable SMTP is not set".to_owned(),
        ]
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let value = json!({
        "adr": "x",
        "addr": "localhost",
        "base_url": "https://deploy.example.com/path",
        "database": "oracle://x",
        "github": { "client_id": 1, "organisation": "-x" },
        "mail": { "smtp": "http://x", "from": "nobody", "always_notify": ["a@b", "a@b", 3] },
        "runner": { "hosts": 0, "deployments": 1.5, "sandbox": "user:ROOT", "sandbox_paths": ["a"] },
        "log": "json",
        "webhooks": [ { "url": "ftp://x", "secret": "s" }, 1 ],
        "commands": [ { "name": "x", "argv": [] }, { "name": "x", "argv": ["y"] } ],
        "inventory": { "url": "https://x", "argv": ["y"] },
        "timezone": "Mars/Olympus",
        "metrics": { "addresses": ["10.0.0.0/8"] }
    });
    let paths: Vec<String> =
        Folder::new().load(&value, &[]).unwrap_err().into_iter().map(|problem| problem.path).collect();
    assert_eq!(
        paths,
        [
            "addr",
            "base_url",
            "database",
            "github.client_id",
            "github.client_secret",
            "github.organisation",
            "mail.smtp",
            "mail.from",
            "mail.always_notify[1]",
            "mail.always_notify[2]",
            "runner.deployments",
            "runner.hosts",
            "runner.sandbox",
            "runner.sandbox_paths[0]",
            "log",
            "metrics.addresses[0]",
            "webhooks[0].url",
            "webhooks[1]",
            "commands[0].argv",
            "commands[1].name",
            "inventory",
            "timezone",
            "adr",
        ]
    );
}

#[test]
fn bounds_and_missing_keys_are_said_in_words() {
    let mut value = with("runner", json!({ "hosts": 1001 }));
    value["mail"].as_object_mut().unwrap().remove("smtp");
    value["mail"]["smpt"] = json!("x");
    assert_eq!(
        lines(Folder::new().load(&value, &[])),
        ["mail.smtp: is missing", "mail.smpt: is not a known key", "runner.hosts: must be 1 to 1000",]
    );
}

#[test]
fn no_problem_repeats_a_secret() {
    let mut value = smallest();
    value["mail"]["smtp"] = json!("smtp//user:hunter2@host");
    value["database"] = json!("postgres:user:hunter2@host");
    value["github"]["client_secret"] = json!("hunter2\n");
    let problems = lines(Folder::new().load(&value, &[]));
    assert_eq!(problems.len(), 3);
    assert!(!problems.concat().contains("hunter2"));
}

#[test]
fn a_slip_in_the_json_is_shown_by_line_and_column() {
    let problems = lines(Folder::new().load_text("{\n  \"addr\": \"x\",\n}", &[]));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("line 3 column 1"), "{}", problems[0]);
}

#[test]
fn http_is_warned_about_unless_it_stays_on_this_machine() {
    let folder = Folder::new();
    for (url, warned) in [
        ("http://localhost:8080", false),
        ("http://127.0.0.1:8080", false),
        ("http://[::1]:8080", false),
        ("https://deploy.example.com", false),
        ("http://deploy.example.com", true),
        ("http://localhost.example.com", true),
    ] {
        let loaded = folder.load(&with("base_url", json!(url)), &[]).unwrap();
        let paths: Vec<_> = loaded.warnings.iter().map(|warning| warning.path.as_str()).collect();
        assert_eq!(paths.contains(&"base_url"), warned, "{url}");
    }
}

#[test]
fn scripts_that_reach_loopback_and_a_proxy_there_exclude_each_other() {
    let mut value = with("runner", json!({ "sandbox_network": "on" }));
    value["trusted_proxy"] = json!({ "addresses": ["10.0.0.1"], "header": "X-User" });
    let folder = Folder::new();
    assert_eq!(folder.load(&value, &[]).unwrap().warnings[0].path, "runner.sandbox_network");
    value["trusted_proxy"]["addresses"] = json!(["::ffff:127.0.0.1"]);
    assert_eq!(folder.load(&value, &[]).unwrap_err()[0].path, "runner.sandbox_network");
}

#[test]
fn secrets_do_not_show_in_debug() {
    let mut value = smallest();
    value["mail"]["smtp"] = json!("smtps://user:hunter2@host");
    value["database"] = json!("postgres://user:hunter2@host/db");
    value["github"]["client_secret"] = json!("hunter2");
    value["github"]["status_token"] = json!("hunter2");
    value["webhooks"] = json!([{ "url": "https://x", "secret": "hunter2" }]);
    let config = Folder::new().load(&value, &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn every_key_is_documented_and_every_documented_key_exists() {
    let known: BTreeSet<String> = config::keys().into_keys().collect();
    assert_eq!(documented_keys("docs/configuration.md"), known);
}

/// The first column of every table of a page, where it holds a key.
pub(crate) fn documented_keys(page: &str) -> BTreeSet<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let key = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    page.lines().filter_map(key).collect()
}
