//! Calendars with closed days of every kind, in words and at their edges, and how the
//! fleet file speaks of them.

use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};

use crate::domain::calendar::Windows;
use crate::domain::fleet::Calendar;
use crate::domain::fleet::export::export;
use crate::domain::fleet::parse::parse;
use crate::domain::windows::Window;

const STOCKTAKING: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Stocktaking\nDTSTART;VALUE=DATE:20210408\nDTEND;VALUE=DATE:20210410\nEND:VEVENT\nEND:VCALENDAR";

fn office() -> Value {
    json!({
        "name": "office", "timezone": "Europe/Paris", "holidays": ["FR"], "closed": ["2021-12-24"], "ics": STOCKTAKING,
        "weekly": [
            { "days": ["mon", "tue", "wed", "thu"], "from": "08:00", "to": "18:30" },
            { "days": ["fri"], "from": "08:00", "to": "14:00" },
        ],
    })
}

fn calendar(value: &Value) -> Calendar {
    let fleet = parse(&json!({ "calendars": [value] })).unwrap_or_else(|problems| panic!("{problems:?}"));
    fleet.calendars.into_iter().next().unwrap()
}

fn words(value: &Value, at: &str) -> String {
    Windows::of(&calendar(value)).unwrap().words(at.parse().unwrap())
}

#[rstest]
#[case::easter_monday(
    "2021-04-05T10:00:00Z",
    "Closed: Easter Monday (FR). Opens Tuesday 6 April 08:00 (Europe/Paris)."
)]
#[case::before_easter(
    "2021-04-02T12:00:00Z",
    "Closed: Easter Monday (FR). Opens Tuesday 6 April 08:00 (Europe/Paris)."
)]
#[case::friday_afternoon("2021-04-23T12:00:00Z", "Opens Monday 26 April 08:00 (Europe/Paris).")]
#[case::friday_before_two("2021-04-23T11:59:59Z", "Open until today 14:00 (Europe/Paris).")]
#[case::an_event("2021-04-08T10:00:00Z", "Closed: Stocktaking. Opens Monday 12 April 08:00 (Europe/Paris).")]
#[case::the_evening_before(
    "2021-04-07T17:00:00Z",
    "Closed: Stocktaking. Opens Monday 12 April 08:00 (Europe/Paris)."
)]
#[case::a_night("2021-04-12T20:00:00Z", "Opens Tuesday 13 April 08:00 (Europe/Paris).")]
#[case::a_morning("2021-04-13T05:00:00Z", "Opens today 08:00 (Europe/Paris).")]
#[case::a_listed_day(
    "2021-12-24T10:00:00Z",
    "Closed: 24 December. Opens Monday 27 December 08:00 (Europe/Paris)."
)]
#[case::into_another_year("2021-12-31T14:00:00Z", "Opens Monday 3 January 2022 08:00 (Europe/Paris).")]
fn a_closed_calendar_says_why_and_when_it_opens(#[case] at: &str, #[case] expected: &str) {
    assert_eq!(words(&office(), at), expected);
}

#[rstest]
// Clocks go forward on 28 March 2021 at 01:00 UTC and back on 31 October 2021 at 01:00 UTC.
#[case::forward("Europe/Paris", "2021-03-27T23:00:00Z", "2021-03-28T22:00:00Z")]
#[case::back("Europe/Paris", "2021-10-30T22:00:00Z", "2021-10-31T23:00:00Z")]
// In Apia a whole day was left out: after 29 December 2011 came the 31st.
#[case::no_such_day("Pacific/Apia", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z")]
fn a_closed_day_lasts_as_long_as_the_day_does(#[case] zone: &str, #[case] from: &str, #[case] to: &str) {
    let (from, to): (Timestamp, Timestamp) = (from.parse().unwrap(), to.parse().unwrap());
    let closed = from.in_tz(zone).unwrap();
    let value = json!({
        "name": "c", "timezone": zone, "closed": [closed.date().to_string()],
        "weekly": [{ "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00" }],
    });
    let windows = Windows::of(&calendar(&value)).unwrap();
    let second = jiff::SignedDuration::from_secs(1);
    assert_eq!(
        [from - second, from, to - second, to].map(|at| windows.is_open(at)),
        [true, false, false, true],
        "{}",
        closed.date()
    );
    assert_eq!(windows.closes_at(from - second), Some(from));
    assert_eq!(windows.next_opening(from), Some(to));
}

