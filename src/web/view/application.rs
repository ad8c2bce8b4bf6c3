//! One application: how each of its environments is released to, and what its servers run.

use askama::Template;
use jiff::Timestamp;

use super::applications::Live;
use super::{DeploymentItem, RequestItem, Section, Shell};
use crate::domain::gate::{Gate, Verdict};
use crate::web::html::{counted, filters, listed};

#[derive(Debug, Template)]
#[template(path = "application.html")]
pub struct Application {
    pub shell: Shell,
    pub name: String,
    pub repository: String,
    /// `acme/shop` on GitHub, when pushes are matched to it.
    pub github: Option<String>,
    /// The glob of tags that are releases at all.
    pub tags: String,
    pub owners: Vec<String>,
    /// In promotion order; those that the reader may read.
    pub environments: Vec<EnvironmentView>,
    /// For who may have it fetched: when it was, if ever.
    pub fetch: Option<Option<Timestamp>>,
}

/// One environment alone, with what happened there lately.
#[derive(Debug, Template)]
#[template(path = "environment.html")]
pub struct Environment {
    pub shell: Shell,
    pub environment: EnvironmentView,
    pub open_requests: Vec<RequestItem>,
    pub recent: Vec<DeploymentItem>,
}

#[derive(Debug, Clone)]
pub struct EnvironmentView {
    pub application: String,
    pub name: String,
    pub live: Live,
    pub deployed_at: Option<Timestamp>,
    /// Rule, target, sync, strategy, approval, window …, each as label and words.
    pub facts: Vec<Fact>,
    /// `1 approval needed`, `pushes to main deploy by themselves`.
    pub chips: Vec<String>,
    /// Each permission with who holds it: `May request` → `developers`.
    pub people: Vec<Fact>,
    /// The gates of the action "Request a release" for this reader.
    pub gates: Vec<Gate>,
    pub may_request: bool,
    /// For who may deploy directly, whatever stands in the way just now.
    pub deploy: Option<DeployEntry>,
    /// The newest release that the rules take, and what it changes here.
    pub newest: Option<Newest>,
    pub clusters: Vec<ClusterView>,
    pub active: Option<DeploymentItem>,
}

#[derive(Debug, Clone)]
pub struct DeployEntry {
    pub href: String,
    /// What closes it for any release.
    pub why_not: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Newest {
    pub release: String,
    /// From what is live; `None` where it is live already.
    pub diff_href: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Fact {
    pub label: &'static str,
    pub words: String,
    /// A path, an option, a glob: set as code.
    pub code: bool,
}

impl Fact {
    pub fn said(label: &'static str, words: impl Into<String>) -> Self {
        Self { label, words: words.into(), code: false }
    }

    pub fn code(label: &'static str, words: impl Into<String>) -> Self {
        Self { label, words: words.into(), code: true }
    }
}

#[derive(Debug, Clone)]
pub struct ClusterView {
    pub name: String,
    /// `edge/shop`: load balancer and backend.
    pub behind: Option<String>,
    pub servers: Vec<ServerView>,
    pub deploy_href: Option<String>,
}

#[derive(Debug, Clone)]
pub struct ServerView {
    pub name: String,
    /// Tag or short commit, by record.
    pub release: Option<String>,
    pub deployed_at: Option<Timestamp>,
    pub standing: ServerStanding,
    /// From what it runs to the newest release, where they differ.
    pub diff_href: Option<String>,
    pub deploy_href: Option<String>,
}

/// What the host said against what is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerStanding {
    AsRecorded,
    /// The same, and the host said so then.
    Confirmed(Timestamp),
    /// It says something else, and what, but not yet for long.
    Differs(String),
    /// It says something else, and what.
    Drifted(String),
    /// Nobody could ask it, or nobody has.
    Unknown(String),
    /// A deployment is at work there.
    Changing,
    Inactive,
    /// Not deployed to yet.
    New,
}

impl ServerView {
    /// In place of a release.
    pub fn no_release(&self) -> &'static str {
        match self.standing {
            ServerStanding::Changing | ServerStanding::Unknown(_) | ServerStanding::Drifted(_) => {
                "not settled"
            }
            ServerStanding::AsRecorded
            | ServerStanding::Confirmed(_)
            | ServerStanding::Differs(_)
            | ServerStanding::Inactive
            | ServerStanding::New => "nothing yet",
        }
    }
}

impl Application {
    fn sentence(&self) -> String {
        let runs: Vec<String> =
            self.environments.iter().map(|env| format!("{} runs {}", env.name, env.live.words())).collect();
        if runs.is_empty() {
            "It has no environment that you may read.".to_owned()
        } else {
            format!("{}.", listed(&runs))
        }
    }

    fn may_request(&self) -> bool {
        self.environments.iter().any(|environment| environment.may_request)
    }
}

impl EnvironmentView {
    pub fn servers(&self) -> u64 {
        self.clusters.iter().map(|cluster| cluster.servers.len() as u64).sum()
    }

    pub fn stops(&self) -> Vec<&Gate> {
        self.gates.iter().filter(|gate| gate.verdict == Verdict::Stop).collect()
    }

    /// What differs from the record, in a sentence; nothing when all is well.
    pub fn trouble(&self) -> Option<String> {
        let servers = || self.clusters.iter().flat_map(|cluster| &cluster.servers);
        let drifted = servers().filter(|s| matches!(s.standing, ServerStanding::Drifted(_))).count();
        let unknown = servers().filter(|s| matches!(s.standing, ServerStanding::Unknown(_))).count();
        let mut parts = Vec::new();
        if drifted > 0 {
            parts.push(format!("{} drifted", counted(drifted as u64, "server", "servers")));
        }
        if unknown > 0 {
            parts.push(format!("{} unknown", counted(unknown as u64, "server is", "servers are")));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
