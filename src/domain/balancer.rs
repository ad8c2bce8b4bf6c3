//! A server in a load balancer.

use serde::{Deserialize, Serialize};

use super::fleet::Cluster;
use super::name::Name;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    pub balancer: Name,
    pub backend: String,
    pub backend_server: String,
    pub server: Name,
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}/{} in {})", self.server, self.backend, self.backend_server, self.balancer)
    }
}

impl Member {
    /// The servers of a cluster in its load balancer; none where it has none. A
    /// `backend_server` that is not given is the name up to the first dot, in upper
    /// case (rules.md 21).
    pub fn all_of(cluster: &Cluster) -> Vec<Member> {
        let (Some(balancer), Some(backend)) = (&cluster.load_balancer, &cluster.backend) else {
            return Vec::new();
        };
        let member = |member: &super::fleet::Member| Member {
            balancer: balancer.clone(),
            backend: backend.clone(),
            backend_server: member.backend_server.clone().unwrap_or_else(|| {
                member.server.as_str().split('.').next().unwrap_or_default().to_uppercase()
            }),
            server: member.server.clone(),
        };
        cluster.servers.iter().map(member).collect()
    }
}
