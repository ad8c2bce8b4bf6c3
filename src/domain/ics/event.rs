//! One event: when it is, and whether it comes again each year.

use std::fmt::Write as _;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ToSpan};

use super::text::{Line, escaped, plain_name};
use super::yearly::{Yearly, yearly};

/// A longer one is more likely a mistake than a rest of more than a year.
const LONGEST_DAYS: i64 = 366;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    name: String,
    start: When,
    length: Length,
    yearly: Option<Yearly>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum When {
    Day(Date),
    Utc(DateTime),
    /// By the clocks of a zone.
    In(DateTime, String),
    /// By the clocks of whoever reads it: here those of the calendar's zone.
    Floating(DateTime),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Days(i64),
    Time(SignedDuration),
}

/// What decides when it is, and may stand there once: of two, either could be meant.
const ONLY_ONCE: [&str; 6] = ["SUMMARY", "STATUS", "DTSTART", "DTEND", "DURATION", "RRULE"];

/// `None` for one that was cancelled.
pub(super) fn read_event(lines: &[Line]) -> Result<Option<Event>, String> {
    let find = |name: &str| lines.iter().find(|line| line.name == name);
    let name = plain_name(find("SUMMARY").map(|line| line.value.as_str()).unwrap_or_default());
    let name = if name.is_empty() { "closed".to_owned() } else { name };
    let of_event = |why: String| format!("the event {name:?} {why}");
    for once in ONLY_ONCE {
        if lines.iter().filter(|line| line.name == once).count() > 1 {
            return Err(of_event(format!("has more than one {once}")));
        }
    }
    if find("STATUS").is_some_and(|line| line.value.eq_ignore_ascii_case("CANCELLED")) {
        return Ok(None);
    }
    for unread in ["RDATE", "EXRULE", "RECURRENCE-ID"] {
        if find(unread).is_some() {
            return Err(of_event(format!("has {unread}, which is not understood")));
        }
    }
    let start = find("DTSTART").ok_or_else(|| of_event("has no DTSTART".to_owned()))?;
    let start = When::read(start).map_err(of_event)?;
    let length = length(&start, find("DTEND"), find("DURATION")).map_err(of_event)?;
    let yearly = find("RRULE").map(|rule| yearly(rule, &start, lines)).transpose().map_err(of_event)?;
    Ok(Some(Event { name, start, length, yearly }))
}

fn length(start: &When, end: Option<&Line>, duration: Option<&Line>) -> Result<Length, String> {
    let length = match (start, end, duration) {
        (When::Day(_), None, None) => Length::Days(1),
        (_, None, None) => Length::Time(SignedDuration::ZERO),
        (_, Some(_), Some(_)) => return Err("has both DTEND and DURATION".to_owned()),
        (_, Some(end), None) => match (start, When::read(end)?) {
            (When::Day(first), When::Day(end)) => Length::Days(days_between(*first, end)),
            (When::Day(_), _) | (_, When::Day(_)) => {
                return Err("begins on a day and ends at a time, or the other way round".to_owned());
            }
            (start, end) if start.is_floating() != end.is_floating() => {
                let words = "begins by the clocks of whoever reads it and ends by those of UTC or of a zone, or the other way round";
                return Err(words.to_owned());
            }
            (start, end) => {
                // Floating ones lie as far from each other in one zone as in another.
                let (start, end) = (start.at(&TimeZone::UTC)?, end.at(&TimeZone::UTC)?);
                Length::Time(end.duration_since(start))
            }
        },
        (start, None, Some(duration)) => {
            let wrong = || "has a DURATION that is not understood".to_owned();
            let span: Span = duration.value.parse().map_err(|_| wrong())?;
            let time = time_of(span).ok_or_else(wrong)?;
            match start {
                When::Day(_) => Length::Days(time.as_hours().max(24) / 24),
                _ => Length::Time(time),
            }
        }
    };
    let days = match length {
        Length::Days(days) => days - 1,
        Length::Time(time) => {
            if time.is_negative() {
                -1
            } else {
                time.as_hours() / 24
            }
        }
    };
    match days {
        ..0 => Err("ends before it begins".to_owned()),
        LONGEST_DAYS.. => Err("lasts more than a year".to_owned()),
        _ => Ok(length),
    }
}

/// Weeks and days as hours, since a length of time is wanted and not a date.
fn time_of(span: Span) -> Option<SignedDuration> {
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
    let rest = span.try_weeks(0).ok()?.try_days(0).ok()?;
    SignedDuration::try_from(rest).ok()?.checked_add(SignedDuration::from_hours(days * 24))
}

fn days_between(first: Date, end: Date) -> i64 {
    end.duration_since(first).as_hours() / 24
}

/// The date of `20261224` or `20261224T080000Z`.
pub(super) fn day_of(value: &str) -> Option<Date> {
    let digits = value.get(..8).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    if !(value.len() == 8 || value.as_bytes().get(8) == Some(&b'T')) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i16>().ok();
    let small = |range| i8::try_from(number(range)?).ok();
    Date::new(number(0..4)?, small(4..6)?, small(6..8)?).ok()
}

impl When {
    /// Of a line with a single value.
    fn read(line: &Line) -> Result<Self, String> {
        Self::of(&line.name, &line.value, line.parameter("TZID"))
    }

