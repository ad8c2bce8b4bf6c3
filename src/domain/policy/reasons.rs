//! One function per gate: a fact in, a verdict with its words and remedy out.

use jiff::Timestamp;

<<<<<<< main:src/domain/policy/reasons.rs
use super::{
    Act, AskingFacts, Facts, MOST_IN_AN_HOUR, MOST_OPEN, Newer, RequestFacts, TagNow, accepts, void_cause,
};
use crate::domain::diff::Relation;
use crate::domain::fleet::{Layout, Method, Strategy, SyncMethod};
use crate::domain::gate::Gate;
use crate::domain::name::Name;
use crate::domain::permission::Permission;
use crate::domain::request::{DecisionKind, LinkState, RequestState, RequestWord};
use crate::domain::windows::Window;

pub(super) fn place(facts: &Facts<'_>) -> String {
=======
use super::diff::Relation;
use super::fleet::{Approval, DeployFrom, Environment, Fleet, Layout, Method, Strategy, SyncMethod};
use super::gate::{Gate, Verdict};
use super::name::{CommitId, Name};
use super::permission::{Access, Permission};
use super::request::{DecisionKind, LinkState, RequestState, RequestWord, VoidCause};
use super::seal::Seal;
use super::windows::Window;

/// What somebody, or the runner, is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Request,
    Accept,
    Reject,
    Launch,
    Start,
}

