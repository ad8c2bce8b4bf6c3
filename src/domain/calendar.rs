//! When deployments may start: a calendar as a question to the clock on the wall.
//!
//! A moment is open when a clock in the calendar's zone shows a time within one
//! of the day's half-open spans, and the day is not closed. Everything follows
//! from that one sentence, also on the days when clocks are changed: a span that
//! the clock jumps over does not happen, and one that it shows twice happens twice.
//! Spans that touch, at midnight too, are one.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::closed_days::ClosedDays;
use super::fleet::{Calendar, Day};
use super::holidays::Country;
use super::ics::Ics;

/// How far ahead an opening or closing is looked for, in days.
const HORIZON_DAYS: i16 = 370;
/// The answer is almost always this near.
const NEAR_DAYS: i16 = 8;

/// Minutes since midnight, 0 to 1440; `24:00` is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// `HH:MM`, from `00:00` to `24:00`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let refuse = "must be a time of day from 00:00 to 24:00";
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        let (hours, minutes) = text.split_once(':').ok_or(refuse)?;
        if !digits(hours) || !digits(minutes) {
            return Err(refuse);
        }
        let hours: u16 = hours.parse().map_err(|_| refuse)?;
        let minutes: u16 = minutes.parse().map_err(|_| refuse)?;
        let time = hours * 60 + minutes;
        if minutes < 60 && time <= 24 * 60 { Ok(Self(time)) } else { Err(refuse) }
    }

    fn on(self, date: Date) -> Option<DateTime> {
        date.at(0, 0, 0, 0).checked_add(SignedDuration::from_mins(self.0.into())).ok()
    }
}

/// A day as `YYYY-MM-DD`.
pub fn date(text: &str) -> Result<Date, &'static str> {
    let refuse = "must be a day as YYYY-MM-DD";
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    text.parse().ok().filter(|_| plain).ok_or(refuse)
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    #[error("{0:?} is not a known time zone")]
    Zone(String),
    #[error("{text:?} {why}")]
    Text { text: String, why: &'static str },
    #[error("holidays: {text:?} {why}")]
    Holidays { text: String, why: String },
    #[error("ics: {0}")]
    Ics(String),
}

/// A calendar, ready to be asked.
#[derive(Debug, Clone)]
pub struct Windows {
    zone: TimeZone,
    zone_name: String,
    spans: Vec<Span>,
    closed: ClosedDays,
}

/// Closed days by date, of the stretch of time that is looked at.
type Closed = BTreeMap<Date, String>;

#[derive(Debug, Clone)]
struct Span {
    days: Vec<Weekday>,
    from: TimeOfDay,
    to: TimeOfDay,
}

impl Windows {
    pub fn of(calendar: &Calendar) -> Result<Self, CalendarError> {
        let wrong = |text: &str, why| CalendarError::Text { text: text.to_owned(), why };
        let time = |text: &str| TimeOfDay::parse(text).map_err(|why| wrong(text, why));
        let zone =
            TimeZone::get(&calendar.timezone).map_err(|_| CalendarError::Zone(calendar.timezone.clone()))?;
        let spans = calendar.weekly.iter().map(|hours| {
            let days = hours.days.iter().copied().map(weekday).collect();
            Ok(Span { days, from: time(&hours.from)?, to: time(&hours.to)? })
        });
        let listed = calendar.closed.iter().map(|text| date(text).map_err(|why| wrong(text, why)));
        let countries = calendar.holidays.iter().map(|code| {
            Country::parse(code).map_err(|why| CalendarError::Holidays { text: code.clone(), why })
        });
        let events = calendar.ics.as_deref().map(|text| Ics::parse(text).map_err(CalendarError::Ics));
        Ok(Self {
            zone,
            zone_name: calendar.timezone.clone(),
            spans: spans.collect::<Result<_, _>>()?,
            closed: ClosedDays {
                listed: listed.collect::<Result<_, _>>()?,
                countries: countries.collect::<Result<_, _>>()?,
                events: events.transpose()?,
            },
        })
    }

    pub fn is_open(&self, at: Timestamp) -> bool {
        let today = self.zone.to_datetime(at).date();
        self.is_open_but(at, &self.closed.between(&self.zone, today, today))
    }

    fn is_open_but(&self, at: Timestamp, closed: &Closed) -> bool {
        let wall = self.zone.to_datetime(at);
        let minute = TimeOfDay(minute_of(wall.time()));
        self.spans_on(wall.date(), closed).any(|span| span.from <= minute && minute < span.to)
    }

    /// The first moment after `at` at which it opens, at most 370 days ahead.
    /// While it is open, that is the opening after this one.
    pub fn next_opening(&self, at: Timestamp) -> Option<Timestamp> {
        self.next_change(at, true)
    }

    /// When it closes; None while it is closed, or when it stays open for 370 days.
    pub fn closes_at(&self, at: Timestamp) -> Option<Timestamp> {
        if self.is_open(at) { self.next_change(at, false) } else { None }
    }

