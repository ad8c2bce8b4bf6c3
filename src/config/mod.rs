//! `config.json` as exact types. `load` reads it; everything else sees only these.
//!
//! The file is a promise to operators, so every key that the documentation names
//! is read and checked strictly, also where this version does not act on it yet.

mod layers;
mod load;
mod sections;
mod values;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use crate::domain::name::Name;

pub use crate::domain::document::Problem;
pub use load::{KeyPaths, Loaded, environment, key_paths, keys, load};

#[derive(Debug, Clone)]
pub struct Config {
    pub addr: SocketAddr,
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
    pub retention: RetentionConfig,
    pub log: LogConfig,
    pub metrics: MetricsConfig,
    pub drift: DriftConfig,
    pub graphite: Option<GraphiteConfig>,
    pub webhooks: Vec<WebhookConfig>,
    pub commands: Vec<CommandConfig>,
    pub inventory: Option<InventoryConfig>,
    pub session_verifier: Option<SessionVerifierConfig>,
    pub trusted_proxy: Option<TrustedProxyConfig>,
    pub cors: CorsConfig,
    /// An IANA name; times in mails are shown in it when no calendar has one.
    pub timezone: String,
    pub anonymous_role: Option<Name>,
}

#[derive(Debug, Clone)]
pub struct GitHubConfig {
    pub client_id: String,
    pub client_secret: SecretString,
    pub organisation: String,
    pub web_url: Url,
    pub api_url: Url,
    /// Reports deployments back to GitHub as commit statuses.
    pub status_token: Option<SecretString>,
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
    /// Whether sandboxed scripts see the host's network, loopback included (rules.md 26).
    pub sandbox_network: bool,
    /// Further folders that sandboxed scripts see, such as build caches.
    pub sandbox_paths: Vec<PathBuf>,
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
pub struct RetentionConfig {
    /// How long the output of a deployment is kept; its record stays for ever.
    pub output_days: u32,
    /// How long a mirror that no application uses is kept.
    pub mirror_days: u32,
}

#[derive(Debug, Clone)]
pub struct LogConfig {
    pub json: bool,
    pub to: Vec<LogTarget>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTarget {
    Stdout,
    Syslog,
    Journald,
}

#[derive(Debug, Clone, Default)]
pub struct MetricsConfig {
    /// Addresses that may see the details of `/health` (rules.md 43).
    pub addresses: Vec<IpAddr>,
}

#[derive(Debug, Clone)]
pub struct DriftConfig {
    pub interval_s: u32,
    pub grace_minutes: u32,
}

#[derive(Debug, Clone)]
pub struct GraphiteConfig {
    /// `host:port`.
    pub address: String,
    pub prefix: String,
}

#[derive(Debug, Clone)]
pub struct WebhookConfig {
    pub url: Url,
    pub secret: SecretString,
    /// Kinds of events; empty means all.
    pub events: Vec<String>,
}

/// A program of the operator's, which the fleet and the API only name (rules.md 28).
#[derive(Debug, Clone)]
pub struct CommandConfig {
    pub name: Name,
    pub argv: Vec<String>,
    /// Kinds of events it is told of; empty for a command that only runs when named.
    pub events: Vec<String>,
    pub timeout_s: u32,
}

/// Where an answer is got from.
#[derive(Debug, Clone)]
pub enum Source {
    Url(Url),
    Argv(Vec<String>),
}

#[derive(Debug, Clone)]
pub struct InventoryConfig {
    pub source: Source,
    pub interval_s: u32,
}

#[derive(Debug, Clone)]
pub struct SessionVerifierConfig {
    pub source: Source,
    /// The cookie whose value is the external session id.
    pub cookie: Option<String>,
}

#[derive(Debug, Clone)]
pub struct TrustedProxyConfig {
    pub addresses: Vec<AddressRange>,
    /// The header that holds the person's name; `None` where it signs nobody in.
    pub header: Option<String>,
}

impl TrustedProxyConfig {
    pub fn is(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|range| range.holds(address))
    }
}

/// One address, or all that begin with the same bits: `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    address: IpAddr,
    bits: u8,
}

impl AddressRange {
    /// `None` where there are more bits than the address has.
    pub fn new(address: IpAddr, bits: Option<u8>) -> Option<Self> {
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        (bits <= all).then_some(Self { address, bits })
    }

    pub fn holds(&self, address: IpAddr) -> bool {
        let differ = match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                u128::from((own.to_bits() ^ other.to_bits()).leading_zeros())
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                u128::from((own.to_bits() ^ other.to_bits()).leading_zeros())
            }
            _ => return false,
        };
        differ >= u128::from(self.bits)
    }

    /// Whether an address of this machine alone is among them.
    pub fn is_loopback(&self) -> bool {
        let own: [IpAddr; 2] = [std::net::Ipv4Addr::LOCALHOST.into(), std::net::Ipv6Addr::LOCALHOST.into()];
        self.address.is_loopback() || own.into_iter().any(|address| self.holds(address))
    }
}

#[derive(Debug, Clone, Default)]
pub struct CorsConfig {
    /// Origins whose pages may call the API: `https://host[:port]`.
    pub origins: Vec<String>,
}
