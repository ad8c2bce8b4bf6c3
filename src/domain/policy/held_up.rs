//! What holds a start up although the release is right: freezes and the calendar,
//! and the break-glass that passes the one and never the other.

use super::{Act, Facts};
use crate::domain::freeze::Level;
use crate::domain::gate::Gate;
use crate::domain::overriding::Via;
use crate::domain::permission::Permission;
use crate::domain::windows::Window;

/// Acts that make something run.
fn starts(act: Act) -> bool {
    matches!(act, Act::Launch | Act::Start | Act::Deploy | Act::Retry)
}

/// One gate for each freeze, so that nobody waits for the end of the wrong one.
pub(super) fn freezes(act: Act, facts: &Facts<'_>) -> Vec<Gate> {
    const CODE: &str = "freeze";
    let gate = |freeze: &crate::domain::freeze::Freeze| {
        let place = freeze.on.words();
        let end = freeze.end_words(&facts.zone);
        let reason = freeze.reason.trim_end_matches('.');
        let people = freeze.people();
        match freeze.level {
            Level::Lock if starts(act) => Gate::stop(
                CODE,
                format!("{place} is frozen"),
                format!(
                    "{reason}. Frozen by {people} {end}; nobody passes it, and an administrator may lift it."
                ),
            ),
            Level::Lock => Gate::warn(
                CODE,
                format!("{place} is frozen now"),
                format!("{reason}. Frozen by {people} {end}: nothing starts before that."),
            ),
            Level::Warning => Gate::warn(
                CODE,
                format!("{place}: take care"),
                format!("{reason}. Said by {people} {end}; it holds nothing up."),
            ),
        }
    };
    facts.freezes.iter().map(gate).collect()
}

pub(super) fn window(act: Act, facts: &Facts<'_>) -> Option<Gate> {
    const CODE: &str = "window";
    let words = match &facts.window {
        Window::Always => return None,
        Window::Open { words, .. } => return Some(Gate::pass(CODE, "Within the window", words.clone())),
        Window::Closed { words, .. } => words,
    };
    let may_always = facts.access.may(Permission::Deploy, facts.application, &facts.environment.name);
    Some(if broken(facts) {
        Gate::warn(CODE, "Outside the window", format!("{words} The override passes it."))
    } else if matches!(act, Act::Deploy | Act::Retry) && may_always {
        Gate::warn(CODE, "Outside the window", format!("{words} The right to deploy passes it."))
    } else if starts(act) {
        Gate::stop(CODE, "Outside the window", words.clone())
    } else {
        Gate::warn(CODE, "Outside the window now", format!("{words} The slot begins then."))
    })
}

/// Whether the glass is broken by somebody who may (rules.md 1).
pub(super) fn broken(facts: &Facts<'_>) -> bool {
    way(facts) == Some(Via::Session)
        && facts.access.may(Permission::Deploy, facts.application, &facts.environment.name)
}

/// By which way the glass is to be broken. Who acts in another's name does so by no
/// session of that person's, whatever they came with.
fn way(facts: &Facts<'_>) -> Option<Via> {
    let via = facts.deploying.as_ref()?.break_glass?;
    Some(match via {
        _ if facts.access.by.is_some() => Via::Impersonation,
        Via::Session if facts.access.within.is_some() => Via::Token,
        via => via,
    })
}

/// The gate of who wants to break the glass.
pub(super) fn break_glass(facts: &Facts<'_>) -> Option<Gate> {
    const CODE: &str = "break_glass";
    Some(match way(facts)? {
        Via::Token => Gate::stop(
            CODE,
            "Not by a token",
            "Break-glass is for a person who is signed in, on the deploy page.",
        ),
        Via::Impersonation => {
            Gate::stop(CODE, "Not in another's name", "Break-glass is for the person themselves, signed in.")
        }
        Via::Session if broken(facts) => Gate::warn(
            CODE,
            "Override",
            "It is told to everybody at once, and stays open until somebody else has signed it.",
        ),
        Via::Session => {
            Gate::stop(CODE, "May not break the glass", "It takes the right to deploy here at any time.")
        }
    })
}