    /// `name` is that of the line it stands in.
    pub(super) fn of(name: &str, value: &str, zone: Option<&str>) -> Result<Self, String> {
        let wrong =
            || format!("has {name} {:?}, which is no time", value.chars().take(40).collect::<String>());
        let value = value.trim();
        let date = day_of(value).ok_or_else(wrong)?;
        // Far from where the arithmetic of dates ends.
        if !(1900..=9000).contains(&date.year()) {
            return Err(wrong());
        }
        if value.len() == 8 {
            return Ok(When::Day(date));
        }
        let (clock, is_utc) = match value[9..].strip_suffix('Z') {
            Some(clock) => (clock, true),
            None => (&value[9..], false),
        };
        let two = |from: usize| clock.get(from..from + 2)?.parse::<i8>().ok();
        let is_clock = clock.len() == 6 && clock.bytes().all(|b| b.is_ascii_digit());
        let time = is_clock.then(|| Time::new(two(0)?, two(2)?, two(4)?.min(59), 0).ok()).flatten();
        let at = date.to_datetime(time.ok_or_else(wrong)?);
        match zone {
            _ if is_utc => Ok(When::Utc(at)),
            None => Ok(When::Floating(at)),
            Some(zone) if TimeZone::get(zone).is_ok() => Ok(When::In(at, zone.to_owned())),
            Some(zone) => Err(format!("is in the zone {zone:?}, which is not known")),
        }
    }

    fn is_floating(&self) -> bool {
        matches!(self, When::Floating(_))
    }

    pub(super) fn wall(&self) -> DateTime {
        match self {
            When::Day(day) => day.at(0, 0, 0, 0),
            When::Utc(at) | When::In(at, _) | When::Floating(at) => *at,
        }
    }

    pub(super) fn with(&self, wall: DateTime) -> Self {
        match self {
            When::Day(_) => When::Day(wall.date()),
            When::Utc(_) => When::Utc(wall),
            When::In(_, zone) => When::In(wall, zone.clone()),
            When::Floating(_) => When::Floating(wall),
        }
    }

    pub(super) fn at(&self, floating: &TimeZone) -> Result<Timestamp, String> {
        let zone = match self {
            When::Utc(_) => TimeZone::UTC,
            When::In(_, zone) => TimeZone::get(zone).map_err(|_| format!("is in the zone {zone:?}"))?,
            When::Day(_) | When::Floating(_) => floating.clone(),
        };
        zone.to_timestamp(self.wall()).map_err(|_| "is at a time out of range".to_owned())
    }

    pub(super) fn write(&self, name: &str, text: &mut String) {
        let value = self.value();
        let _ = match self {
            When::Day(_) => write!(text, "{name};VALUE=DATE:{value}\r\n"),
            When::In(_, zone) => write!(text, "{name};TZID={zone}:{value}\r\n"),
            When::Utc(_) | When::Floating(_) => write!(text, "{name}:{value}\r\n"),
        };
    }

    /// As it stands behind the colon.
    pub(super) fn value(&self) -> String {
        let wall = self.wall();
        match self {
            When::Day(day) => day.strftime("%Y%m%d").to_string(),
            When::Utc(_) => wall.strftime("%Y%m%dT%H%M%SZ").to_string(),
            When::In(..) | When::Floating(_) => wall.strftime("%Y%m%dT%H%M%S").to_string(),
        }
    }
}

impl Event {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn write(&self, text: &mut String) {
        let _ = write!(text, "BEGIN:VEVENT\r\nSUMMARY:{}\r\n", escaped(&self.name));
        self.start.write("DTSTART", text);
        let _ = match self.length {
            Length::Days(days) => write!(text, "DURATION:P{days}D\r\n"),
            Length::Time(time) => write!(text, "DURATION:PT{}S\r\n", time.as_secs()),
        };
        if let Some(yearly) = &self.yearly {
            yearly.write(text);
        }
        text.push_str("END:VEVENT\r\n");
    }

    /// The days from `first` to `last`, both included, that it touches in this zone.
    pub(super) fn days(&self, zone: &TimeZone, first: Date, last: Date) -> Vec<Date> {
        // One that began the year before may last until today; zones are a day apart.
        let years = first.year().saturating_sub(2)..=last.year().saturating_add(1);
        let beginnings: Vec<When> = match &self.yearly {
            None => vec![self.start.clone()],
            Some(yearly) => years.filter_map(|year| yearly.beginning(&self.start, year, zone)).collect(),
        };
        let mut days = Vec::new();
        for start in beginnings {
            let Some((from, to)) = self.touched(&start, zone) else { continue };
            let from = from.max(first);
            if from <= to.min(last) {
                days.extend(from.series(1.day()).take_while(|day| *day <= to.min(last)));
            }
        }
        days
    }

    /// The first and the last day that it touches, begun then.
    fn touched(&self, start: &When, zone: &TimeZone) -> Option<(Date, Date)> {
        match (start, self.length) {
            (When::Day(first), Length::Days(days)) => {
                Some((*first, first.checked_add((days - 1).days()).ok()?))
            }
            (_, Length::Days(_)) => None,
            (_, Length::Time(time)) => {
                let start = start.at(zone).ok()?;
                let end = start.checked_add(time).ok()?;
                // Half-open: one that ends at midnight leaves the next day alone.
                let last = if time.is_zero() { end } else { end - SignedDuration::from_nanos(1) };
                let day = |at: Timestamp| zone.to_datetime(at).date();
                Some((day(start), day(last)))
            }
        }
    }
}
