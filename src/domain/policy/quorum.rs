//! Whether enough people accepted: who counts, what each group still needs, and
//! the words for both.
//!
//! One person's accept counts once in all. Somebody who is in two of the groups
//! fills a place in one of them only, whichever leaves the fewest places empty: two
//! groups that ask for one person each are two people, always.

use serde::{Deserialize, Serialize};

use super::DecisionFacts;
use crate::domain::fleet::{Approval, ApprovalGroup};
use crate::domain::name::Name;
use crate::domain::person::DEFAULT_ROLE;
use crate::domain::request::DecisionKind;

/// What a policy asks of those who accept. A request keeps the terms it was made and
/// accepted under, and is judged by each of them and by those of now: together they
/// are the stricter (rules.md 17).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub required: u32,
    pub self_approval: bool,
    pub authors_count: bool,
    #[serde(default)]
    pub groups: Vec<ApprovalGroup>,
}

impl From<&Approval> for Terms {
    fn from(approval: &Approval) -> Self {
        Self {
            required: approval.required,
            self_approval: approval.self_approval,
            authors_count: approval.authors_count,
            groups: approval.groups.clone(),
        }
    }
}

/// How far a request has come by some terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// Distinct people whose accept counts.
    pub have: u32,
    pub need: u32,
    /// In the order of the policy; each person is counted in one of them.
    pub groups: Vec<GroupStanding>,
    /// Accepts that do not count, and why.
    pub uncounted: Vec<(Name, Uncounted)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStanding {
    pub role: Name,
    pub have: u32,
    pub need: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncounted {
    LostRight,
    OwnRequest,
    Author,
}

/// By the terms that leave most to do. `askers`: the requester, and who really asked.
pub fn strictest(terms: &[Terms], decisions: &[DecisionFacts], askers: &[&Name]) -> Quorum {
    let judged = terms.iter().map(|terms| judge(terms, decisions, askers));
    judged.max_by_key(|quorum| (quorum.missing(), quorum.need)).unwrap_or(Quorum {
        // Without any terms nothing is known, and nothing is approved.
        have: 0,
        need: 1,
        groups: Vec::new(),
        uncounted: Vec::new(),
    })
}

/// A later decision of the same person stands for the earlier one (rules.md 5).
pub fn judge(terms: &Terms, decisions: &[DecisionFacts], askers: &[&Name]) -> Quorum {
    let mut counting: Vec<&DecisionFacts> = Vec::new();
    let mut uncounted = Vec::new();
    for (place, decision) in decisions.iter().enumerate() {
        let has_later = decisions[place + 1..].iter().any(|later| later.person == decision.person);
        if has_later || decision.kind != DecisionKind::Accept {
            continue;
        }
        match why_uncounted(terms, decision, askers) {
            Some(why) => uncounted.push((decision.person.clone(), why)),
            None => counting.push(decision),
        }
    }
    Quorum {
        have: count(counting.len()),
        need: needed(terms.required, &terms.groups),
        groups: seat(&terms.groups, &counting),
        uncounted,
    }
}

fn why_uncounted(terms: &Terms, decision: &DecisionFacts, askers: &[&Name]) -> Option<Uncounted> {
    if !decision.may_review {
        Some(Uncounted::LostRight)
    } else if askers.contains(&&decision.person) {
        // Whoever asks has mostly written it: where they may approve, that is meant.
        (!terms.self_approval).then_some(Uncounted::OwnRequest)
    } else if decision.is_author && !terms.authors_count {
        Some(Uncounted::Author)
    } else {
        None
    }
}

/// How many people it takes: the count, or all places of the groups where those are more.
pub fn needed(required: u32, groups: &[ApprovalGroup]) -> u32 {
    required.max(groups.iter().map(|group| group.required).sum())
}

/// Gives every person at most one place, and fills as many places as can be: each
/// place looks for a person, who leaves the one they have when it finds another.
fn seat(groups: &[ApprovalGroup], people: &[&DecisionFacts]) -> Vec<GroupStanding> {
    let places: Vec<usize> = groups
        .iter()
        .enumerate()
        .flat_map(|(group, wanted)| std::iter::repeat_n(group, wanted.required as usize))
        .collect();
    let mut place_of: Vec<Option<usize>> = vec![None; people.len()];
    for place in 0..places.len() {
        let mut asked = vec![false; people.len()];
        fill(place, &places, groups, people, &mut place_of, &mut asked);
    }
    let taken = |group: usize| place_of.iter().flatten().filter(|place| places[**place] == group).count();
    let standing = |(index, group): (usize, &ApprovalGroup)| GroupStanding {
        role: group.role.clone(),
        have: count(taken(index)),
        need: group.required,
    };
    groups.iter().enumerate().map(standing).collect()
}

fn fill(
    place: usize,
    places: &[usize],
    groups: &[ApprovalGroup],
    people: &[&DecisionFacts],
    place_of: &mut [Option<usize>],
    asked: &mut [bool],
) -> bool {
    for (person, decision) in people.iter().enumerate() {
        if asked[person] || !is_in(decision, &groups[places[place]].role) {
            continue;
        }
        asked[person] = true;
        let moves = match place_of[person] {
            None => true,
            Some(held) => fill(held, places, groups, people, place_of, asked),
        };
        if moves {
            place_of[person] = Some(place);
            return true;
        }
    }
    false
}

/// Everybody who may act here at all has the role of everybody.
fn is_in(decision: &DecisionFacts, role: &Name) -> bool {
    role.as_str() == DEFAULT_ROLE || decision.roles.contains(role)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Quorum {
    pub fn is_reached(&self) -> bool {
        self.missing() == 0
    }

    /// How many accepts are missing at least.
    pub fn missing(&self) -> u32 {
        let seats = self.groups.iter().map(|group| group.need - group.have.min(group.need)).sum();
        self.need.saturating_sub(self.have).max(seats)
    }

    /// `1 of 1 from ops; 0 of 1 from owners`; empty without groups.
    pub fn group_words(&self) -> String {
        let words = |group: &GroupStanding| format!("{} of {} from {}", group.have, group.need, group.role);
        self.groups.iter().map(words).collect::<Vec<_>>().join("; ")
    }

    /// `1 of 2 accepts: 1 of 1 from ops; 0 of 1 from owners.` and whose accept does not count.
    pub fn words(&self) -> String {
        let accepts = if self.need == 1 { "accept" } else { "accepts" };
        let mut words = format!("{} of {} {accepts}", self.have, self.need);
        if !self.groups.is_empty() {
            words.push_str(": ");
            words.push_str(&self.group_words());
        }
        words.push('.');
        for (person, why) in &self.uncounted {
            let why = match why {
                Uncounted::LostRight => "may no longer review here",
                Uncounted::OwnRequest => "asked for it",
                Uncounted::Author => "wrote a part of it",
            };
            for part in [" ", person.as_str(), " ", why, ", and does not count."] {
                words.push_str(part);
            }
        }
        words
    }
}
