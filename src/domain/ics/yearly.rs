//! How an event comes again each year. Where a rule leaves something open, the reading
//! that keeps more days closed is taken.

use std::fmt::Write as _;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::event::{When, day_of};
use super::text::Line;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Yearly {
    every: i16,
    times: Option<i16>,
    until: Option<When>,
    /// Beginnings that are left out.
    except: Vec<When>,
}

pub(super) fn yearly(rule: &Line, start: &When, lines: &[Line]) -> Result<Yearly, String> {
    let first = start.wall().date();
    let mut yearly = Yearly { every: 1, times: None, until: None, except: Vec::new() };
    let mut known: Vec<String> = Vec::new();
    for part in rule.value.split(';').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = name.to_ascii_uppercase();
        if known.contains(&name) {
            return Err(format!("has a rule with more than one {name}"));
        }
        let not_understood = || format!("has the rule {part}, which is not understood: only FREQ=YEARLY is");
        let number = || value.parse::<i16>().ok().filter(|number| (1..=1_000).contains(number));
        match name.as_str() {
            "FREQ" if value.eq_ignore_ascii_case("YEARLY") => {}
            "INTERVAL" => yearly.every = number().ok_or_else(not_understood)?,
            "COUNT" => yearly.times = Some(number().ok_or_else(not_understood)?),
            // 99991231 is what some programs write for "always".
            "UNTIL" if day_of(value).is_some_and(|day| day.year() > 9_000) => {}
            "UNTIL" => yearly.until = Some(When::of("UNTIL", value, None).map_err(|_| not_understood())?),
            "WKST" => {}
            // Some programs say again what the first day says.
            "BYMONTH" if number() == Some(i16::from(first.month())) => {}
            "BYMONTHDAY" if number() == Some(i16::from(first.day())) => {}
            _ => return Err(not_understood()),
        }
        known.push(name);
    }
    if !known.iter().any(|name| name == "FREQ") {
        return Err("repeats in a way that is not understood: only FREQ=YEARLY is".to_owned());
    }
    if yearly.times.is_some() && yearly.until.is_some() {
        return Err("has a rule with both COUNT and UNTIL".to_owned());
    }
    for line in lines.iter().filter(|line| line.name == "EXDATE") {
        for value in line.value.split(',') {
            yearly.except.push(When::of("EXDATE", value, line.parameter("TZID"))?);
        }
    }
    Ok(yearly)
}

impl Yearly {
    pub(super) fn write(&self, text: &mut String) {
        let _ = write!(text, "RRULE:FREQ=YEARLY;INTERVAL={}", self.every);
        if let Some(times) = self.times {
            let _ = write!(text, ";COUNT={times}");
        }
        if let Some(until) = &self.until {
            let _ = write!(text, ";UNTIL={}", until.value());
        }
        text.push_str("\r\n");
        for left_out in &self.except {
            left_out.write("EXDATE", text);
        }
    }

    /// Where it begins in a year, if it does: the 29th of February only in some. `zone`
    /// is that of whoever reads it.
    pub(super) fn beginning(&self, start: &When, year: i16, zone: &TimeZone) -> Option<When> {
        let wall = start.wall();
        let first = wall.date();
        year.checked_sub(first.year()).filter(|since| *since >= 0 && since % self.every == 0)?;
        let day = in_year(first, year)?;
        if self.times.is_some_and(|times| self.earlier(first, year, times) >= i32::from(times)) {
            return None;
        }
        let start = start.with(day.to_datetime(wall.time()));
        (!self.is_over(&start, zone) && !self.leaves_out(&start, zone)).then_some(start)
    }

    /// How many there were before that year; years without such a day are none. No
    /// further than `times`.
    fn earlier(&self, first: Date, year: i16, times: i16) -> i32 {
        let years = (first.year()..year).step_by(self.every.unsigned_abs().into());
        let there = years.filter(|year| in_year(first, *year).is_some());
        there.take(times.unsigned_abs().into()).fold(0, |count, _| count + 1)
    }

    /// Whether one that begins then is after the last. Days are compared with days, and
    /// instants with instants: the same instant has another date elsewhere.
    fn is_over(&self, start: &When, zone: &TimeZone) -> bool {
        let Some(until) = &self.until else { return false };
        let begins = start.wall();
        match (start, until) {
            (When::Day(day), When::Utc(last)) => *day > last.date() && is_later(start, until, zone),
            (_, When::Utc(_)) => is_later(start, until, zone),
            (_, When::Day(last)) => begins.date() > *last,
            (_, When::Floating(last) | When::In(last, _)) => begins > *last,
        }
    }

    fn leaves_out(&self, start: &When, zone: &TimeZone) -> bool {
        let is_meant = |left_out: &When| match (start, left_out) {
            (_, When::Day(day)) => start.wall().date() == *day,
            // Some programs write a time of day for whole days too.
            (When::Day(day), other) => *day == other.wall().date(),
            (start, other) => {
                matches!((start.at(zone), other.at(zone)), (Ok(begins), Ok(at)) if begins == at)
            }
        };
        self.except.iter().any(is_meant)
    }
}

/// The same day of another year, where there is one.
fn in_year(first: Date, year: i16) -> Option<Date> {
    Date::new(year, first.month(), first.day()).ok()
}

fn is_later(start: &When, until: &When, zone: &TimeZone) -> bool {
    matches!((start.at(zone), until.at(zone)), (Ok(begins), Ok(last)) if begins > last)
}
