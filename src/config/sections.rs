//! Which keys each part of `config.json` has, their defaults and bounds.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::load::KeyPaths;
use super::{
    AddressRange, CommandConfig, Config, CorsConfig, DriftConfig, GitHubConfig, GraphiteConfig,
    InventoryConfig, LimitsConfig, LogConfig, LogTarget, MailConfig, MetricsConfig, RetentionConfig,
    RunnerConfig, Sandbox, SessionVerifierConfig, Source, SshConfig, TrustedProxyConfig, WebhookConfig,
    values,
};
use crate::domain::document::{Reader, one_of};
use crate::domain::fleet::checks;
use crate::domain::name::Name;

/// Reads the whole configuration; `folder` is what relative paths are relative to.
pub fn config(r: &mut Reader<'_>, folder: &Path) -> Option<Config> {
    let addr = r.text_or("addr", ([127, 0, 0, 1], 8080).into(), values::listen_address);
    let base_url = r.required("base_url", values::origin_url);
    let auth_key = path(r, "auth_key", folder, "keys/auth.key");
    let enc_key = path(r, "enc_key", folder, "keys/enc.key");
    let data_dir = path(r, "data_dir", folder, "data");
    let in_data_dir = format!("sqlite:{}", data_dir.join("countersign.db").display()).into();
    let database = r.text_or("database", in_data_dir, |text| values::database(folder, text));
    r.must_have("github");
    let github = r.object("github", github);
    r.must_have("mail");
    let mail = r.object("mail", mail);
    let ssh = r.section("ssh", |r| ssh(r, folder));
    let runner = r.section("runner", runner);
    let limits = r.section("limits", limits);
    let retention = r.section("retention", retention);
    let log = r.section("log", log);
    let metrics = r.section("metrics", metrics);
    let drift = r.section("drift", drift);
    let graphite = r.object("graphite", graphite);
    let webhooks = r.objects("webhooks", webhook);
    let commands = commands(r);
    let inventory = r.object("inventory", inventory);
    let session_verifier = r.object("session_verifier", session_verifier);
    let trusted_proxy = r.object("trusted_proxy", |r| Some(trusted_proxy(r)));
    let cors = r.section("cors", |r| CorsConfig { origins: r.set("origins", values::origin) });
    let timezone = r.text_or("timezone", "UTC".to_owned(), checks::timezone);
    let anonymous_role = r.optional("anonymous_role", Name::parse);
    refuse_open_loopback(r, &runner, trusted_proxy.as_ref());
    Some(Config {
        addr,
        base_url: base_url?,
        auth_key,
        enc_key,
        data_dir,
        database,
        github: github?,
        mail: mail?,
        ssh,
        runner,
        limits,
        retention,
        log,
        metrics,
        drift,
        graphite,
        webhooks,
        commands,
        inventory,
        session_verifier,
        trusted_proxy,
        cors,
        timezone,
        anonymous_role,
    })
}

