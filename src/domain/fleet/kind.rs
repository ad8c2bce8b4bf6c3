//! The kinds of object a fleet is made of, and what each is called where.

/// In the order in which changes are listed, and could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Server,
    LoadBalancer,
    Cluster,
    Calendar,
    Role,
    Application,
    Environment,
}

impl Kind {
    pub const ALL: [Kind; 7] = [
        Kind::Server,
        Kind::LoadBalancer,
        Kind::Cluster,
        Kind::Calendar,
        Kind::Role,
        Kind::Application,
        Kind::Environment,
    ];

    /// For rows and attributes: `load_balancer`.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Server => "server",
            Kind::LoadBalancer => "load_balancer",
            Kind::Cluster => "cluster",
            Kind::Calendar => "calendar",
            Kind::Role => "role",
            Kind::Application => "application",
            Kind::Environment => "environment",
        }
    }

    /// For people: `load balancer`.
    pub fn words(self) -> &'static str {
        if self == Kind::LoadBalancer { "load balancer" } else { self.word() }
    }

    /// The list that holds them, in the fleet file and in addresses: `load_balancers`.
    pub fn list(self) -> &'static str {
        match self {
            Kind::Server => "servers",
            Kind::LoadBalancer => "load_balancers",
            Kind::Cluster => "clusters",
            Kind::Calendar => "calendars",
            Kind::Role => "roles",
            Kind::Application => "applications",
            Kind::Environment => "environments",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    pub fn from_list(list: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.list() == list)
    }
}