/// Open requests one person may have, and how many they may make in an hour (rules.md 16).
pub const MOST_OPEN: u64 = 5;
pub const MOST_IN_AN_HOUR: u64 = 20;

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
    /// The deployment that runs or waits here, if any.
    pub busy: Option<i64>,
    pub asking: Option<AskingFacts>,
    pub request: Option<RequestFacts<'a>>,
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
        let servers = fleet.servers_of(environment);
        let name = |server: &&super::fleet::Server| server.name.clone();
        Self {
            active: servers.iter().filter(|server| server.active).count(),
            inactive: servers.iter().filter(|server| !server.active).map(name).collect(),
            unpinned: servers.iter().filter(|s| s.active && s.host_key.is_none()).map(name).collect(),
            empty_clusters: fleet
                .clusters_of(environment)
                .filter(|cluster| cluster.servers.is_empty())
                .map(|cluster| cluster.name.clone())
                .collect(),
            balanced: fleet
                .clusters_of(environment)
                .filter(|cluster| cluster.load_balancer.is_some())
                .map(|cluster| cluster.name.clone())
                .collect(),
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

/// Facts of somebody who asks for a release.
#[derive(Debug, Clone)]
pub struct AskingFacts {
    pub release_words: String,
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
    pub state: &'a RequestState,
    pub seal: &'a Seal,
    pub sealed_from_words: &'a str,
    pub tag: TagNow,
    pub hosts_digest: String,
    pub configuration_digest: String,
    pub decisions: Vec<DecisionFacts>,
    /// Accepts needed: the stricter of the policy when it was accepted and now (rules.md 17).
    pub required: u32,
    pub link: Option<LinkState>,
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
}

/// Every reason, in the order a person would want to read them.
pub fn gates(act: Act, facts: &Facts<'_>) -> Vec<Gate> {
    let mut gates = Vec::new();
    match act {
        Act::Request => {
            gates.push(permission(facts, Permission::Request, "request releases"));
            if let Some(asking) = &facts.asking {
                gates.push(release_allowed(asking));
                gates.push(newer_than_live(facts, asking));
                gates.extend(limits(asking));
            }
            gates.extend(idle(facts));
        }
        Act::Accept | Act::Reject => {
            gates.push(permission(facts, Permission::Review, "review releases"));
            if let Some(request) = &facts.request {
                gates.push(open_for_decision(act, request, facts.now));
                gates.extend(own_request(facts, request));
                if act == Act::Accept {
                    gates.push(unchanged(facts, request));
                }
            }
        }
        Act::Launch | Act::Start => {
            gates.push(permission(facts, Permission::Request, "request releases"));
            if let Some(request) = &facts.request {
                if act == Act::Launch {
                    gates.extend(launchable(facts, request));
                }
                gates.push(quorum(facts, request));
                gates.push(unchanged(facts, request));
            }
            gates.extend((act == Act::Launch).then(|| idle(facts)).flatten());
        }
    }
    if act != Act::Reject {
        gates.extend(hosts(facts));
        gates.extend(supported(facts));
        gates.extend(window(act, facts));
    }
    gates
}

pub fn passes(gates: &[Gate]) -> bool {
    gates.iter().all(|gate| gate.verdict != Verdict::Stop)
}

/// Why the request no longer stands, if so (rules.md 9). Quiet while the
/// repository cannot be read: not knowing voids nothing, but it starts nothing either.
pub fn void_cause(facts: &Facts<'_>) -> Option<VoidCause> {
    let request = facts.request.as_ref()?;
    let short = |commit: &CommitId| commit.short().to_owned();
    match &request.tag {
        TagNow::Moved { is } => {
            return Some(VoidCause::TagMoved { was: short(&request.seal.to), is: short(is) });
        }
        TagNow::Replaced => {
            let tag = request.seal.tag.as_ref().map(ToString::to_string).unwrap_or_default();
            return Some(VoidCause::TagReplaced { tag });
        }
        TagNow::Deleted => return Some(VoidCause::TagDeleted),
        TagNow::Same | TagNow::Unread { .. } => {}
    }
    if facts.live.from != request.seal.from {
        let is = if facts.live.from.is_some() { facts.live.from_words.clone() } else { "nothing".to_owned() };
        let was = if request.seal.from.is_some() {
            request.sealed_from_words.to_owned()
        } else {
            "nothing".to_owned()
        };
        return Some(VoidCause::LiveChanged { was, is });
    }
    if request.hosts_digest != request.seal.hosts {
        return Some(VoidCause::HostsChanged);
    }
    if request.configuration_digest != request.seal.configuration {
        return Some(VoidCause::ConfigurationChanged);
    }
    let lost = request.decisions.iter().find(|d| d.kind == DecisionKind::Accept && !d.may_review);
    lost.map(|decision| VoidCause::ApproverLostRight { who: decision.person.clone() })
}

/// Distinct people whose accept counts. The requester's own counts only while the
/// environment allows that, whatever it allowed when it was made (rules.md 17).
pub fn accepts(decisions: &[DecisionFacts], requester: &Name, approval: &Approval) -> u32 {
    let mut people: Vec<&Name> = decisions
        .iter()
        .filter(|decision| decision.kind == DecisionKind::Accept && decision.may_review)
        .map(|decision| &decision.person)
        .filter(|person| approval.self_approval || *person != requester)
        .collect();
    people.sort();
    people.dedup();
    u32::try_from(people.len()).unwrap_or(u32::MAX)
}

fn place(facts: &Facts<'_>) -> String {
>>>>>>> 23f5357b2c5e10007feb2881660bb499f5d778f8:src/domain/policy.rs
    format!("{} {}", facts.application, facts.environment.name)
}

pub(super) fn permission(facts: &Facts<'_>, wanted: Permission, words: &str) -> Gate {
    let place = place(facts);
    if facts.access.may(wanted, facts.application, &facts.environment.name) {
        Gate::pass(
            "permission",
            format!("May {words} here"),
            format!("{} has the right for {place}.", facts.actor),
        )
    } else {
        Gate::stop(
            "permission",
            format!("{} may not {words} here", facts.actor),
            format!("An administrator can grant it for {place} through a role."),
        )
    }
}

pub(super) fn release_allowed(asking: &AskingFacts) -> Gate {
    match &asking.not_allowed {
        None => Gate::pass(
            "release_allowed",
            "May be released here",
            format!("{} fits the rules of this environment.", asking.release_words),
        ),
        Some(why) => Gate::stop("release_allowed", "May not be released here", why.clone()),
    }
}

pub(super) fn newer_than_live(facts: &Facts<'_>, asking: &AskingFacts) -> Gate {
    const CODE: &str = "newer_than_live";
    let (wanted, live) = (&asking.release_words, &facts.live.from_words);
    if asking.rollback {
        return rollback(asking, live);
    }
    match asking.newer {
        Newer::First => Gate::pass(
            CODE,
            "First release here",
            "Nothing is live, so the patch starts from the empty tree.",
        ),
        Newer::Is(Relation::Newer) => {
            Gate::pass(CODE, "Newer than live", format!("{wanted} descends from {live}."))
        }
        Newer::FitsMixed => Gate::pass(
            CODE,
            "Newer than all that is live",
            format!("Several releases are live; {wanted} descends from each. The patch starts from {live}."),
        ),
        Newer::Is(Relation::Same) => {
            Gate::stop(CODE, "Already live", format!("{wanted} is what runs here now. Pick a newer release."))
        }
        Newer::Is(Relation::Older) => Gate::stop(
            CODE,
            "Older than live",
            format!("{live} already contains {wanted}. To go back, ask for a rollback."),
        ),
        Newer::Is(Relation::Diverged) => Gate::stop(
            CODE,
            "Diverged from live",
            format!("{wanted} does not contain {live}. Merge what is live first, or ask for a rollback."),
        ),
        Newer::BreaksMixed => Gate::stop(
            CODE,
            "Does not fit what is live",
            format!("Several releases are live, and {wanted} does not descend from each of them."),
        ),
    }
}

pub(super) fn rollback(asking: &AskingFacts, live: &str) -> Gate {
    const CODE: &str = "newer_than_live";
    let wanted = &asking.release_words;
    if !asking.succeeded_before {
        return Gate::stop(
            CODE,
            "Never ran here",
            format!("A rollback goes to a release that succeeded here before; {wanted} did not."),
        );
    }
    match asking.newer {
        Newer::Is(Relation::Older | Relation::Diverged) => {
            Gate::pass(CODE, "Goes back", format!("{wanted} ran here before {live}."))
        }
        Newer::Is(Relation::Same) => {
            Gate::stop(CODE, "Already live", format!("{wanted} is what runs here now."))
        }
        _ => Gate::stop(
            CODE,
            "Not a way back",
            format!("{wanted} is newer than what is live. Ask for it without rollback."),
        ),
    }
}

pub(super) fn limits(asking: &AskingFacts) -> Vec<Gate> {
    let mut gates = Vec::new();
    if let Some(twin) = asking.twin {
        gates.push(Gate::stop(
            "one_open_request",
            "Already asked for",
            format!("Request {twin} for the same commit is still open."),
        ));
    }
    if asking.open >= MOST_OPEN {
        gates.push(Gate::stop(
            "request_limit",
            "Too many open requests",
            format!("A person may have {MOST_OPEN} open requests. Withdraw one, or wait for a decision."),
        ));
    }
    if asking.last_hour >= MOST_IN_AN_HOUR {
        gates.push(Gate::stop(
            "request_rate",
            "Too many requests this hour",
            format!("A person may make {MOST_IN_AN_HOUR} requests an hour. Try again later."),
        ));
    }
    gates
}

pub(super) fn idle(facts: &Facts<'_>) -> Option<Gate> {
    let busy = facts.busy?;
    Some(Gate::stop(
        "deployment_running",
        "A deployment is under way here",
        format!("Wait for deployment {busy} to end."),
    ))
}

pub(super) fn open_for_decision(act: Act, request: &RequestFacts<'_>, now: Timestamp) -> Gate {
    const CODE: &str = "awaiting_review";
    let due = request.state.expire(now).is_some();
    let word = request.state.word();
    // An accept may still become a reject.
    let open = word == RequestWord::AwaitingReview || (act == Act::Reject && word == RequestWord::Accepted);
    if due {
        Gate::stop(CODE, "Expired", "The time for a decision has passed. It can be asked for again.")
    } else if open {
        Gate::pass(CODE, "Open for decision", "Nobody has ended this request.")
    } else {
        let words = word.word().replace('_', " ");
        Gate::stop(CODE, format!("Already {words}"), "There is nothing left to decide.")
    }
}

pub(super) fn own_request(facts: &Facts<'_>, request: &RequestFacts<'_>) -> Option<Gate> {
    if facts.actor != request.requester {
        return None;
    }
    Some(if facts.environment.approval.self_approval {
        Gate::warn(
            "own_request",
            "Your own request",
            "This environment allows it; the decision is marked as your own.",
        )
    } else {
        Gate::stop("own_request", "Your own request", "Somebody else has to decide it.")
    })
}

pub(super) fn unchanged(facts: &Facts<'_>, request: &RequestFacts<'_>) -> Gate {
    const CODE: &str = "unchanged";
    if let Some(cause) = void_cause(facts) {
        return Gate::stop(
            CODE,
            "Changed since it was asked for",
            format!("{} It has to be asked for again.", cause.words()),
        );
    }
    if let TagNow::Unread { why } = &request.tag {
        return Gate::stop(CODE, "The repository could not be read", format!("{why} Try again in a moment."));
    }
    Gate::pass(CODE, "Nothing changed", "Tag, live release, hosts and configuration match the seal.")
}

<<<<<<< main:src/domain/policy/reasons.rs
pub(super) fn quorum(request: &RequestFacts<'_>) -> Gate {
    let (have, need) = (accepts(&request.decisions), request.required);
=======
fn quorum(facts: &Facts<'_>, request: &RequestFacts<'_>) -> Gate {
    let have = accepts(&request.decisions, request.requester, &facts.environment.approval);
    let need = request.required;
>>>>>>> 23f5357b2c5e10007feb2881660bb499f5d778f8:src/domain/policy.rs
    if have >= need {
        let names: Vec<&str> = request
            .decisions
            .iter()
            .filter(|d| d.kind == DecisionKind::Accept)
            .map(|d| d.person.as_str())
            .collect();
        let words = if names.is_empty() {
            "No approval is needed here.".to_owned()
        } else {
            format!("By {}.", names.join(", "))
        };
        Gate::pass("approved", "Approved", words)
    } else {
        let remedy =
            format!("{have} of {need} accepts. Withdraw it and ask again, so that more people can decide.");
        Gate::stop("approved", "Not approved", remedy)
    }
}

pub(super) fn launchable(facts: &Facts<'_>, request: &RequestFacts<'_>) -> Vec<Gate> {
    let mut gates = Vec::new();
    if facts.actor != request.requester {
        gates.push(Gate::stop(
            "requester",
            "Not your link",
            format!("Only {} may start this deployment.", request.requester),
        ));
    }
    match request.state {
        RequestState::Accepted { stands_until, .. } if facts.now < *stands_until => {}
        RequestState::Accepted { .. } => {
            gates.push(Gate::stop("accepted", "The approval has run out", "Ask for the release again."));
        }
        other => gates.push(Gate::stop(
            "accepted",
            format!("The request is {}", other.word().word().replace('_', " ")),
            "Only an accepted request can be started.",
        )),
    }
    match request.link {
        None | Some(LinkState::Unused) => {}
        Some(LinkState::Early) => {
            gates.push(Gate::stop("slot", "The slot has not begun", "It begins when the window opens."));
        }
        Some(LinkState::Used) => {
            gates.push(Gate::stop("slot", "The link was used", "A link starts one deployment."));
        }
        Some(LinkState::Expired) => gates.push(Gate::stop(
            "slot",
            "The slot is over",
            "While the approval stands, the request page makes a new link.",
        )),
        Some(LinkState::Revoked) => gates.push(Gate::stop(
            "slot",
            "The link was revoked",
            "The request page says why, and whether a new one can be made.",
        )),
    }
    gates
}

pub(super) fn hosts(facts: &Facts<'_>) -> Vec<Gate> {
    let mut gates = Vec::new();
    let list = |names: &[Name]| names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let hosts = &facts.hosts;
    if !hosts.empty_clusters.is_empty() {
        gates.push(Gate::stop(
            "hosts",
            "Empty cluster",
            format!("No server is in {}.", list(&hosts.empty_clusters)),
        ));
    } else if hosts.active == 0 {
        gates.push(Gate::stop(
            "hosts",
            "No active server",
            "This environment has no active server to deploy to.",
        ));
    }
    if !hosts.unpinned.is_empty() {
        gates.push(Gate::stop(
            "host_keys",
            "Host key not pinned",
            format!("Nothing connects to {} before its host_key is set.", list(&hosts.unpinned)),
        ));
    }
    if !hosts.inactive.is_empty() {
        gates.push(Gate::warn(
            "inactive_hosts",
            format!("{} inactive", list(&hosts.inactive)),
            "Skipped: what runs there stays.",
        ));
    }
    if facts.live.adopted {
        gates.push(Gate::warn(
            "adopted",
            "Live by the hosts' word",
            "There is no record of a deployment here yet; all hosts agree on what they run.",
        ));
    }
    if !facts.live.drifted.is_empty() {
        gates.push(Gate::warn(
            "drift",
            "Hosts differ from the record",
            format!("{}.", facts.live.drifted.join("; ")),
        ));
    }
    if !facts.live.unreachable.is_empty() {
        gates.push(Gate::warn(
            "unreachable",
            "Hosts could not be asked",
            format!("{}. The record is used.", facts.live.unreachable.join("; ")),
        ));
    }
    if !facts.live.unknown.is_empty() {
        gates.push(Gate::warn(
            "unknown_hosts",
            "Unknown state",
            format!("An earlier run left {} unsettled.", list(&facts.live.unknown)),
        ));
    }
    gates
}

/// What the fleet may say but this version cannot do yet. Stopping here is
/// honest; deploying in another way than configured is not.
pub(super) fn supported(facts: &Facts<'_>) -> Option<Gate> {
    let environment = facts.environment;
    let mut missing: Vec<String> = Vec::new();
    if environment.layout == Layout::Releases {
        missing.push("layout `releases`".to_owned());
    }
    if environment.sync == SyncMethod::Delta {
        missing.push("sync `delta`".to_owned());
    }
    if environment.strategy != Strategy::Clusters {
        missing.push("strategies other than `clusters`".to_owned());
    }
    if environment.method == Method::Command {
        missing.push("method `command`".to_owned());
    }
    if environment.artifact.is_some() {
        missing.push("artifacts".to_owned());
    }
    if environment.health_check.is_some() {
        missing.push("health checks".to_owned());
    }
    if environment.promote_from.is_some() {
        missing.push("promotion".to_owned());
    }
    if !environment.approval.groups.is_empty() {
        missing.push("approval groups".to_owned());
    }
    missing.extend(facts.hosts.balanced.iter().map(|cluster| format!("the load balancer of {cluster}")));
    (!missing.is_empty()).then(|| {
        Gate::stop(
            "not_built",
            "Not possible in this version",
            format!("This environment asks for {}.", missing.join(", ")),
        )
    })
}

pub(super) fn window(act: Act, facts: &Facts<'_>) -> Option<Gate> {
    match (&facts.window, act) {
        (Window::Always, _) => None,
        (Window::Open { words, .. }, _) => Some(Gate::pass("window", "Within the window", words.clone())),
        (Window::Closed { words, .. }, Act::Launch | Act::Start) => {
            Some(Gate::stop("window", "Outside the window", words.clone()))
        }
        (Window::Closed { words, .. }, _) => {
            Some(Gate::warn("window", "Outside the window now", format!("{words} The slot begins then.")))
        }
    }
}
