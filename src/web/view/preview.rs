//! What a release would change on each host, before anything is changed.

use askama::Template;
use jiff::Timestamp;

use super::{Section, Shell};
use crate::domain::preview::{Changes, Found, HostPreview, PreviewState, PreviewWord};
use crate::domain::scope::Scope;
use crate::web::html::{counted, filters};

#[derive(Debug, Template)]
#[template(path = "preview.html")]
pub struct Preview {
    pub shell: Shell,
    pub application: String,
    pub environment: String,
    /// The tag, else the first digits of the commit.
    pub release: String,
    /// What the form sends back: the tag, else the whole commit.
    pub asked: String,
    pub commit: String,
    pub delete_threshold: u8,
    /// `None`: nobody asked lately.
    pub found: Option<PreviewState>,
    /// Why there can be none here at all.
    pub why_none: Option<String>,
    pub may_ask: bool,
    /// The part that is looked at.
    pub scope: Scope,
}

impl Preview {
    fn state(&self) -> &'static str {
        let word = self.found.as_ref().map_or(PreviewWord::None, PreviewState::word);
        if self.why_none.is_some() { PreviewWord::None.word() } else { word.word() }
    }

    fn waits(&self) -> bool {
        self.why_none.is_none() && matches!(self.found, Some(PreviewState::Wanted))
    }

    fn sentence(&self) -> String {
        match &self.found {
            _ if self.why_none.is_some() => "There is no preview.".to_owned(),
            None => "Nobody has had the hosts compared lately.".to_owned(),
            Some(PreviewState::Wanted) => "The hosts are being compared. This page looks again.".to_owned(),
            Some(PreviewState::Failed { .. }) => "The comparison failed. Nothing was changed.".to_owned(),
            Some(PreviewState::None { .. }) => "There is no preview.".to_owned(),
            Some(PreviewState::Ready { hosts, .. }) => {
                let compared: Vec<_> = hosts.iter().filter(|host| host.found.is_compared()).collect();
                let number = counted(compared.len() as u64, "host", "hosts");
                let left = hosts.len() - compared.len();
                let rest = if left == 0 { String::new() } else { format!(" {left} could not be compared.") };
                if compared.is_empty() {
                    "No host could be compared.".to_owned()
                } else if compared.into_iter().all(is_same) {
                    format!("Nothing would change on {number}.{rest}")
                } else {
                    format!("What would change on {number}.{rest} Nothing was changed by looking.")
                }
            }
        }
    }

    /// The same for all hosts of the environment, from a part of them.
    fn whole_href(&self) -> Option<String> {
        let whole =
            super::preview_href(&self.application, &self.environment, &self.asked, &Scope::Environment);
        (!self.scope.is_whole()).then_some(whole)
    }

    /// Why there is none, of the environment or of this release.
    fn none(&self) -> Option<&String> {
        match &self.found {
            Some(PreviewState::None { why }) => self.why_none.as_ref().or(Some(why)),
            _ => self.why_none.as_ref(),
        }
    }

    fn failure(&self) -> Option<&String> {
        match &self.found {
            Some(PreviewState::Failed { why, .. }) if self.why_none.is_none() => Some(why),
            _ => None,
        }
    }

    fn hosts(&self) -> &[HostPreview] {
        match &self.found {
            Some(PreviewState::Ready { hosts, .. }) => hosts,
            _ => &[],
        }
    }

    fn found_at(&self) -> Option<&Timestamp> {
        match &self.found {
            Some(PreviewState::Ready { at, .. }) => Some(at),
            _ => None,
        }
    }

    fn may_ask_now(&self) -> bool {
        let answered = match &self.found {
            Some(PreviewState::None { .. } | PreviewState::Wanted) => true,
            Some(ready @ PreviewState::Ready { .. }) => !ready.has_gaps(),
            Some(PreviewState::Failed { .. }) | None => false,
        };
        self.may_ask && self.why_none.is_none() && !answered
    }
}

fn is_same(host: &HostPreview) -> bool {
    matches!(&host.found, Found::Changes(changes) if changes.added + changes.changed + changes.deleted == 0)
}

/// One kind of change with its first paths.
struct Kind<'a> {
    word: &'static str,
    number: u64,
    paths: &'a [String],
    /// What goes is shown at once.
    is_open: bool,
}

impl Kind<'_> {
    fn more(&self) -> u64 {
        self.number.saturating_sub(self.paths.len() as u64)
    }
}

/// Those of which there is something to show.
fn kinds(changes: &Changes) -> Vec<Kind<'_>> {
    let kind = |word, number, paths, is_open| Kind { word, number, paths, is_open };
    let mut kinds = vec![
        kind("deleted", changes.deleted, changes.deleted_paths.as_slice(), true),
        kind("changed", changes.changed, changes.changed_paths.as_slice(), false),
        kind("added", changes.added, changes.added_paths.as_slice(), false),
    ];
    kinds.retain(|kind| !kind.paths.is_empty());
    kinds
}