    /// `Open until today 18:30 (Europe/Paris).`, `Closed: Easter Monday (FR). Opens Tuesday
    /// 6 April 08:00 (Europe/Paris).` With the year where it is another one.
    pub fn words(&self, at: Timestamp) -> String {
        if self.is_open(at) {
            return match self.closes_at(at) {
                Some(end) => format!("Open until {}.", self.moment_words(at, end)),
                None => "Open.".to_owned(),
            };
        }
        let opens = self.next_opening(at);
        let why = self.why_closed(at, opens).map(|why| format!("Closed: {why}. ")).unwrap_or_default();
        match opens {
            Some(start) => format!("{why}Opens {}.", self.moment_words(at, start)),
            None => format!("{why}Does not open within {HORIZON_DAYS} days."),
        }
    }

    /// What keeps it closed beyond its hours: the first closed day from now until it
    /// opens on which it would have been open.
    fn why_closed(&self, at: Timestamp, opens: Option<Timestamp>) -> Option<String> {
        let wall = self.zone.to_datetime(at);
        let days = if opens.is_some() { HORIZON_DAYS } else { NEAR_DAYS };
        let closed = self.closed.around(&self.zone, wall.date(), days);
        let opening = opens.map_or(Date::MAX, |opens| self.zone.to_datetime(opens).date());
        let minute = TimeOfDay(minute_of(wall.time()));
        let would_open = |date: Date| {
            let after = if date == wall.date() { minute } else { TimeOfDay(0) };
            self.spans.iter().any(|span| span.days.contains(&date.weekday()) && after < span.to)
        };
        let kept =
            closed.into_iter().find(|(date, _)| (wall.date()..=opening).contains(date) && would_open(*date));
        kept.map(|(_, why)| why)
    }

    fn moment_words(&self, at: Timestamp, then: Timestamp) -> String {
        let (now, wall) = (self.zone.to_datetime(at).date(), then.to_zoned(self.zone.clone()));
        let format = if wall.date() == now {
            "today %H:%M"
        } else if wall.year() == now.year() {
            "%A %-d %B %H:%M"
        } else {
            "%A %-d %B %Y %H:%M"
        };
        format!("{} ({})", wall.strftime(format), self.zone_name)
    }

    fn spans_on(&self, date: Date, closed: &Closed) -> impl Iterator<Item = &Span> {
        let closed = closed.contains_key(&date);
        let day = date.weekday();
        self.spans.iter().filter(move |span| !closed && span.days.contains(&day))
    }

    fn next_change(&self, at: Timestamp, to_open: bool) -> Option<Timestamp> {
        [NEAR_DAYS, HORIZON_DAYS].into_iter().find_map(|days| {
            let closed = self.closed.around(&self.zone, self.zone.to_datetime(at).date(), days);
            let mut open = self.is_open_but(at, &closed);
            self.turning_points(at, days, &closed).into_iter().find(|then| {
                let before = std::mem::replace(&mut open, self.is_open_but(*then, &closed));
                before != open && open == to_open
            })
        })
    }

    /// All moments after `at`, in order, at which the answer may change: where a
    /// clock shows a border of the day, and where clocks are changed.
    fn turning_points(&self, at: Timestamp, days: i16, closed: &Closed) -> Vec<Timestamp> {
        let ahead = SignedDuration::from_hours(24 * i64::from(days));
        let end = at.checked_add(ahead).unwrap_or(Timestamp::MAX);
        let today = self.zone.to_datetime(at).date();
        // From yesterday: clocks set back at midnight show its last hour again.
        let first = today.yesterday().unwrap_or(today);
        let mut points: Vec<Timestamp> = first
            .series(jiff::Span::new().days(1))
            .take(usize::try_from(days).unwrap_or_default() + 3)
            .flat_map(|date| self.borders(date, closed))
            .flat_map(|border| self.moments(border))
            .chain(self.zone.following(at).map(|change| change.timestamp()).take_while(|then| *then <= end))
            .filter(|then| *then > at && *then <= end)
            .collect();
        points.sort_unstable();
        points.dedup();
        points
    }

    fn borders(&self, date: Date, closed: &Closed) -> impl Iterator<Item = DateTime> {
        let of_spans =
            self.spans_on(date, closed).flat_map(move |span| [span.from.on(date), span.to.on(date)]);
        std::iter::once(TimeOfDay(0).on(date)).chain(of_spans).flatten()
    }

    /// When the wall shows this time: once; twice where clocks are set back; never where
    /// they jump over it, and then the change of the zone itself is the turning point.
    fn moments(&self, wall: DateTime) -> Vec<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        let offsets = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => vec![offset],
            AmbiguousOffset::Gap { .. } => Vec::new(),
            AmbiguousOffset::Fold { before, after } => vec![before, after],
        };
        offsets.into_iter().filter_map(|offset| offset.to_timestamp(wall).ok()).collect()
    }
}

fn minute_of(time: Time) -> u16 {
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}

fn weekday(day: Day) -> Weekday {
    match day {
        Day::Mon => Weekday::Monday,
        Day::Tue => Weekday::Tuesday,
        Day::Wed => Weekday::Wednesday,
        Day::Thu => Weekday::Thursday,
        Day::Fri => Weekday::Friday,
        Day::Sat => Weekday::Saturday,
        Day::Sun => Weekday::Sunday,
    }
}
