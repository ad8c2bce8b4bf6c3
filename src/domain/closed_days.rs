//! The whole days on which a calendar is closed, and why each is: it is listed, it is
//! a public holiday, or an event of an .ics calendar touches it.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::holidays::Country;
use super::ics::Ics;

#[derive(Debug, Clone, Default)]
pub struct ClosedDays {
    pub listed: Vec<Date>,
    pub countries: Vec<Country>,
    pub events: Option<Ics>,
}

impl ClosedDays {
    /// Every closed day from `first` to `last`, both included, with its reason: `Easter
    /// Monday (FR)`. A day with several has the first that is found.
    pub fn between(&self, zone: &TimeZone, first: Date, last: Date) -> BTreeMap<Date, String> {
        let mut days = BTreeMap::new();
        let mut close = |day: Date, why: String| {
            if (first..=last).contains(&day) {
                days.entry(day).or_insert(why);
            }
        };
        for country in &self.countries {
            // A holiday may be moved into the year beside its own.
            for year in first.year().saturating_sub(1)..=last.year().saturating_add(1) {
                for (day, name) in country.holidays(year) {
                    close(day, format!("{name} ({})", country.code()));
                }
            }
        }
        for (day, name) in self.events.iter().flat_map(|ics| ics.days(zone, first, last)) {
            close(day, name.to_owned());
        }
        for day in &self.listed {
            close(*day, day.strftime("%-d %B").to_string());
        }
        days
    }

    /// Why nothing opens on a day, if so.
    pub fn why(&self, zone: &TimeZone, day: Date) -> Option<String> {
        self.between(zone, day, day).remove(&day)
    }

    /// A day and those that touch it may matter for one moment: zones and clocks.
    pub fn around(&self, zone: &TimeZone, day: Date, ahead: i16) -> BTreeMap<Date, String> {
        let first = day.checked_sub(2.days()).unwrap_or(Date::MIN);
        let last = day.checked_add((i64::from(ahead) + 4).days()).unwrap_or(Date::MAX);
        self.between(zone, first, last)
    }
}
