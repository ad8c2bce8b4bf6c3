//! Windows: half-open spans, closed days, and the two days a year on which the
//! clocks of Paris are changed.

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use rstest::rstest;

use crate::domain::calendar::Windows;
use crate::domain::fleet::Calendar;

const EVERY_DAY: &str = r#"["mon","tue","wed","thu","fri","sat","sun"]"#;

fn windows(weekly: &str, closed: &str) -> Windows {
    let json = format!(r#"{{"name":"c","timezone":"Europe/Paris","weekly":{weekly},"closed":{closed}}}"#);
    let calendar: Calendar = serde_json::from_str(&json).unwrap();
    Windows::of(&calendar).unwrap()
}

fn daily(from: &str, to: &str) -> Windows {
    windows(&format!(r#"[{{"days":{EVERY_DAY},"from":"{from}","to":"{to}"}}]"#), "[]")
}

/// Monday to Thursday 08:00 to 18:30, Friday until 14:00; Christmas 2026 is closed.
fn office() -> Windows {
    windows(
        r#"[{"days":["mon","tue","wed","thu"],"from":"08:00","to":"18:30"},
            {"days":["fri"],"from":"08:00","to":"14:00"}]"#,
        r#"["2026-12-24","2026-12-25"]"#,
    )
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn maybe(text: &str) -> Option<Timestamp> {
    (text != "-").then(|| at(text))
}

// Paris is one hour ahead of UTC in winter, two in summer.
#[rstest]
#[case::before("2026-11-23T06:59:59Z", false, "2026-11-23T07:00:00Z", "-")]
#[case::first_moment("2026-11-23T07:00:00Z", true, "2026-11-24T07:00:00Z", "2026-11-23T17:30:00Z")]
#[case::last_moment("2026-11-23T17:29:59.999Z", true, "2026-11-24T07:00:00Z", "2026-11-23T17:30:00Z")]
#[case::end_is_closed("2026-11-23T17:30:00Z", false, "2026-11-24T07:00:00Z", "-")]
#[case::friday("2026-11-27T13:00:00Z", false, "2026-11-30T07:00:00Z", "-")]
#[case::saturday("2026-11-28T12:00:00Z", false, "2026-11-30T07:00:00Z", "-")]
#[case::closed_days("2026-12-23T17:30:00Z", false, "2026-12-28T07:00:00Z", "-")]
#[case::a_closed_day("2026-12-24T10:00:00Z", false, "2026-12-28T07:00:00Z", "-")]
#[case::summer("2026-07-06T06:00:00Z", true, "2026-07-07T06:00:00Z", "2026-07-06T16:30:00Z")]
#[case::over_the_change("2026-10-23T12:00:00Z", false, "2026-10-26T07:00:00Z", "-")]
fn office_hours(#[case] now: &str, #[case] open: bool, #[case] opens: &str, #[case] closes: &str) {
    let office = office();
    assert_eq!(office.is_open(at(now)), open);
    assert_eq!(office.next_opening(at(now)), maybe(opens));
    assert_eq!(office.closes_at(at(now)), maybe(closes));
}

// On 29 March 2026, 02:00 becomes 03:00 (01:00 UTC).
#[rstest]
#[case::skipped_span_does_not_happen(
    "02:15",
    "02:45",
    "2026-03-29T00:00:00Z",
    "2026-03-30T00:15:00Z",
    "2026-03-30T00:45:00Z"
)]
#[case::skipped_begin(
    "02:30",
    "04:00",
    "2026-03-29T00:00:00Z",
    "2026-03-29T01:00:00Z",
    "2026-03-29T02:00:00Z"
)]
#[case::skipped_end("01:00", "02:30", "2026-03-28T12:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z")]
#[case::around("01:00", "04:00", "2026-03-28T12:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z")]
// On 25 October 2026, 03:00 becomes 02:00 (01:00 UTC).
#[case::shown_twice_first(
    "02:15",
    "02:45",
    "2026-10-25T00:00:00Z",
    "2026-10-25T00:15:00Z",
    "2026-10-25T00:45:00Z"
)]
#[case::shown_twice_again(
    "02:15",
    "02:45",
    "2026-10-25T00:45:00Z",
    "2026-10-25T01:15:00Z",
    "2026-10-25T01:45:00Z"
)]
#[case::ends_within("01:00", "02:30", "2026-10-24T12:00:00Z", "2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z")]
#[case::its_end_again(
    "01:00",
    "02:30",
    "2026-10-25T00:30:00Z",
    "2026-10-25T01:00:00Z",
    "2026-10-25T01:30:00Z"
)]
#[case::longer_by_an_hour(
    "01:00",
    "04:00",
    "2026-10-24T12:00:00Z",
    "2026-10-24T23:00:00Z",
    "2026-10-25T03:00:00Z"
)]
fn days_on_which_clocks_are_changed(
    #[case] from: &str,
    #[case] to: &str,
    #[case] now: &str,
    #[case] opens: &str,
    #[case] closes: &str,
) {
    let windows = daily(from, to);
    let opening = windows.next_opening(at(now));
    assert_eq!(opening, Some(at(opens)));
    assert_eq!(windows.closes_at(at(opens)), Some(at(closes)));
}

