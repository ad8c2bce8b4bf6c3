//! .ics calendars: the days that events touch, what is kept of them, what is refused.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rstest::rstest;

use crate::domain::ics::Ics;

fn calendar(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}\r\nEND:VCALENDAR\r\n")
}

fn event(lines: &str) -> String {
    calendar(&format!("BEGIN:VEVENT\r\nSUMMARY:Stocktaking\r\n{lines}\r\nEND:VEVENT"))
}

fn days(text: &str, zone: &str, from: Date, to: Date) -> String {
    let ics = Ics::parse(text).unwrap();
    let zone = TimeZone::get(zone).unwrap();
    let mut days: Vec<Date> = ics.days(&zone, from, to).map(|(day, _)| day).collect();
    days.sort_unstable();
    days.dedup();
    let days: Vec<String> = days.iter().map(|day| day.strftime("%y-%-m-%-d").to_string()).collect();
    days.join(" ")
}

#[rstest]
#[case::one_day("DTSTART;VALUE=DATE:20261224", "26-12-24")]
#[case::the_end_is_not_in_it(
    "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227",
    "26-12-24 26-12-25 26-12-26"
)]
#[case::for_days("DTSTART;VALUE=DATE:20261231\r\nDURATION:P3D", "26-12-31 27-1-1 27-1-2")]
#[case::a_week(
    "DTSTART;VALUE=DATE:20261228\r\nDURATION:P1W",
    "26-12-28 26-12-29 26-12-30 26-12-31 27-1-1 27-1-2 27-1-3"
)]
#[case::a_moment("DTSTART:20261224T120000Z", "26-12-24")]
// 23:30 in UTC is the next day in Paris.
#[case::by_the_zone_of_the_calendar("DTSTART:20261224T233000Z\r\nDTEND:20261224T235000Z", "26-12-25")]
#[case::over_midnight("DTSTART:20261224T200000\r\nDTEND:20261225T060000", "26-12-24 26-12-25")]
#[case::until_midnight("DTSTART:20261224T200000\r\nDTEND:20261225T000000", "26-12-24")]
#[case::of_another_zone("DTSTART;TZID=America/New_York:20261224T200000\r\nDURATION:PT1H", "26-12-25")]
#[case::each_year("DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY", "26-5-1 27-5-1")]
#[case::over_new_year(
    "DTSTART;VALUE=DATE:20191231\r\nDTEND;VALUE=DATE:20200102\r\nRRULE:FREQ=YEARLY",
    "26-1-1 26-12-31 27-1-1 27-12-31"
)]
#[case::each_second_year("DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY;INTERVAL=2", "26-5-1")]
#[case::seven_times("DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY;COUNT=7", "26-5-1")]
#[case::until_a_day("DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY;UNTIL=20260501", "26-5-1")]
#[case::but_not_then(
    "DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY\r\nEXDATE;VALUE=DATE:20260501",
    "27-5-1"
)]
#[case::said_again(
    "DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1;WKST=MO",
    "26-5-1 27-5-1"
)]
#[case::leap_days("DTSTART;VALUE=DATE:20240229\r\nRRULE:FREQ=YEARLY", "")]
// 20:00 in UTC on the 22nd is 05:00 in Tokyo on the 23rd, and UNTIL is the last one itself.
#[case::until_an_instant(
    "DTSTART;TZID=Asia/Tokyo:20201124T050000\r\nDURATION:PT1H\r\nRRULE:FREQ=YEARLY;UNTIL=20261123T200000Z",
    "26-11-23"
)]
#[case::until_an_instant_before(
    "DTSTART;TZID=Asia/Tokyo:20201124T050000\r\nRRULE:FREQ=YEARLY;UNTIL=20261123T195900Z",
    ""
)]
#[case::until_the_evening_before_in_utc(
    "DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY;UNTIL=20260430T220000Z",
    "26-5-1"
)]
#[case::until_for_ever("DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY;UNTIL=99991231", "26-5-1 27-5-1")]
#[case::another_instant_is_not_left_out(
    "DTSTART;TZID=Europe/Paris:20200501T080000\r\nRRULE:FREQ=YEARLY\r\nEXDATE;TZID=America/New_York:20260501T080000",
    "26-5-1 27-5-1"
)]
#[case::the_same_instant_is_left_out(
    "DTSTART;TZID=Europe/Paris:20200501T080000\r\nRRULE:FREQ=YEARLY\r\nEXDATE:20260501T060000Z",
    "27-5-1"
)]
#[case::not_before_it_began("DTSTART;VALUE=DATE:20270501\r\nRRULE:FREQ=YEARLY", "27-5-1")]
#[case::cancelled("DTSTART;VALUE=DATE:20261224\r\nSTATUS:CANCELLED", "")]
fn an_event_closes_the_days_that_it_touches(#[case] lines: &str, #[case] expected: &str) {
    let text = event(lines);
    let (from, to) = (date(2026, 1, 1), date(2027, 12, 31));
    assert_eq!(days(&text, "Europe/Paris", from, to), expected);
    // What is kept means the same, and is itself kept as it is.
    let kept = Ics::parse(&text).unwrap().text();
    assert_eq!(days(&kept, "Europe/Paris", from, to), expected, "{kept}");
    assert_eq!(Ics::parse(&kept).unwrap().text(), kept);
}

