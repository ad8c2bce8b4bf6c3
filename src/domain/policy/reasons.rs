//! One function per gate: a fact in, a verdict with its words and remedy out.

use jiff::Timestamp;

use super::{
    Act, AskingFacts, DecisionFacts, Facts, MOST_IN_AN_HOUR, MOST_OPEN, Newer, RequestFacts, TagNow,
    void_cause,
};
use crate::domain::actor::NOBODY;
use crate::domain::diff::Relation;
use crate::domain::fleet::SyncMethod;
use crate::domain::gate::Gate;
use crate::domain::name::Name;
use crate::domain::permission::{Lacks, Permission};
use crate::domain::request::{DecisionKind, LinkState, RequestState, RequestWord};

pub(super) fn place(facts: &Facts<'_>) -> String {
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
        let remedy = format!("An administrator can grant it for {place} through a role.");
        lacking(facts, wanted, words, remedy)
    }
}

/// Why somebody may not do something here. `remedy` is what helps where no role gives
/// the right; where it is theirs, something else is in the way.
pub(super) fn lacking(facts: &Facts<'_>, wanted: Permission, words: &str, remedy: String) -> Gate {
    const CODE: &str = "permission";
    let actor = facts.actor;
    let title = format!("{actor} may not {words} here");
    match facts.access.lacks(wanted, facts.application, &facts.environment.name) {
        _ if actor.as_str() == NOBODY => Gate::stop(CODE, "Not signed in", "Sign in first."),
        Some(Lacks::Scope) => {
            Gate::stop(CODE, "Not with this token", "The scope of this token does not reach this.")
        }
        Some(Lacks::Person) => Gate::stop(CODE, title, format!("Only {actor} in person may do this.")),
        Some(Lacks::Right) | None => Gate::stop(CODE, title, remedy),
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
    if !request.askers().contains(&facts.actor) {
        return None;
    }
    Some(if request.terms.iter().all(|terms| terms.self_approval) {
        Gate::warn(
            "own_request",
            "Your own request",
            "This environment allows it; the decision is marked as your own.",
        )
    } else {
        let words = if facts.actor == request.requester {
            "Somebody else has to decide it.".to_owned()
        } else {
            format!("You asked for it in the name of {}; somebody else has to decide it.", request.requester)
        };
        Gate::stop("own_request", "Your own request", words)
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

/// To the author alone: whoever else looks need not be told who wrote what.
pub(super) fn author(facts: &Facts<'_>, request: &RequestFacts<'_>) -> Option<Gate> {
    let wrote = request.authors.contains(facts.actor) && !request.askers().contains(&facts.actor);
    (wrote && request.terms.iter().any(|terms| !terms.authors_count)).then(|| {
        Gate::warn(
            "author",
            "You wrote a part of this",
            "An accept of yours does not count here; somebody else's has to. Authors are known by their verified mail address, which helps and proves nothing.",
        )
    })
}

pub(super) fn approved(request: &RequestFacts<'_>) -> Gate {
    let quorum = request.quorum();
    if quorum.is_reached() {
        let counts = |decision: &&DecisionFacts| {
            let is_accept = decision.kind == DecisionKind::Accept;
            is_accept && quorum.uncounted.iter().all(|(person, _)| *person != decision.person)
        };
        let names: Vec<&str> =
            request.decisions.iter().filter(counts).map(|decision| decision.person.as_str()).collect();
        let words = match (names.is_empty(), quorum.group_words()) {
            (true, _) => "No approval is needed here.".to_owned(),
            (false, groups) if groups.is_empty() => format!("By {}.", names.join(", ")),
            (false, groups) => format!("By {}: {groups}.", names.join(", ")),
        };
        Gate::pass("approved", "Approved", words)
    } else {
        let remedy = format!("{} Withdraw it and ask again, so that more people can decide.", quorum.words());
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
            gates.push(Gate::stop("slot", "The slot has not begun", "It begins with the window that was next when the link was made. A new link may begin earlier."));
        }
        Some(LinkState::Used) if matches!(request.state, RequestState::Accepted { .. }) => {
            gates.push(Gate::stop(
                "slot",
                "Cancelled before it began",
                "The deployment that the link started ended in the queue. Have a new link made.",
            ));
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
        gates.push(Gate::stop("hosts", "No active server", "No server that it would go to is active."));
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
    if environment.sync == SyncMethod::Delta {
        missing.push("sync `delta`".to_owned());
    }
    (!missing.is_empty()).then(|| {
        Gate::stop(
            "not_built",
            "Not possible in this version",
            format!("This environment asks for {}.", missing.join(", ")),
        )
    })
}
