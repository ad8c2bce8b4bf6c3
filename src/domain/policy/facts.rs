//! What policy is told: plain values, gathered by whoever asks.

use jiff::Timestamp;

use crate::domain::deployment::Direction;
use crate::domain::diff::Relation;
use crate::domain::fleet::{Cluster, Environment, Fleet, Server};
use crate::domain::freeze::Freeze;
use crate::domain::name::{CommitId, Name};
use crate::domain::overriding::Via;
use crate::domain::permission::Access;
use crate::domain::request::{DecisionKind, LinkState, RequestState};
use crate::domain::scope::Scope;
use crate::domain::seal::Seal;
use crate::domain::windows::Window;

use super::promotion::Promotion;
use super::quorum::{Quorum, Terms, strictest};
use crate::domain::recipe::Difference;

#[derive(Debug, Clone)]
pub struct Facts<'a> {
    pub now: Timestamp,
    pub application: &'a Name,
    pub environment: &'a Environment,
    /// Who acts; the runner acts for the requester.
    pub actor: &'a Name,
    pub access: &'a Access,
    pub hosts: HostFacts,
    pub live: LiveFacts,
    pub window: Window,
    /// Those that bind this place now.
    pub freezes: Vec<Freeze>,
    /// The zone that people of this place read times in.
    pub zone: String,
    /// The deployment that runs or waits here, if any.
    pub busy: Option<i64>,
    pub promotion: &'a Promotion,
    pub asking: Option<AskingFacts>,
    pub request: Option<RequestFacts<'a>>,
    pub deploying: Option<DeployFacts>,
}

impl Facts<'_> {
    /// The same where the glass is broken.
    #[must_use]
    pub fn breaking(mut self, via: Option<Via>) -> Self {
        if let Some(deploying) = &mut self.deploying {
            deploying.break_glass = via;
        }
        self
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFacts {
    pub active: usize,
    pub inactive: Vec<Name>,
    pub unpinned: Vec<Name>,
    pub empty_clusters: Vec<Name>,
    /// Clusters behind a load balancer.
    pub balanced: Vec<Name>,
}

impl HostFacts {
    pub fn of(fleet: &Fleet, environment: &Environment) -> Self {
        Self::within(fleet, environment, &Scope::Environment)
    }

    /// Only what a deployment of this scope touches (rules.md 19).
    pub fn within(fleet: &Fleet, environment: &Environment, scope: &Scope) -> Self {
        let clusters: Vec<&Cluster> =
            fleet.clusters_of(environment).filter(|cluster| scope.covers_cluster(&cluster.name)).collect();
        let servers = fleet.servers_within(environment, scope);
        let names = |wanted: fn(&Server) -> bool| -> Vec<Name> {
            servers.iter().filter(|server| wanted(server)).map(|server| server.name.clone()).collect()
        };
        let clusters_that = |wanted: fn(&Cluster) -> bool| -> Vec<Name> {
            clusters.iter().filter(|cluster| wanted(cluster)).map(|cluster| cluster.name.clone()).collect()
        };
        Self {
            active: servers.iter().filter(|server| server.active).count(),
            inactive: names(|server| !server.active),
            unpinned: names(|server| server.active && server.host_key.is_none()),
            empty_clusters: clusters_that(|cluster| cluster.servers.is_empty()),
            balanced: clusters_that(|cluster| cluster.load_balancer.is_some()),
        }
    }
}

/// What runs now, by the record (rules.md 7), and what the hosts say about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveFacts {
    pub from: Option<CommitId>,
    /// The tag of `from`, else its short id.
    pub from_words: String,
    /// There was no record; agreeing hosts were believed.
    pub adopted: bool,
    /// Several releases run here.
    pub mixed: bool,
    /// `web-2 says v40`, `web-3 could not be reached` …
    pub drifted: Vec<String>,
    pub unreachable: Vec<String>,
    pub unknown: Vec<Name>,
}

/// Facts of a deployment without a request.
#[derive(Debug, Clone)]
pub struct DeployFacts {
    pub release_words: String,
    /// `None` where no release is chosen yet.
    pub commit: Option<CommitId>,
    pub not_allowed: Option<String>,
    /// `None` where nothing is live yet.
    pub direction: Option<Direction>,
    pub scope: Scope,
    /// An accepted release that also covers the way back from it (rules.md 12).
    pub covered_by: Option<Covering>,
    /// By which way the glass is broken, if it is (rules.md 1).
    pub break_glass: Option<Via>,
}

/// An approval that covers a way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covering {
    pub request: i64,
    /// Why it no longer does, in a sentence.
    pub why_not: Option<String>,
}

/// Facts of somebody who asks for a release.
#[derive(Debug, Clone)]
pub struct AskingFacts {
    pub release_words: String,
    pub commit: CommitId,
    /// Why the tag or commit may not be deployed here, if it may not.
    pub not_allowed: Option<String>,
    pub newer: Newer,
    pub rollback: bool,
    /// It succeeded here before: the only thing a rollback may go to.
    pub succeeded_before: bool,
    pub twin: Option<i64>,
    pub open: u64,
    pub last_hour: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newer {
    /// Nothing is live: the patch starts from the empty tree.
    First,
    Is(Relation),
    /// Several releases are live, and it descends from all of them.
    FitsMixed,
    /// Several releases are live, and it does not descend from each.
    BreaksMixed,
}

/// Facts of a request that exists.
#[derive(Debug, Clone)]
pub struct RequestFacts<'a> {
    pub id: i64,
    pub requester: &'a Name,
    /// Who really asked, where somebody did in the requester's name.
    pub asked_by: Option<&'a Name>,
    pub state: &'a RequestState,
    pub seal: &'a Seal,
    pub sealed_from_words: &'a str,
    pub tag: TagNow,
    pub hosts_digest: String,
    pub configuration_digest: String,
    /// What differs in hosts or configuration, where the sealed ones are still known.
    pub differs: &'a [Difference],
    pub authors: &'a [Name],
    pub decisions: Vec<DecisionFacts>,
    /// Of the policy when it was made, when it was accepted, and now (rules.md 17).
    pub terms: Vec<Terms>,
    pub link: Option<LinkState>,
}

impl RequestFacts<'_> {
    pub fn quorum(&self) -> Quorum {
        strictest(&self.terms, &self.decisions, &self.askers())
    }

    /// Whose request it is, and who really asked: neither decides it.
    pub fn askers(&self) -> Vec<&Name> {
        std::iter::once(self.requester).chain(self.asked_by).collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagNow {
    Same,
    Moved {
        is: CommitId,
    },
    /// The same commit under another tag object.
    Replaced,
    Deleted,
    /// The repository could not be read just now.
    Unread {
        why: String,
    },
}

#[derive(Debug, Clone)]
pub struct DecisionFacts {
    pub person: Name,
    pub kind: DecisionKind,
    pub may_review: bool,
    /// Held now, directly or by a team.
    pub roles: Vec<Name>,
    /// Wrote a commit of what is asked for.
    pub is_author: bool,
}
