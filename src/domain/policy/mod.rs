//! The one function that answers every question of policy: facts go in, gates
//! come out, all of them at once. Pages ask it before they draw a button, use
//! cases before they act, and the runner once more before it starts.

mod direct;
mod facts;
mod held_up;
mod promotion;
mod quorum;
mod reasons;

use jiff::{SignedDuration, Timestamp};

use super::fleet::{DeployFrom, Method};
use super::gate::{Gate, Verdict};
use super::name::CommitId;
use super::permission::Permission;
use super::request::{DecisionKind, RequestState, RequestWord, VoidCause};
use direct::{
    approval_not_needed, deploying_allowed, direction, may_deploy, may_go_on, scope, stands,
    unchanged_but_live,
};
pub use facts::{
    AskingFacts, Covering, DecisionFacts, DeployFacts, Facts, HostFacts, LiveFacts, Newer, RequestFacts,
    TagNow,
};
use held_up::{break_glass, freezes, window};
use promotion::promotion;
pub use promotion::{Promotion, not_promoted};
pub use quorum::{GroupStanding, Quorum, Terms, Uncounted, judge, needed, strictest};
use reasons::{
    approved, author, hosts, idle, launchable, limits, newer_than_live, open_for_decision, own_request,
    permission, release_allowed, supported, unchanged,
};

/// What somebody, or the runner, is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Request,
    Accept,
    Reject,
    /// A question: no decision, but only a reviewer's.
    Ask,
    Launch,
    Start,
    /// Without a request: by those with the right, where no approval is needed.
    Deploy,
    /// What an earlier run left undone, under the same approval.
    Retry,
    /// A canary's rest, which waits for a person. What runs is stopped by no freeze and
    /// by no window (rules.md 10).
    Continue,
}

/// Open requests one person may have, and how many they may make in an hour (rules.md 16).
pub const MOST_OPEN: u64 = 5;
pub const MOST_IN_AN_HOUR: u64 = 20;

/// Every reason, in the order a person would want to read them.
pub fn gates(act: Act, facts: &Facts<'_>) -> Vec<Gate> {
    let mut gates = Vec::new();
    gates.extend(in_person(act, facts));
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
        Act::Accept | Act::Reject | Act::Ask => {
            gates.push(permission(facts, Permission::Review, "review releases"));
            if let Some(request) = &facts.request {
                gates.push(open_for_decision(act, request, facts.now));
                gates.extend(own_request(facts, request));
                if act == Act::Accept {
                    gates.extend(author(facts, request));
                    gates.push(unchanged(facts, request));
                }
            }
        }
        Act::Deploy => {
            gates.push(may_deploy(facts));
            gates.extend(break_glass(facts));
            if let Some(deploying) = &facts.deploying {
                gates.extend(approval_not_needed(facts, deploying));
                gates.push(deploying_allowed(deploying));
                gates.extend(direction(facts, deploying));
                gates.extend(scope(facts, deploying));
            }
        }
        Act::Retry => {
            gates.push(may_go_on(facts, "retry"));
            if let Some(request) = &facts.request {
                gates.push(stands(facts, request));
                gates.push(approved(request));
                gates.push(unchanged_but_live(facts, request));
            }
        }
        Act::Continue => {
            gates.push(may_go_on(facts, "continue"));
            gates.extend(facts.request.as_ref().map(approved));
        }
        Act::Launch | Act::Start => {
            gates.push(permission(facts, Permission::Request, "request releases"));
            if let Some(request) = &facts.request {
                if act == Act::Launch {
                    gates.extend(launchable(facts, request));
                }
                gates.push(approved(request));
                gates.push(unchanged(facts, request));
            }
            gates.extend((act == Act::Launch).then(|| idle(facts)).flatten());
        }
    }
    if !matches!(act, Act::Reject | Act::Ask | Act::Continue) {
        gates.extend(promotion(facts));
        if facts.environment.method == Method::Rsync {
            gates.extend(hosts(facts));
        }
        gates.extend(supported(facts));
        gates.extend(freezes(act, facts));
        gates.extend(window(act, facts));
    }
    gates
}

/// Who acts for another reads, requests and deploys directly; what binds a person's
/// word, or rests on an approval that was made for them, is theirs alone (rules.md 31).
fn in_person(act: Act, facts: &Facts<'_>) -> Option<Gate> {
    let by = facts.access.by.as_ref()?;
    let covered = facts.deploying.as_ref().is_some_and(|deploying| deploying.covered_by.is_some());
    match act {
        Act::Request => None,
        Act::Deploy if !covered => None,
        Act::Continue if facts.request.is_none() && !covered => None,
        Act::Retry if facts.request.is_none() => None,
        _ => Some(Gate::stop(
            "impersonation",
            format!("{by} acts for {}", facts.actor),
            format!("Only {} in person may do this.", facts.actor),
        )),
    }
}