#[test]
fn spans_that_touch_are_one() {
    let windows = windows(
        r#"[{"days":["mon"],"from":"12:00","to":"18:00"},{"days":["mon"],"from":"18:00","to":"24:00"},
            {"days":["tue"],"from":"00:00","to":"06:00"},{"days":["tue"],"from":"05:00","to":"07:00"}]"#,
        "[]",
    );
    let monday_noon = at("2026-11-23T11:00:00Z");
    assert_eq!(windows.closes_at(monday_noon), Some(at("2026-11-24T06:00:00Z")));
    assert_eq!(windows.next_opening(monday_noon), Some(at("2026-11-30T11:00:00Z")));
}

#[test]
fn a_closed_day_cuts_a_span_at_midnight() {
    let windows =
        windows(&format!(r#"[{{"days":{EVERY_DAY},"from":"00:00","to":"24:00"}}]"#), r#"["2026-11-25"]"#);
    assert_eq!(windows.closes_at(at("2026-11-23T12:00:00Z")), Some(at("2026-11-24T23:00:00Z")));
    assert_eq!(windows.next_opening(at("2026-11-24T23:00:00Z")), Some(at("2026-11-25T23:00:00Z")));
}

#[test]
fn what_is_always_open_never_closes() {
    let windows = daily("00:00", "24:00");
    let now = at("2026-03-28T12:00:00Z");
    assert_eq!((windows.closes_at(now), windows.next_opening(now)), (None, None));
    assert_eq!(windows.words(now), "Open.");
}

#[test]
fn the_calendar_says_it_in_words() {
    let office = office();
    assert_eq!(office.words(at("2026-11-23T12:00:00Z")), "Open until today 18:30 (Europe/Paris).");
    assert_eq!(office.words(at("2026-11-27T13:00:00Z")), "Opens Monday 30 November 08:00 (Europe/Paris).");
    let long_closed = windows(r#"[{"days":["thu"],"from":"08:00","to":"09:00"}]"#, r#"["2026-11-26"]"#);
    assert_eq!(
        long_closed.words(at("2026-11-23T12:00:00Z")),
        "Closed: 26 November. Opens Thursday 3 December 08:00 (Europe/Paris)."
    );
}

#[test]
fn an_opening_more_than_a_year_away_is_none() {
    let closed: Vec<String> =
        (0..60).map(|week| (jiff::civil::date(2026, 11, 26) + (week * 7).days()).to_string()).collect();
    let closed = serde_json::to_string(&closed).unwrap();
    let windows = windows(r#"[{"days":["thu"],"from":"08:00","to":"09:00"}]"#, &closed);
    let now = at("2026-11-23T12:00:00Z");
    assert_eq!(windows.next_opening(now), None);
    assert_eq!(windows.words(now), "Closed: 26 November. Does not open within 370 days.");
}

#[test]
fn the_edges_of_time_do_not_upset_it() {
    for now in [Timestamp::MIN, Timestamp::MAX] {
        let _any = (office().is_open(now), office().next_opening(now), office().closes_at(now));
    }
}

proptest! {
    /// Openings and closings are exactly the moments at which the answer changes.
    #[test]
    fn changes_are_where_the_answer_changes(
        minutes in 0i64..370 * 24 * 60,
        from in 0u16..1439,
        length in 1u16..1440,
        weekdays in proptest::sample::subsequence(vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 1..=7),
    ) {
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let to = (from + length).min(1440);
        let days = serde_json::to_string(&weekdays).unwrap();
        let weekly = format!(r#"[{{"days":{days},"from":"{}","to":"{}"}}]"#, clock(from), clock(to));
        let windows = windows(&weekly, "[]");
        let now = at("2026-01-01T00:00:00Z") + minutes.minutes();
        let open = windows.is_open(now);
        let change = if open { windows.closes_at(now) } else { windows.next_opening(now) };
        let limit = change.unwrap_or(now + (20 * 24).hours());
        let mut then = now;
        while then < limit {
            prop_assert_eq!(windows.is_open(then), open, "{} is before the change", then);
            then += 1.minutes();
        }
        if let Some(change) = change {
            prop_assert_eq!(windows.is_open(change), !open);
        }
    }
}