#[rstest]
#[case::no_calendar("HELLO:you", "does not begin with BEGIN:VCALENDAR")]
#[case::cut_off("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261224T120000Z\n", "cut off")]
#[case::crossed("BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR", "END:VEVENT has no beginning")]
#[case::no_line("BEGIN:VCALENDAR\nwhat is this\nEND:VCALENDAR", "broken at the line \"what is this\"")]
#[case::no_start(&event("DTEND;VALUE=DATE:20261227"), "\"Stocktaking\" has no DTSTART")]
#[case::no_date(&event("DTSTART;VALUE=DATE:20261332"), "\"Stocktaking\" has DTSTART \"20261332\", which is no time")]
#[case::no_clock(&event("DTSTART:20261224T999999"), "which is no time")]
#[case::weekly(&event("DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=WEEKLY"), "\"Stocktaking\" has the rule FREQ=WEEKLY, which is not understood")]
#[case::fourth_thursday(&event("DTSTART;VALUE=DATE:20261126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH"), "the rule BYDAY=4TH")]
#[case::another_month(&event("DTSTART;VALUE=DATE:20261126\nRRULE:FREQ=YEARLY;BYMONTH=10"), "the rule BYMONTH=10")]
#[case::more_dates(&event("DTSTART;VALUE=DATE:20261126\nRDATE:20261127"), "\"Stocktaking\" has RDATE")]
#[case::backwards(&event("DTSTART;VALUE=DATE:20261226\nDTEND;VALUE=DATE:20261224"), "ends before it begins")]
#[case::empty(&event("DTSTART;VALUE=DATE:20261226\nDTEND;VALUE=DATE:20261226"), "ends before it begins")]
#[case::for_ever(&event("DTSTART;VALUE=DATE:20261226\nDTEND;VALUE=DATE:20361226"), "lasts more than a year")]
#[case::of_no_zone(&event("DTSTART;TZID=Customized:20261224T080000"), "the zone \"Customized\", which is not known")]
#[case::half_a_day(&event("DTSTART;VALUE=DATE:20261224\nDTEND:20261224T120000Z"), "begins on a day and ends at a time")]
#[case::two_beginnings(&event("DTSTART;VALUE=DATE:20261224\nDTSTART;VALUE=DATE:20261231"), "\"Stocktaking\" has more than one DTSTART")]
#[case::two_ends(&event("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261226\nDURATION:P1D"), "has both DTEND and DURATION")]
#[case::two_rules(&event("DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=YEARLY\nRRULE:FREQ=YEARLY"), "has more than one RRULE")]
#[case::two_limits(&event("DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=YEARLY;COUNT=9;UNTIL=20301224"), "both COUNT and UNTIL")]
#[case::no_last(&event("DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=YEARLY;UNTIL=20301224Tnever"), "the rule UNTIL=20301224Tnever")]
#[case::of_two_clocks(&event("DTSTART:20261224T080000\nDTEND:20261224T200000Z"), "begins by the clocks of whoever reads it and ends by those of UTC")]
#[case::of_two_clocks_too(&event("DTSTART:20261224T080000Z\nDTEND:20261224T200000"), "or the other way round")]
#[case::far(&event("DTSTART;VALUE=DATE:99991231"), "which is no time")]
fn what_is_not_understood_is_refused_by_the_events_name(#[case] text: &str, #[case] words: &str) {
    let why = Ics::parse(text).unwrap_err();
    assert!(why.contains(words), "{why}");
}