pub fn passes(gates: &[Gate]) -> bool {
    gates.iter().all(|gate| gate.verdict != Verdict::Stop)
}

/// Why the request no longer stands, if so (rules.md 9). Quiet while the
/// repository cannot be read: not knowing voids nothing, but it starts nothing either.
pub fn void_cause(facts: &Facts<'_>) -> Option<VoidCause> {
    let request = facts.request.as_ref()?;
    if let Some(moved) = moved(request).or_else(|| renamed(facts, request)) {
        return Some(moved);
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
    void_cause_but_live(facts)
}

/// The same for a run that has changed what is live itself (rules.md 11).
pub fn void_cause_but_live(facts: &Facts<'_>) -> Option<VoidCause> {
    let request = facts.request.as_ref()?;
    moved(request).or_else(|| renamed(facts, request)).or_else(|| no_longer_sealed(request))
}

/// Why an approval covers the way back no more (rules.md 12), in a sentence. What its
/// tag is by now is nothing to a way back, and neither is another name.
pub fn covers_no_more(facts: &Facts<'_>) -> Option<String> {
    let request = facts.request.as_ref()?;
    if !facts.environment.approval.covers_rollback {
        return Some("By the policy of now an approval covers no way back.".to_owned());
    }
    no_longer_sealed(request).map(|cause| cause.words())
}

/// Whether a request that waits has all it takes: the policy asks for less than on the
/// day of the last decision, or somebody who accepted fills a place since.
pub fn is_decided(facts: &Facts<'_>) -> bool {
    let Some(request) = &facts.request else { return false };
    let waits = matches!(request.state, RequestState::AwaitingReview { until } if facts.now < *until);
    waits && request.tag == TagNow::Same && void_cause(facts).is_none() && request.quorum().is_reached()
}

/// Hosts, configuration and the people who accepted, as they are now.
fn no_longer_sealed(request: &RequestFacts<'_>) -> Option<VoidCause> {
    if request.hosts_digest != request.seal.hosts {
        return Some(VoidCause::HostsChanged { differs: request.differs.to_vec() });
    }
    if request.configuration_digest != request.seal.configuration {
        return Some(VoidCause::ConfigurationChanged { differs: request.differs.to_vec() });
    }
    let lost = request.decisions.iter().find(|d| d.kind == DecisionKind::Accept && !d.may_review);
    if let Some(decision) = lost {
        return Some(VoidCause::ApproverLostRight { who: decision.person.clone() });
    }
    let accepted = matches!(request.state.word(), RequestWord::Accepted | RequestWord::Launched);
    let quorum = request.quorum();
    (accepted && !quorum.is_reached()).then(|| VoidCause::QuorumRaised {
        have: quorum.have,
        need: quorum.need,
        groups: quorum.group_words(),
    })
}

fn renamed(facts: &Facts<'_>, request: &RequestFacts<'_>) -> Option<VoidCause> {
    let (seal, environment) = (request.seal, &facts.environment.name);
    let is_same = seal.application == *facts.application && seal.environment == *environment;
    let was = || format!("{} {}", seal.application, seal.environment);
    (!is_same).then(|| VoidCause::Renamed { was: was(), is: format!("{} {environment}", facts.application) })
}

fn moved(request: &RequestFacts<'_>) -> Option<VoidCause> {
    let short = |commit: &CommitId| commit.short().to_owned();
    match &request.tag {
        TagNow::Moved { is } => Some(VoidCause::TagMoved { was: short(&request.seal.to), is: short(is) }),
        TagNow::Replaced => {
            let tag = request.seal.tag.as_ref().map(ToString::to_string).unwrap_or_default();
            Some(VoidCause::TagReplaced { tag })
        }
        TagNow::Deleted => Some(VoidCause::TagDeleted),
        TagNow::Same | TagNow::Unread { .. } => None,
    }
}

/// Whether a request expired an hour ago still counts for the rate: it does.
pub fn an_hour_before(now: Timestamp) -> Timestamp {
    now - SignedDuration::from_hours(1)
}

/// Why a release may not be deployed by this environment's rule, if so.
pub fn not_allowed_by(
    rule: &DeployFrom,
    tags: Option<&str>,
    tag: &str,
    matches: impl Fn(&str, &str) -> bool,
) -> Option<String> {
    let DeployFrom::Tags(glob) = rule else { return None };
    if !matches(glob, tag) {
        return Some(format!("This environment takes tags like {glob}."));
    }
    match tags {
        Some(all) if !matches(all, tag) => Some(format!("This application releases tags like {all}.")),
        _ => None,
    }
}
