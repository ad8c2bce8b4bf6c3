//! Public holidays, against the calendars of years that were printed.

use jiff::civil::{Date, date};
use rstest::rstest;

use crate::domain::holidays::{Country, easter};

/// All that fall into a year, moved ones from its neighbours too.
fn of_year(code: &str, year: i16) -> Vec<(Date, String)> {
    let country = Country::parse(code).unwrap();
    let mut days: Vec<(Date, String)> =
        [year - 1, year, year + 1].into_iter().flat_map(|year| country.holidays(year)).collect();
    days.retain(|(day, _)| day.year() == year);
    days.sort();
    days
}

fn dates(code: &str, year: i16) -> String {
    let days: Vec<String> =
        of_year(code, year).iter().map(|(day, _)| day.strftime("%-m-%-d").to_string()).collect();
    days.join(" ")
}

#[rstest]
#[case(date(1818, 3, 22))]
#[case(date(1943, 4, 25))]
#[case(date(1954, 4, 18))]
#[case(date(1981, 4, 19))]
#[case(date(2000, 4, 23))]
#[case(date(2008, 3, 23))]
#[case(date(2019, 4, 21))]
#[case(date(2024, 3, 31))]
#[case(date(2026, 4, 5))]
#[case(date(2038, 4, 25))]
#[case(date(2285, 3, 22))]
fn easter_is_where_the_church_has_it(#[case] sunday: Date) {
    assert_eq!(easter(sunday.year()), Some(sunday));
}

#[rstest]
#[case("FR", 2026, "1-1 4-6 5-1 5-8 5-14 5-25 7-14 8-15 11-1 11-11 12-25")]
#[case("DE", 2026, "1-1 4-3 4-6 5-1 5-14 5-25 10-3 12-25 12-26")]
#[case("ES", 2026, "1-1 1-6 4-3 5-1 8-15 10-12 11-1 12-6 12-8 12-25")]
#[case("IT", 2025, "1-1 1-6 4-20 4-21 4-25 5-1 6-2 8-15 11-1 12-8 12-25 12-26")]
#[case("IT", 2026, "1-1 1-6 4-5 4-6 4-25 5-1 6-2 8-15 10-4 11-1 12-8 12-25 12-26")]
#[case("BE", 2026, "1-1 4-6 5-1 5-14 5-25 7-21 8-15 11-1 11-11 12-25")]
#[case("CH", 2026, "1-1 5-14 8-1 12-25")]
#[case("AT", 2026, "1-1 1-6 4-6 5-1 5-14 5-25 6-4 8-15 10-26 11-1 12-8 12-25 12-26")]
#[case("PT", 2026, "1-1 4-3 4-5 4-25 5-1 6-4 6-10 8-15 10-5 11-1 12-1 12-8 12-25")]
#[case("LU", 2026, "1-1 4-6 5-1 5-9 5-14 5-25 6-23 8-15 11-1 12-25 12-26")]
#[case("PL", 2024, "1-1 1-6 3-31 4-1 5-1 5-3 5-19 5-30 8-15 11-1 11-11 12-25 12-26")]
#[case("PL", 2025, "1-1 1-6 4-20 4-21 5-1 5-3 6-8 6-19 8-15 11-1 11-11 12-24 12-25 12-26")]
#[case("SE", 2026, "1-1 1-6 4-3 4-5 4-6 5-1 5-14 5-24 6-6 6-20 10-31 12-25 12-26")]
#[case("FI", 2026, "1-1 1-6 4-3 4-5 4-6 5-1 5-14 5-24 6-20 10-31 12-6 12-25 12-26")]
#[case("NO", 2026, "1-1 4-2 4-3 4-5 4-6 5-1 5-14 5-17 5-24 5-25 12-25 12-26")]
#[case("CZ", 2026, "1-1 4-3 4-6 5-1 5-8 7-5 7-6 9-28 10-28 11-17 12-24 12-25 12-26")]
// The Great Prayer Day was abolished.
#[case("DK", 2023, "1-1 4-6 4-7 4-9 4-10 5-5 5-18 5-28 5-29 12-25 12-26")]
#[case("DK", 2026, "1-1 4-2 4-3 4-5 4-6 5-14 5-24 5-25 12-25 12-26")]
// A Sunday's King's Day is kept on the Saturday; Liberation Day is free every five years.
#[case("NL", 2025, "1-1 4-20 4-21 4-26 5-5 5-29 6-8 6-9 12-25 12-26")]
#[case("NL", 2026, "1-1 4-5 4-6 4-27 5-14 5-24 5-25 12-25 12-26")]
// Saint Brigid's on the first of February only when that is a Friday.
#[case("IE", 2026, "1-1 2-2 3-17 4-6 5-4 6-1 8-3 10-26 12-25 12-26")]
#[case("IE", 2030, "1-1 2-1 3-17 4-22 5-6 6-3 8-5 10-28 12-25 12-26")]
// Christmas on a Saturday: the Monday and the Tuesday after are free instead.
#[case("GB", 2027, "1-1 3-26 3-29 5-3 5-31 8-30 12-25 12-26 12-27 12-28")]
// Christmas on a Sunday: Boxing Day is the Monday, Christmas's day the Tuesday.
#[case("GB", 2022, "1-1 1-3 4-15 4-18 5-2 5-30 8-29 12-25 12-26 12-27")]
#[case("US", 2026, "1-1 1-19 2-16 5-25 6-19 7-3 7-4 9-7 10-12 11-11 11-26 12-25")]
// New Year's Day of 2028 is a Saturday: the Friday before it is of 2027.
#[case("US", 2027, "1-1 1-18 2-15 5-31 6-18 6-19 7-4 7-5 9-6 10-11 11-11 11-25 12-24 12-25 12-31")]
#[case("CA", 2026, "1-1 4-3 5-18 7-1 9-7 9-30 10-12 11-11 12-25 12-26 12-28")]
#[case("CA", 2023, "1-1 1-2 4-7 5-22 7-1 7-3 9-4 9-30 10-2 10-9 11-11 11-13 12-25 12-26")]
fn a_country_has_its_holidays_of_that_year(#[case] code: &str, #[case] year: i16, #[case] expected: &str) {
    assert_eq!(dates(code, year), expected);
}

#[test]
fn a_moved_day_says_that_it_is_one() {
    let of = |code, day: Date| {
        let days = of_year(code, day.year());
        days.into_iter().find(|(known, _)| *known == day).unwrap().1
    };
    assert_eq!(of("US", date(2026, 7, 3)), "Independence Day (observed)");
    assert_eq!(of("GB", date(2027, 12, 28)), "Boxing Day (observed)");
    assert_eq!(of("NL", date(2025, 4, 26)), "King's Day");
}

#[test]
fn a_country_that_is_not_known_is_refused_with_those_that_are() {
    for code in ["", "fr", "FRA", "XX"] {
        let why = Country::parse(code).unwrap_err();
        assert!(why.contains("AT, BE, CA") && why.contains("US"), "{code}: {why}");
    }
}