#[test]
fn a_span_over_midnight_is_cut_by_a_holiday_at_both_of_its_ends() {
    let value = json!({
        "name": "nights", "timezone": "Europe/Paris", "holidays": ["FR"],
        "weekly": [
            { "days": ["mon", "tue", "wed", "thu", "fri"], "from": "22:00", "to": "24:00" },
            { "days": ["tue", "wed", "thu", "fri", "sat"], "from": "00:00", "to": "04:00" },
        ],
    });
    // Thursday 13 May 2021 is Ascension Day.
    let windows = Windows::of(&calendar(&value)).unwrap();
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    assert_eq!(windows.closes_at(at("2021-05-11T21:00:00Z")), Some(at("2021-05-12T02:00:00Z")));
    assert_eq!(windows.closes_at(at("2021-05-12T21:00:00Z")), Some(at("2021-05-12T22:00:00Z")));
    assert_eq!(windows.next_opening(at("2021-05-12T22:00:00Z")), Some(at("2021-05-13T22:00:00Z")));
    assert_eq!(
        windows.words(at("2021-05-13T20:30:00Z")),
        "Closed: Ascension Day (FR). Opens Friday 14 May 00:00 (Europe/Paris)."
    );
}

#[test]
fn years_in_which_nothing_opens_are_looked_through_and_said() {
    let mut value = office();
    value["ics"] = json!(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Wound up\nDTSTART;VALUE=DATE:20210101\nDURATION:P365D\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR"
    );
    assert_eq!(words(&value, "2021-06-01T10:00:00Z"), "Closed: Wound up. Does not open within 370 days.");
    let window = Window::at(Some(&calendar(&value)), "2021-06-01T10:00:00Z".parse().unwrap());
    assert!(matches!(window, Window::Closed { opens: None, .. }), "{window:?}");
}

#[test]
fn a_stored_calendar_that_cannot_be_read_is_closed() {
    let mut stored = calendar(&office());
    stored.holidays = vec!["XX".to_owned()];
    let window = Window::at(Some(&stored), "2021-04-13T10:00:00Z".parse().unwrap());
    let Window::Closed { opens: None, words } = window else { panic!("{window:?}") };
    assert!(words.contains("cannot be read") && words.contains("XX"), "{words}");
}

#[test]
fn the_fleet_file_takes_them_and_gives_them_back() {
    let fleet = parse(&json!({ "calendars": [office()] })).unwrap();
    let out = export(&fleet);
    assert_eq!(out["calendars"][0]["holidays"], json!(["FR"]));
    let ics = out["calendars"][0]["ics"].as_str().unwrap();
    assert!(ics.contains("SUMMARY:Stocktaking\r\nDTSTART;VALUE=DATE:20210408\r\nDURATION:P2D"), "{ics}");
    assert_eq!(parse(&out).unwrap(), fleet);
    assert_eq!(export(&parse(&out).unwrap()), out);

    let wrong = |key: &str, value: Value| {
        let mut calendar = office();
        calendar[key] = value;
        let problems = parse(&json!({ "calendars": [calendar] })).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let said = wrong("holidays", json!(["FR", "XX"]));
    assert!(said.starts_with("calendars[0].holidays[1]: is not a country"), "{said}");
    let said = wrong("ics", json!("file:holidays.ics"));
    assert!(said.starts_with("calendars[0].ics: must be the text"), "{said}");
    let said = wrong("ics", json!(STOCKTAKING.replace("DTEND;VALUE=DATE:20210410", "RRULE:FREQ=DAILY")));
    assert!(
        said.starts_with("calendars[0].ics: the event \"Stocktaking\" has the rule FREQ=DAILY"),
        "{said}"
    );
}
