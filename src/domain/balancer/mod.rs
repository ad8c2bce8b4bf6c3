//! Servers as a load balancer sees them, and what is asked of it.
//!
//! Taking a server out goes in two steps. `drain` first: sessions that exist end by
//! themselves, new ones go elsewhere. When none is left, `maint`: a drained server
//! still gets the requests of clients that a cookie binds to it, and its checks still
//! run and would report a half-copied release. Putting it back is `ready`.
//!
//! Names of backends and servers become part of a command line in which `;` and a
//! line's end begin a new command. [`ProxyName`] cannot hold either, so that a command
//! made of one is safe by its type.

mod agree;
mod command;
mod csv;
mod decide;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::fleet::{self, checks};
use super::name::Name;
use super::words::words;

pub use agree::{Disagreement, Goal, PutBack, Reading, Seen, Unknown, agree, find, missing, not_followed};
pub use command::{FormAnswer, Level, Order, StatsForm, read_command, read_form_answer, reply_words};
pub use csv::{Misread, read_runtime, read_stats_page};
pub use decide::{Obstacle, TakeOut, are_serving, may_take_out};

/// What HAProxy calls a backend or a server: 1 to 120 of letters, digits, `.`, `_`,
/// `-` and `:`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProxyName(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what HAProxy calls a backend or a server {0}")]
pub struct ProxyNameError(String);

impl ProxyName {
    pub fn parse(text: &str) -> Result<Self, ProxyNameError> {
        checks::balancer_name(text).map(Self).map_err(ProxyNameError)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProxyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ProxyName {
    type Error = ProxyNameError;
    fn try_from(text: String) -> Result<Self, ProxyNameError> {
        Self::parse(&text)
    }
}

impl From<ProxyName> for String {
    fn from(name: ProxyName) -> String {
        name.0
    }
}

/// One server in one backend of one load balancer. Plans keep it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub balancer: Name,
    pub backend: ProxyName,
    pub backend_server: ProxyName,
    /// The fleet's name for it.
    pub server: Name,
}

impl Member {
    /// `None` for a cluster without a load balancer. Without `backend_server`, HAProxy
    /// calls the server by its name up to the first dot, in upper case (rules.md 21).
    pub fn of(cluster: &fleet::Cluster, member: &fleet::Member) -> Result<Option<Self>, ProxyNameError> {
        let (Some(balancer), Some(backend)) = (&cluster.load_balancer, &cluster.backend) else {
            return Ok(None);
        };
        let by_default = || {
            let first = member.server.as_str().split('.').next().unwrap_or_default();
            first.to_ascii_uppercase()
        };
        let backend_server = member.backend_server.clone().unwrap_or_else(by_default);
        Ok(Some(Self {
            balancer: balancer.clone(),
            backend: ProxyName::parse(backend)?,
            backend_server: ProxyName::parse(&backend_server)?,
            server: member.server.clone(),
        }))
    }
}

/// `web-1 (shop/WEB1 in edge)`.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{} in {})", self.server, self.backend, self.backend_server, self.balancer)
    }
}

/// What people and programs told the load balancer to do with a server, from most to
/// least traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admin {
    Ready,
    /// No new sessions, except of clients that are bound to it.
    Drain,
    /// No sessions and no checks.
    Maint,
}

words!(Admin { Ready => "ready", Drain => "draining", Maint => "in maintenance" });

/// What the load balancer's own checks say of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Up,
    /// It counts as up, but its last checks did not say so. HAProxy puts a server that
    /// comes out of maintenance into this state before it has checked it.
    Unproven,
    /// It has no checks.
    Unchecked,
    /// Its checks ask for no more sessions (`http-check disable-on-404`).
    Stopping,
    Down,
    /// In maintenance nothing is checked.
    Unknown,
}

words!(Health {
    Up => "up",
    Unproven => "not yet checked",
    Unchecked => "without checks",
    Stopping => "stopping",
    Down => "down",
    Unknown => "not checked in maintenance",
});

impl Health {
    /// Gets traffic when it is ready.
    pub fn serves(self) -> bool {
        matches!(self, Self::Up | Self::Unproven | Self::Unchecked)
    }

    /// Nothing better can be known: the checks pass, or there are none.
    pub fn is_certain(self) -> bool {
        matches!(self, Self::Up | Self::Unchecked)
    }
}

/// One server of one backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerState {
    pub backend: String,
    pub server: String,
    pub admin: Admin,
    pub up: Health,
    /// Open at this moment, over all endpoints of the load balancer.
    pub sessions: u64,
}

/// `ready, up, 3 sessions`.
impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.sessions == 1 { "" } else { "s" };
        match (self.admin, self.up) {
            (admin, Health::Unknown) => write!(f, "{admin}")?,
            (admin, health) => write!(f, "{admin}, {health}")?,
        }
        write!(f, ", {} session{plural}", self.sessions)
    }
}

/// What all endpoints of a load balancer agree on about one of our servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberState {
    pub member: Member,
    pub state: ServerState,
}

impl MemberState {
    /// In service, and known to work as far as the load balancer checks it.
    pub fn is_up(&self) -> bool {
        self.state.admin == Admin::Ready && self.state.up.is_certain()
    }
}