/// The part of a configuration that `key_paths` reads, and nothing else of it.
pub fn only_key_paths(document: &Value) -> Value {
    let mut part = serde_json::Map::new();
    for key in ["auth_key", "enc_key"] {
        part.extend(document.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    if let Some(identity) = document.get("ssh").and_then(|ssh| ssh.get("identity")) {
        part.insert("ssh".to_owned(), json!({ "identity": identity }));
    }
    Value::Object(part)
}

pub fn key_paths(r: &mut Reader<'_>, folder: &Path) -> KeyPaths {
    KeyPaths {
        auth: path(r, "auth_key", folder, "keys/auth.key"),
        enc: path(r, "enc_key", folder, "keys/enc.key"),
        identity: r.section("ssh", |r| path(r, "identity", folder, "keys/id_ed25519")),
    }
}

fn path(r: &mut Reader<'_>, key: &'static str, folder: &Path, default: &str) -> PathBuf {
    r.text_or(key, folder.join(default), |text| values::path(folder, text))
}

fn github(r: &mut Reader<'_>) -> Option<GitHubConfig> {
    let client_id = r.required("client_id", values::line);
    let client_secret = r.required("client_secret", values::secret);
    let organisation = r.required("organisation", values::organisation);
    let web_url = r.optional("web_url", values::root_url);
    let api_url = r.optional("api_url", values::root_url);
    let status_token = r.optional("status_token", values::secret);
    Some(GitHubConfig {
        client_id: client_id?,
        client_secret: client_secret?,
        organisation: organisation?,
        web_url: web_url.or_else(|| values::root_url("https://github.com").ok())?,
        api_url: api_url.or_else(|| values::root_url("https://api.github.com").ok())?,
        status_token,
    })
}

fn mail(r: &mut Reader<'_>) -> Option<MailConfig> {
    let smtp = r.required("smtp", values::smtp);
    let from = r.required("from", checks::mailbox);
    let always_notify = r.set("always_notify", checks::mail_address);
    Some(MailConfig { smtp: smtp?, from: from?, always_notify })
}

fn ssh(r: &mut Reader<'_>, folder: &Path) -> SshConfig {
    SshConfig {
        identity: path(r, "identity", folder, "keys/id_ed25519"),
        connect_timeout_s: r.number("connect_timeout_s", 1..=600, 10),
    }
}

fn runner(r: &mut Reader<'_>) -> RunnerConfig {
    let network = |text: &str| one_of(text, &[("off", false), ("on", true)]);
    RunnerConfig {
        deployments: r.number("deployments", 1..=1_000, 5),
        hosts: r.number("hosts", 1..=1_000, 20),
        sandbox: r.text_or("sandbox", Sandbox::Bubblewrap, values::sandbox),
        sandbox_network: r.text_or("sandbox_network", false, network),
        sandbox_paths: r.set("sandbox_paths", values::absolute_path),
        shutdown_grace_s: r.number("shutdown_grace_s", 0..=3_600, 60),
    }
}

fn limits(r: &mut Reader<'_>) -> LimitsConfig {
    LimitsConfig {
        disk_free_mb: r.number("disk_free_mb", 0..=1_000_000_000, 500),
        output_mb: r.number("output_mb", 1..=100_000, 200),
    }
}

fn retention(r: &mut Reader<'_>) -> RetentionConfig {
    RetentionConfig {
        output_days: r.number("output_days", 1..=36_500, 90),
        mirror_days: r.number("mirror_days", 1..=36_500, 30),
    }
}

fn log(r: &mut Reader<'_>) -> LogConfig {
    let json = r.text_or("format", false, |text| one_of(text, &[("text", false), ("json", true)]));
    let targets =
        [("stdout", LogTarget::Stdout), ("syslog", LogTarget::Syslog), ("journald", LogTarget::Journald)];
    let named = r.raw("to").is_some();
    let to = r.set("to", |text| one_of(text, &targets));
    LogConfig { json, to: if named { to } else { vec![LogTarget::Stdout] } }
}

fn metrics(r: &mut Reader<'_>) -> MetricsConfig {
    MetricsConfig { addresses: r.set("addresses", values::ip_address) }
}

fn drift(r: &mut Reader<'_>) -> DriftConfig {
    DriftConfig {
        interval_s: r.number("interval_s", 10..=86_400, 300),
        grace_minutes: r.number("grace_minutes", 0..=10_080, 30),
    }
}

fn graphite(r: &mut Reader<'_>) -> Option<GraphiteConfig> {
    let address = r.required("address", checks::host_and_port);
    let prefix = r.text_or("prefix", "countersign".to_owned(), values::metric_prefix);
    Some(GraphiteConfig { address: address?, prefix })
}

fn webhook(r: &mut Reader<'_>) -> Option<WebhookConfig> {
    let url = r.required("url", values::http_url);
    let secret = r.required("secret", values::secret);
    let events = r.set("events", values::event);
    Some(WebhookConfig { url: url?, secret: secret?, events })
}

fn commands(r: &mut Reader<'_>) -> Vec<CommandConfig> {
    let mut names: Vec<Name> = Vec::new();
    r.objects("commands", |r| {
        let name = r.required("name", |text| match Name::parse(text) {
            Ok(name) if names.contains(&name) => Err("is already the name of a command".to_owned()),
            Ok(name) => Ok(name),
            Err(error) => Err(error.to_string()),
        });
        names.extend(name.clone());
        r.must_have("argv");
        let argv = argv(r);
        let events = r.set("events", values::event);
        let timeout_s = r.number("timeout_s", 1..=86_400, 300);
        Some(CommandConfig { name: name?, argv: argv?, events, timeout_s })
    })
}

fn argv(r: &mut Reader<'_>) -> Option<Vec<String>> {
    let argv = r.texts("argv", checks::argument)?;
    if argv.first().is_none_or(String::is_empty) {
        r.problem("argv", "must begin with a program");
    }
    Some(argv)
}

fn source(r: &mut Reader<'_>) -> Option<Source> {
    let url = r.optional("url", values::http_url);
    let argv = argv(r);
    if r.raw("url").is_some() == r.raw("argv").is_some() {
        r.problem("", "must have either url or argv");
    }
    url.map(Source::Url).or(argv.map(Source::Argv))
}

fn inventory(r: &mut Reader<'_>) -> Option<InventoryConfig> {
    let source = source(r);
    let interval_s = r.number("interval_s", 10..=604_800, 3_600);
    Some(InventoryConfig { source: source?, interval_s })
}

fn session_verifier(r: &mut Reader<'_>) -> Option<SessionVerifierConfig> {
    let source = source(r);
    let cookie = r.optional("cookie", values::token);
    Some(SessionVerifierConfig { source: source?, cookie })
}

fn trusted_proxy(r: &mut Reader<'_>) -> TrustedProxyConfig {
    r.must_have("addresses");
    let addresses = r.set("addresses", values::address_range);
    let header = r.optional("header", values::token);
    TrustedProxyConfig { addresses, header }
}

/// A script that reaches loopback could speak as a proxy that lives there (rules.md 26).
fn refuse_open_loopback(r: &mut Reader<'_>, runner: &RunnerConfig, proxy: Option<&TrustedProxyConfig>) {
    let local = proxy.is_some_and(|proxy| proxy.addresses.iter().any(AddressRange::is_loopback));
    if runner.sandbox_network && local {
        r.problem(
            "runner.sandbox_network",
            "must be \"off\" while trusted_proxy.addresses holds an address of this machine",
        );
    }
}
