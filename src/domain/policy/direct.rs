//! The gates of deployments without a request, and of retries.

use super::held_up::broken;
use super::reasons::{lacking, place};
use super::{Covering, DeployFacts, Facts, RequestFacts, TagNow, void_cause_but_live};
use crate::domain::deployment::Direction;
use crate::domain::fleet::Strategy;
use crate::domain::gate::Gate;
use crate::domain::permission::Permission;
use crate::domain::request::RequestState;

fn has(facts: &Facts<'_>, permission: Permission) -> bool {
    facts.access.may(permission, facts.application, &facts.environment.name)
}

fn covered(facts: &Facts<'_>) -> bool {
    facts.deploying.as_ref().is_some_and(|deploying| deploying.covering().is_some())
}

pub(super) fn may_deploy(facts: &Facts<'_>) -> Gate {
    let place = place(facts);
    let right = if has(facts, Permission::Deploy) {
        "may deploy at any time"
    } else if has(facts, Permission::DeployInWindow) {
        "may deploy within the window"
    } else if covered(facts) && has(facts, Permission::Request) {
        "may go back under the approval"
    } else {
        let remedy = format!(
            "An administrator can grant it for {place} through a role. A request needs no such right."
        );
        return lacking(facts, Permission::DeployInWindow, "deploy", remedy);
    };
    Gate::pass("permission", "May deploy here", format!("{} {right} to {place}.", facts.actor))
}

/// Approval binds everybody (rules.md 1); the way out is the request (rules.md 18).
pub(super) fn approval_not_needed(facts: &Facts<'_>, deploying: &DeployFacts) -> Option<Gate> {
    const CODE: &str = "approval";
    if let Some(request) = deploying.covering() {
        let words = format!("The approval of request {request} covers the way back as well.");
        return Some(Gate::pass(CODE, "Covered by an approval", words));
    }
    (facts.environment.approval.needed() > 0).then(|| {
        if broken(facts) {
            return Gate::warn(CODE, "Approval overridden", "Somebody else signs it afterwards.");
        }
        if let Some(Covering { request, why_not: Some(why) }) = &deploying.covered_by {
            let remedy = format!("{why} Request the way back instead.");
            return Gate::stop(CODE, format!("The approval of request {request} covers it no more"), remedy);
        }
        let remedy = format!("{} asks for approval: request the release instead.", place(facts));
        Gate::stop(CODE, "Needs approval", remedy)
    })
}

pub(super) fn deploying_allowed(deploying: &DeployFacts) -> Gate {
    const CODE: &str = "release_allowed";
    match &deploying.not_allowed {
        None => Gate::pass(
            CODE,
            "May be deployed here",
            format!("{} fits the rules of this environment.", deploying.release_words),
        ),
        Some(why) => Gate::stop(CODE, "May not be deployed here", why.clone()),
    }
}

/// Any direction is allowed, and said.
pub(super) fn direction(facts: &Facts<'_>, deploying: &DeployFacts) -> Option<Gate> {
    const CODE: &str = "direction";
    let (wanted, live) = (&deploying.release_words, &facts.live.from_words);
    Some(match deploying.direction? {
        Direction::Forward => Gate::pass(CODE, "Newer than live", format!("{wanted} descends from {live}.")),
        Direction::GoesBack => Gate::warn(CODE, "Goes back", format!("{live} already contains {wanted}.")),
        Direction::Redeploys => {
            Gate::warn(CODE, "Redeploys", format!("{wanted} is what runs here by the record."))
        }
        Direction::Diverged => Gate::warn(
            CODE,
            "Diverged",
            format!("{wanted} does not contain {live}: some of it will be gone."),
        ),
    })
}

pub(super) fn scope(facts: &Facts<'_>, deploying: &DeployFacts) -> Option<Gate> {
    const CODE: &str = "scope";
    if !deploying.scope.is_whole() {
        return Some(Gate::warn(
            CODE,
            format!("Only {}", deploying.scope),
            "The rest keeps what it runs: two versions will serve.",
        ));
    }
    let alone = facts.environment.strategy == Strategy::Clusters
        && facts.hosts.balanced.len() == 1
        && facts.environment.clusters.len() == 1;
    alone.then(|| {
        let words = "It is the only cluster, so nothing serves while it is deployed.";
        Gate::warn(CODE, "An outage", words)
    })
}

impl DeployFacts {
    /// The request whose approval covers it, if one does.
    fn covering(&self) -> Option<i64> {
        self.covered_by
            .as_ref()
            .filter(|covering| covering.why_not.is_none())
            .map(|covering| covering.request)
    }
}

/// To retry or to continue: for who may deploy here, who asked for the release, and who
/// goes back under an approval that covers it, by the rights of now (rules.md 11, 22).
pub(super) fn may_go_on(facts: &Facts<'_>, verb: &str) -> Gate {
    let is_requester = facts.request.as_ref().is_some_and(|request| request.requester == facts.actor);
    let theirs = (is_requester || covered(facts)) && has(facts, Permission::Request);
    if theirs || has(facts, Permission::DeployInWindow) {
        let words = format!("{} has the right for {}.", facts.actor, place(facts));
        return Gate::pass("permission", format!("May {verb} here"), words);
    }
    let wanted = if is_requester { Permission::Request } else { Permission::DeployInWindow };
    let remedy = "Who asked for the release may, and who may deploy here.".to_owned();
    lacking(facts, wanted, verb, remedy)
}

pub(super) fn stands(facts: &Facts<'_>, request: &RequestFacts<'_>) -> Gate {
    const CODE: &str = "accepted";
    match request.state {
        RequestState::Launched { stands_until, .. } if facts.now < *stands_until => {
            Gate::pass(CODE, "The approval stands", "The same approval covers what is left to do.")
        }
        _ => Gate::stop(CODE, "The approval has run out", "Ask for the release again."),
    }
}

pub(super) fn unchanged_but_live(facts: &Facts<'_>, request: &RequestFacts<'_>) -> Gate {
    const CODE: &str = "unchanged";
    if let Some(cause) = void_cause_but_live(facts) {
        let remedy = format!("{} It has to be asked for again.", cause.words());
        return Gate::stop(CODE, "Changed since it was asked for", remedy);
    }
    if let TagNow::Unread { why } = &request.tag {
        return Gate::stop(CODE, "The repository could not be read", format!("{why} Try again in a moment."));
    }
    Gate::pass(CODE, "Nothing changed", "Tag, hosts and configuration match the seal.")
}
