//! Promotion: an environment that takes only what succeeded in another one before.
//!
//! What counts is the commit, so a tag that moves or a second tag on the same commit
//! changes nothing. What succeeded here before may come again, forward or back,
//! whether or not the other environment ever saw it: a way back must not wait.

use std::collections::BTreeSet;

use super::Facts;
use crate::domain::gate::Gate;
use crate::domain::name::{CommitId, Name};

/// What succeeded as a whole: in the environment before, and here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promotion {
    pub there: BTreeSet<CommitId>,
    pub here: BTreeSet<CommitId>,
}

/// Why a release has to wait, in words; `None` where it may come.
pub fn not_promoted(
    from: Option<&Name>,
    promotion: &Promotion,
    commit: &CommitId,
    release_words: &str,
) -> Option<String> {
    let from = from?;
    let may = promotion.there.contains(commit) || promotion.here.contains(commit);
    (!may).then(|| format!("{release_words} has not succeeded in {from}. Deploy it there first."))
}

/// Quiet where no release is named yet.
pub(super) fn promotion(facts: &Facts<'_>) -> Option<Gate> {
    const CODE: &str = "promotion";
    let from = facts.environment.promote_from.as_ref()?;
    let (commit, words) = release(facts)?;
    Some(match not_promoted(Some(from), facts.promotion, &commit, &words) {
        Some(why) => Gate::stop(CODE, format!("Not yet in {from}"), why),
        None if facts.promotion.there.contains(&commit) => {
            Gate::pass(CODE, format!("Succeeded in {from}"), format!("{words} ran there before."))
        }
        None => Gate::pass(CODE, "Succeeded here before", format!("{words} need not go by {from} again.")),
    })
}

fn release(facts: &Facts<'_>) -> Option<(CommitId, String)> {
    if let Some(asking) = &facts.asking {
        return Some((asking.commit.clone(), asking.release_words.clone()));
    }
    if let Some(request) = &facts.request {
        let seal = request.seal;
        let words = seal.tag.as_ref().map_or_else(|| seal.to.short().to_owned(), ToString::to_string);
        return Some((seal.to.clone(), words));
    }
    let deploying = facts.deploying.as_ref()?;
    Some((deploying.commit.clone()?, deploying.release_words.clone()))
}
