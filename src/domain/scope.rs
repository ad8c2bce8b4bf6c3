//! What part of an environment a deployment touches.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::name::Name;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    #[default]
    Environment,
    Cluster(Name),
    Server(Name),
    /// What an earlier run of the whole environment left undone.
    Servers(Vec<Name>),
}

impl Scope {
    /// From the fields `cluster` and `server`, of which at most one is filled.
    pub fn of_fields(cluster: &str, server: &str) -> Result<Self, String> {
        let named = |text: &str| Name::parse(text).map_err(|error| format!("The name {text:?} {error}."));
        match (cluster, server) {
            ("", "") => Ok(Scope::Environment),
            (cluster, "") => named(cluster).map(Scope::Cluster),
            ("", server) => named(server).map(Scope::Server),
            _ => Err("A cluster or a server, not both.".to_owned()),
        }
    }

    pub fn is_whole(&self) -> bool {
        *self == Scope::Environment
    }

    pub fn covers_cluster(&self, cluster: &Name) -> bool {
        !matches!(self, Scope::Cluster(only) if only != cluster)
    }

    /// Of the servers of a cluster that it covers.
    pub fn covers_server(&self, server: &Name) -> bool {
        match self {
            Scope::Environment | Scope::Cluster(_) => true,
            Scope::Server(only) => only == server,
            Scope::Servers(some) => some.contains(server),
        }
    }

    /// The clusters or servers that it names.
    pub fn named(&self) -> impl Iterator<Item = &Name> {
        match self {
            Scope::Environment => [].iter(),
            Scope::Cluster(name) | Scope::Server(name) => std::slice::from_ref(name).iter(),
            Scope::Servers(names) => names.iter(),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Environment => f.write_str("the whole environment"),
            Scope::Cluster(name) => write!(f, "cluster {name}"),
            Scope::Server(name) => write!(f, "server {name}"),
            Scope::Servers(names) => {
                let names: Vec<&str> = names.iter().map(Name::as_str).collect();
                write!(f, "{}", names.join(", "))
            }
        }
    }
}
