//! What a change of the fleet makes laxer or other about who approves and when. Those
//! who watched over a place are told of it, so that nobody loosens it unseen
//! (rules.md 17).

use super::follow::follow;
use super::{Approval, Calendar, Environment, Fleet};
use crate::domain::name::Name;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalChange {
    pub application: Name,
    pub environment: Name,
    /// The review list before the change.
    pub told: Vec<String>,
    /// One sentence each.
    pub changes: Vec<String>,
}

/// Between the fleet before and after; `wanted` says what was renamed by its `was`.
/// An environment that is new is no change; of one that is gone it is told, since one of
/// its name that is made anew has a policy of its own.
pub fn approval_changes(old: &Fleet, wanted: &Fleet, new: &Fleet) -> Vec<ApprovalChange> {
    let (old, _) = follow(old, wanted);
    let mut found = Vec::new();
    for application in &old.applications {
        for before in &application.environments {
            let changes = match new.environment(&application.name, &before.name) {
                Some((_, after)) => changes((&old, before), (new, after)),
                None if before.approval.needed() > 0 => {
                    vec!["The environment was removed, and what it asked for with it.".to_owned()]
                }
                None => continue,
            };
            if !changes.is_empty() {
                found.push(ApprovalChange {
                    application: application.name.clone(),
                    environment: before.name.clone(),
                    told: before.approval.review_list.clone(),
                    changes,
                });
            }
        }
    }
    found
}

fn changes((old, before): (&Fleet, &Environment), (new, after): (&Fleet, &Environment)) -> Vec<String> {
    let (was, is) = (&before.approval, &after.approval);
    let mut changes = Vec::new();
    if is.needed() < was.needed() {
        changes.push(format!("It takes {} instead of {}.", accepts(is.needed()), accepts(was.needed())));
    } else if is.required < was.required {
        changes.push(format!("The count went from {} to {}.", was.required, is.required));
    }
    if is.self_approval && !was.self_approval {
        changes.push("Whoever asks may approve their own request.".to_owned());
    }
    if is.authors_count && !was.authors_count {
        changes.push("The accept of an author counts.".to_owned());
    }
    if is.groups != was.groups {
        changes.push(format!("The groups were {} and are {}.", groups(was), groups(is)));
    }
    if is.review_list != was.review_list {
        changes.push(format!(
            "The review list was {} and is {}.",
            list(&was.review_list),
            list(&is.review_list)
        ));
    }
    if was.needed() > 0 {
        if is.stand_hours > was.stand_hours {
            changes.push(format!(
                "An approval stands for {} hours instead of {}.",
                is.stand_hours, was.stand_hours
            ));
        }
        if is.slot_minutes > was.slot_minutes {
            changes.push(format!(
                "A link works for {} minutes instead of {}.",
                is.slot_minutes, was.slot_minutes
            ));
        }
        if is.covers_rollback && !was.covers_rollback {
            changes.push("Who accepts a release accepts the way back from it as well.".to_owned());
        }
    }
    match (&before.promote_from, &after.promote_from) {
        (Some(was), None) => changes.push(format!("A release need not have succeeded in {was} any more.")),
        (Some(was), Some(is)) if was != is => {
            changes.push(format!("A release has to succeed in {is} before, and no longer in {was}."));
        }
        _ => {}
    }
    match (&before.calendar, &after.calendar) {
        (was, is) if was != is => {
            let name =
                |name: &Option<Name>| name.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
            changes.push(format!("The calendar was {} and is {}.", name(was), name(is)));
        }
        (Some(name), _) if plain(old, name) != plain(new, name) => {
            changes.push(format!("The hours or days of the calendar {name} changed."));
        }
        _ => {}
    }
    changes
}

/// Without its former name, which says nothing about its hours.
fn plain(fleet: &Fleet, name: &Name) -> Option<Calendar> {
    fleet.calendar(name).map(|calendar| Calendar { was: None, ..calendar.clone() })
}

fn accepts(count: u32) -> String {
    format!("{count} {}", if count == 1 { "accept" } else { "accepts" })
}

fn groups(approval: &Approval) -> String {
    let words = |group: &super::ApprovalGroup| format!("{} of {}", group.required, group.role);
    list(&approval.groups.iter().map(words).collect::<Vec<_>>())
}

fn list(entries: &[String]) -> String {
    if entries.is_empty() { "empty".to_owned() } else { entries.join(", ") }
}
