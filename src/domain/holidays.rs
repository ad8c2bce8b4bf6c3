//! Public holidays by country, as rules and not as lists of dates, so that a calendar
//! that was written once is right in ten years too.
//!
//! Only days that are free in the whole country by law; what a region, a trade or a
//! custom adds goes into `closed` or `ics`. Where the law moves a holiday that falls on
//! a weekend, the day that it is moved to is one as well.

mod countries;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

use Moved::{NextWorkday, SundayToSaturday, ToNearestWorkday};
use Rule::{Easter, Fixed, FromOn, Nth};
use countries::COUNTRIES;

/// A country whose holidays are known, by its ISO code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country {
    code: &'static str,
    holidays: &'static [Holiday],
}

/// One holiday of a country, in the years in which it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holiday {
    name: &'static str,
    rule: Rule,
    moved: Moved,
    since: i16,
    until: i16,
    /// Only in years that this divides.
    every: i16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Month and day.
    Fixed(i8, i8),
    /// Days after Easter Sunday.
    Easter(i8),
    /// The n-th of that weekday in a month; -1 is the last.
    Nth(i8, Weekday, i8),
    /// The first of that weekday from a day on.
    FromOn(i8, i8, Weekday),
    /// Ireland's first of February: the day itself on a Friday, else the first Monday.
    Brigid,
}

/// What becomes of a holiday on a weekend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    Never,
    /// The next day that is neither of a weekend nor a holiday is free as well.
    NextWorkday,
    /// Saturday: the Friday before is free as well; Sunday: the Monday after.
    ToNearestWorkday,
    /// It is celebrated on the Saturday instead.
    SundayToSaturday,
}

const fn on(name: &'static str, rule: Rule) -> Holiday {
    Holiday { name, rule, moved: Moved::Never, since: i16::MIN, until: i16::MAX, every: 1 }
}

impl Holiday {
    const fn moved(self, moved: Moved) -> Self {
        Self { moved, ..self }
    }

    const fn since(self, since: i16) -> Self {
        Self { since, ..self }
    }

    const fn until(self, until: i16) -> Self {
        Self { until, ..self }
    }

    const fn every(self, every: i16) -> Self {
        Self { every, ..self }
    }

    fn is_in(&self, year: i16) -> bool {
        self.since <= year && year <= self.until && year % self.every == 0
    }
}

impl Country {
    /// By its ISO code in capitals.
    pub fn parse(code: &str) -> Result<Self, String> {
        COUNTRIES.iter().find(|country| country.code == code).copied().ok_or_else(|| {
            let known: Vec<&str> = COUNTRIES.iter().map(|country| country.code).collect();
            format!("is not a country whose holidays are known: {}", known.join(", "))
        })
    }

    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Its holidays of a year, with the days that others are moved to. Those of a
    /// neighbouring year may be moved into it, and are not among them.
    pub fn holidays(&self, year: i16) -> Vec<(Date, String)> {
        let held = self.holidays.iter().filter(|holiday| holiday.is_in(year));
        let days: Vec<(Date, &Holiday)> =
            held.filter_map(|holiday| Some((day_of(holiday.rule, year)?, holiday))).collect();
        let mut taken: Vec<Date> = days.iter().map(|(day, _)| *day).collect();
        let mut all = Vec::new();
        for (day, holiday) in days {
            let instead = holiday.moved == SundayToSaturday && day.weekday() == Weekday::Sunday;
            if !instead {
                all.push((day, holiday.name.to_owned()));
            }
            if let Some(moved) = moved_to(day, holiday.moved, &taken) {
                taken.push(moved);
                let mark = if instead { "" } else { " (observed)" };
                all.push((moved, format!("{}{mark}", holiday.name)));
            }
        }
        all
    }
}

fn moved_to(day: Date, moved: Moved, taken: &[Date]) -> Option<Date> {
    let weekend = |day: Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    match (moved, day.weekday()) {
        (ToNearestWorkday, Weekday::Saturday) | (SundayToSaturday, Weekday::Sunday) => day.yesterday().ok(),
        (ToNearestWorkday, Weekday::Sunday) => day.tomorrow().ok(),
        (NextWorkday, Weekday::Saturday | Weekday::Sunday) => {
            let after = day.series(1.day()).skip(1).take(10);
            after.into_iter().find(|next| !weekend(*next) && !taken.contains(next))
        }
        _ => None,
    }
}

fn day_of(rule: Rule, year: i16) -> Option<Date> {
    let day = |month, day| Date::new(year, month, day).ok();
    match rule {
        Fixed(month, of_month) => day(month, of_month),
        Easter(after) => easter(year)?.checked_add(i64::from(after).days()).ok(),
        Nth(month, weekday, nth) => day(month, 1)?.nth_weekday_of_month(nth, weekday).ok(),
        FromOn(month, of_month, weekday) => {
            day(month, of_month)?.series(1.day()).take(7).find(|day| day.weekday() == weekday)
        }
        Rule::Brigid => {
            let first = day(2, 1)?;
            if first.weekday() == Weekday::Friday {
                Some(first)
            } else {
                first.nth_weekday_of_month(1, Weekday::Monday).ok()
            }
        }
    }
}

/// Easter Sunday of the Gregorian calendar, by the anonymous algorithm of 1876.
/// Nothing before there was that calendar.
pub fn easter(year: i16) -> Option<Date> {
    if !(1583..=9000).contains(&year) {
        return None;
    }
    let year_number = i32::from(year);
    let golden = year_number % 19;
    let (century, of_century) = (year_number / 100, year_number % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - correction + 15) % 30;
    let to_sunday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4) % 7;
    let late = (golden + 11 * epact + 22 * to_sunday) / 451;
    let days = epact + to_sunday - 7 * late + 114;
    let (month, day) = (days / 31, days % 31 + 1);
    Some(date(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?))
}
