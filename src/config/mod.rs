//! `config.json` as exact types. `load` reads it; everything else sees only these.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

#[derive(Debug, Clone)]
pub struct Config {
    pub addr: std::net::SocketAddr,
    /// What people type; links in mails start with it. No path, query or fragment.
    pub base_url: Url,
    pub auth_key: PathBuf,
    pub enc_key: PathBuf,
    pub data_dir: PathBuf,
    /// `sqlite:PATH` (made absolute), `postgres://…` or `mysql://…`.
    pub database: SecretString,
    pub github: GitHubConfig,
    pub mail: MailConfig,
    pub ssh: SshConfig,
    pub runner: RunnerConfig,
    pub limits: LimitsConfig,
    pub log: LogConfig,
    pub metrics: MetricsConfig,
    /// An IANA name; times in mails are shown in it when no calendar has one.
    pub timezone: String,
    pub anonymous_role: Option<crate::domain::name::Name>,
}

#[derive(Debug, Clone)]
pub struct GitHubConfig {
    pub client_id: String,
    pub client_secret: SecretString,
    pub organisation: String,
    pub web_url: Url,
    pub api_url: Url,
}

#[derive(Debug, Clone)]
pub struct MailConfig {
    /// `smtp://host:port`, `smtps://user:password@host`, `smtp+starttls://…`.
    pub smtp: SecretString,
    pub from: String,
    pub always_notify: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct SshConfig {
    pub identity: PathBuf,
    pub connect_timeout_s: u32,
}

#[derive(Debug, Clone)]
pub struct RunnerConfig {
    pub deployments: u32,
    pub hosts: u32,
    pub sandbox: Sandbox,
    /// How long running deployments get after SIGTERM, in seconds (rules.md 23).
    pub shutdown_grace_s: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sandbox {
    Bubblewrap,
    User(String),
    None,
}

#[derive(Debug, Clone)]
pub struct LimitsConfig {
    pub disk_free_mb: u64,
    /// Output of one deployment that is kept (rules.md 54).
    pub output_mb: u64,
}

#[derive(Debug, Clone)]
pub struct LogConfig {
    pub json: bool,
}

#[derive(Debug, Clone, Default)]
pub struct MetricsConfig {
    /// Addresses that may see the details of `/health` (rules.md 43).
    pub addresses: Vec<std::net::IpAddr>,
}