/// The years without a 29th of February are none of its times.
#[test]
fn a_leap_day_is_counted_as_often_as_it_is_there() {
    let text = event("DTSTART;VALUE=DATE:20160229\r\nRRULE:FREQ=YEARLY;COUNT=4");
    let found = days(&text, "UTC", date(2015, 1, 1), date(2040, 12, 31));
    assert_eq!(found, "16-2-29 20-2-29 24-2-29 28-2-29");
}

#[test]
fn lines_are_unfolded_names_are_made_plain_and_nothing_else_is_kept() {
    let text = "\u{feff}BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Nowhere\nBEGIN:STANDARD\nDTSTART:19700101T000000\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nSUMMARY;LANGUAGE=en:Office\\, closed\\nfor\u{202e} st\n ocktaking\nORGANIZER;CN=\"A: B; C\":mailto:rosa@example.com\nDESCRIPTION:Call me\nDTSTART;VALUE=DATE:20261224\nBEGIN:VALARM\nTRIGGER:-PT15M\nSUMMARY:alarm\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR";
    let ics = Ics::parse(text).unwrap();
    let named: Vec<(Date, &str)> = ics.days(&TimeZone::UTC, date(2026, 1, 1), date(2026, 12, 31)).collect();
    assert_eq!(named, [(date(2026, 12, 24), "Office, closed for stocktaking")]);
    assert_eq!(
        ics.text(),
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Countersign//EN\r\nBEGIN:VEVENT\r\nSUMMARY:Office\\, closed for stocktaking\r\nDTSTART;VALUE=DATE:20261224\r\nDURATION:P1D\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
}

#[test]
fn there_are_limits() {
    let one = "BEGIN:VEVENT\nSUMMARY:x\nDTSTART;VALUE=DATE:20261224\nEND:VEVENT\n";
    assert!(Ics::parse(&calendar(&one.repeat(1_001))).unwrap_err().contains("more than 1000 events"));
    let long = format!("BEGIN:VEVENT\nSUMMARY:{}\nDTSTART;VALUE=DATE:20261224\nEND:VEVENT\n", "x".repeat(80));
    assert!(Ics::parse(&calendar(&long.repeat(400))).unwrap_err().contains("more than fits"));
    assert!(Ics::parse(&"x".repeat((1 << 20) + 1)).unwrap_err().contains("larger than 1024 KiB"));
    assert!(Ics::parse(&"BEGIN:X\n".repeat(9)).is_err());
}

proptest! {
    /// Whatever it is given, it reads it or says why not.
    #[test]
    fn no_text_upsets_it(lines in proptest::collection::vec("(BEGIN:V(CALENDAR|EVENT)|END:VEVENT|DTSTART[;:A-Z=0-9]{0,20}|RRULE:FREQ=YEARLY;COUNT=[0-9]{1,6}|DURATION:-?P[0-9WDTHMS]{0,8}|\\PC{0,12})", 0..12)) {
        let text = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{}\nEND:VEVENT\nEND:VCALENDAR", lines.join("\n"));
        if let Ok(ics) = Ics::parse(&text) {
            let zone = TimeZone::get("Europe/Paris").unwrap();
            prop_assert!(ics.days(&zone, date(2026, 1, 1), date(2027, 1, 1)).count() <= 370);
            prop_assert_eq!(Ics::parse(&ics.text()), Ok(ics));
        }
    }
}
