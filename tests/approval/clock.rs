//! The clock of a review and the reminders by it, as pure functions.

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;

use crate::domain::pause::Pause;
use crate::domain::reminder::{ReviewReminder, ReviewTime, review_reminder, slot_reminder_is_due};
use crate::domain::request::LinkFacts;

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn at(hour: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + hours(hour)
}

/// Asked at 0, so that it ends at 72. What happens when: `?` a question, `!` an answer.
#[rstest]
#[case(&[], 72, None)]
#[case(&[(10, '?')], 144, Some(82))]
#[case(&[(10, '?'), (15, '!')], 77, None)]
// A second question while one is open changes nothing.
#[case(&[(10, '?'), (12, '?'), (15, '!')], 77, None)]
#[case(&[(10, '?'), (15, '!'), (20, '?')], 144, Some(87))]
#[case(&[(10, '?'), (15, '!'), (20, '?'), (30, '!')], 87, None)]
// 72 hours in all, whatever is answered when.
#[case(&[(10, '?'), (100, '!')], 144, None)]
#[case(&[(10, '?'), (100, '!'), (110, '?')], 144, None)]
#[case(&[(10, '?'), (60, '!'), (70, '?'), (130, '!')], 144, None)]
// Nothing was asked.
#[case(&[(10, '!')], 72, None)]
fn a_question_stops_the_clock_and_an_answer_starts_it(
    #[case] said: &[(i64, char)],
    #[case] ends: i64,
    #[case] stands_until: Option<i64>,
) {
    let mut request = super::differing::request(at(0), at(72));
    for (hour, what) in said {
        match what {
            '?' => request.stop_clock(at(*hour)).unwrap(),
            _ => request.start_clock(at(*hour)).unwrap(),
        }
    }
    let crate::domain::request::RequestState::AwaitingReview { until } = request.state else { panic!() };
    assert_eq!(until, at(ends), "{said:?}");
    let last = said.last().map_or(0, |(hour, _)| *hour);
    assert_eq!(request.pause.until(at(last)), stands_until.map(at), "{said:?}");
    assert_eq!(request.pause.review_time(at(0), until), hours(72), "pauses are no time for review: {said:?}");
}

#[test]
fn a_request_that_is_over_has_no_clock() {
    use crate::domain::request::RequestState;
    let mut request = super::differing::request(at(0), at(72));
    request.state = RequestState::Expired { at: at(72) };
    assert!(request.stop_clock(at(73)).is_err() && request.start_clock(at(73)).is_err());
    assert_eq!(request.pause, Pause::default());
}

/// Hours of the whole and hours left, what was decided and sent, and what is due.
#[rstest]
#[case(72, 37, "", None)]
#[case(72, 36, "", Some(ReviewReminder::Half))]
#[case(72, 20, "", Some(ReviewReminder::Half))]
#[case(72, 20, "half", None)]
#[case(72, 20, "decided", None)]
#[case(72, 20, "paused", None)]
#[case(72, 4, "half", Some(ReviewReminder::Last))]
#[case(72, 4, "half decided", Some(ReviewReminder::Last))]
#[case(72, 4, "half paused", None)]
#[case(72, 4, "half last", None)]
// After a long night only the last one is sent.
#[case(72, 3, "", Some(ReviewReminder::Last))]
#[case(72, 3, "last", None)]
#[case(72, 0, "", None)]
// Where half of the time and its last hours are the same, once is enough.
#[case(8, 4, "", Some(ReviewReminder::Last))]
#[case(6, 3, "last", None)]
#[case(4, 4, "", None)]
#[case(4, 2, "", Some(ReviewReminder::Half))]
#[case(4, 1, "half", None)]
fn reviewers_are_reminded_at_half_time_and_before_the_end(
    #[case] whole: i64,
    #[case] left: i64,
    #[case] facts: &str,
    #[case] due: Option<ReviewReminder>,
) {
    let is = |word: &str| facts.split(' ').any(|fact| fact == word);
    let time = ReviewTime {
        whole: hours(whole),
        left: hours(left),
        is_paused: is("paused"),
        is_decided_by_anybody: is("decided"),
        sent: match (is("half"), is("last")) {
            (_, true) => Some(ReviewReminder::Last),
            (true, false) => Some(ReviewReminder::Half),
            (false, false) => None,
        },
    };
    assert_eq!(review_reminder(time), due, "{time:?}");
}

/// Minutes of the slot, minutes since its beginning, and whether its requester is told.
#[rstest]
#[case(60, 44, false)]
#[case(60, 45, true)]
#[case(60, 59, true)]
#[case(60, 60, false)]
#[case(60, -1, false)]
#[case(15, 5, false)]
fn the_requester_is_reminded_a_quarter_of_an_hour_before_the_slot_ends(
    #[case] length: i64,
    #[case] since: i64,
    #[case] due: bool,
) {
    let minutes = SignedDuration::from_mins;
    let unused =
        LinkFacts { starts_at: at(1), expires_at: at(1) + minutes(length), used_at: None, revoked_at: None };
    let now = at(1) + minutes(since);
    assert_eq!(slot_reminder_is_due(&unused, now), due);
    for gone in
        [LinkFacts { used_at: Some(at(1)), ..unused }, LinkFacts { revoked_at: Some(at(1)), ..unused }]
    {
        assert!(!slot_reminder_is_due(&gone, now), "{gone:?}");
    }
}
