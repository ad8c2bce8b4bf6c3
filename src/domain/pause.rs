//! A question stops the clock of a review, for 72 hours in all; an answer starts it
//! again (rules.md 4). The whole rest of the pause is added to the end of the review
//! when it begins, and what was not needed is taken back when it ends, so that
//! whoever asks whether a request expired need not know of pauses.

use jiff::{SignedDuration, Timestamp};

use super::request::{Request, RequestState, WrongState};

pub const LONGEST: SignedDuration = SignedDuration::from_hours(72);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pause {
    /// Since when a question is open.
    pub since: Option<Timestamp>,
    /// What earlier questions took.
    pub used: SignedDuration,
}

impl Pause {
    /// Until when the clock stands still at most; `None` while it runs.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.since.map(|since| since + self.left()).filter(|until| now < *until)
    }

    fn left(&self) -> SignedDuration {
        (LONGEST - self.used).max(SignedDuration::ZERO)
    }

    /// Another question while one is open changes nothing.
    fn begin(self, ends: Timestamp, now: Timestamp) -> (Self, Timestamp) {
        if self.since.is_some() || self.left().is_zero() {
            return (self, ends);
        }
        (Self { since: Some(now), ..self }, ends + self.left())
    }

    fn end(self, ends: Timestamp, now: Timestamp) -> (Self, Timestamp) {
        let Some(since) = self.since else { return (self, ends) };
        let stood = now.duration_since(since).clamp(SignedDuration::ZERO, self.left());
        (Self { since: None, used: self.used + stood }, ends - (self.left() - stood))
    }

    /// The whole time for review, pauses left out.
    pub fn review_time(&self, begun: Timestamp, ends: Timestamp) -> SignedDuration {
        let added = if self.since.is_some() { LONGEST } else { self.used };
        ends.duration_since(begun) - added
    }
}

impl Request {
    /// A question changes no state; it stops the clock.
    pub fn stop_clock(&mut self, now: Timestamp) -> Result<(), WrongState> {
        self.with_clock("asked about", |pause, ends| pause.begin(ends, now))
    }

    /// The question is answered.
    pub fn start_clock(&mut self, now: Timestamp) -> Result<(), WrongState> {
        self.with_clock("answered for", |pause, ends| pause.end(ends, now))
    }

    fn with_clock(
        &mut self,
        wanted: &'static str,
        change: impl FnOnce(Pause, Timestamp) -> (Pause, Timestamp),
    ) -> Result<(), WrongState> {
        let RequestState::AwaitingReview { until } = &mut self.state else {
            return Err(WrongState { state: self.state.word(), wanted });
        };
        (self.pause, *until) = change(self.pause, *until);
        Ok(())
    }
}
