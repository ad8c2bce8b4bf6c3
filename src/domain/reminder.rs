//! When somebody is reminded: reviewers at half of their time and shortly before its
//! end, the requester shortly before the slot is over. Each once.

use jiff::{SignedDuration, Timestamp};

use super::request::{LinkFacts, LinkState};

/// How long before the end of a review its list is told again.
pub const BEFORE_END: SignedDuration = SignedDuration::from_hours(4);
/// How long before the end of an unused slot its requester is told.
pub const BEFORE_SLOT_END: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewReminder {
    /// Half of the time is over, and nobody has decided.
    Half,
    /// It is about to end.
    Last,
}

/// What the reviewers may need to hear now.
#[derive(Debug, Clone, Copy)]
pub struct ReviewTime {
    /// Without pauses.
    pub whole: SignedDuration,
    pub left: SignedDuration,
    /// A question waits for its answer, and the clock stands still.
    pub is_paused: bool,
    pub is_decided_by_anybody: bool,
    /// The later one of those that were sent.
    pub sent: Option<ReviewReminder>,
}

/// A review that is not longer than the last reminder is early gets only the first;
/// after the last one, the first would say less.
pub fn review_reminder(time: ReviewTime) -> Option<ReviewReminder> {
    if time.is_paused || time.left <= SignedDuration::ZERO || time.sent == Some(ReviewReminder::Last) {
        return None;
    }
    if time.whole > BEFORE_END && time.left <= BEFORE_END {
        return Some(ReviewReminder::Last);
    }
    let half = time.left <= time.whole / 2 && !time.is_decided_by_anybody;
    (half && time.sent.is_none()).then_some(ReviewReminder::Half)
}

/// A slot that is not longer than the reminder is early needs none.
pub fn slot_reminder_is_due(link: &LinkFacts, now: Timestamp) -> bool {
    let long = link.expires_at.duration_since(link.starts_at) > BEFORE_SLOT_END;
    long && link.state(now) == LinkState::Unused && link.expires_at.duration_since(now) <= BEFORE_SLOT_END
}
