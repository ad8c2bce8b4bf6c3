//! When deployments may start: a calendar as a question to the clock on the wall.
//!
//! A moment is open when a clock in the calendar's zone shows a time within one
//! of the day's half-open spans, and the day is not closed. Everything follows
//! from that one sentence, also on the days when clocks are changed: a span that
//! the clock jumps over does not happen, and one that it shows twice happens twice.
//! Spans that touch, at midnight too, are one.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::fleet::{Calendar, Day};

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
}

/// A calendar, ready to be asked.
#[derive(Debug, Clone)]
pub struct Windows {
    zone: TimeZone,
    zone_name: String,
    spans: Vec<Span>,
    closed: Vec<Date>,
}

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
        let closed = calendar.closed.iter().map(|text| date(text).map_err(|why| wrong(text, why)));
        Ok(Self {
            zone,
            zone_name: calendar.timezone.clone(),
            spans: spans.collect::<Result<_, _>>()?,
            closed: closed.collect::<Result<_, _>>()?,
        })
    }

    pub fn is_open(&self, at: Timestamp) -> bool {
        let wall = self.zone.to_datetime(at);
        let minute = TimeOfDay(minute_of(wall.time()));
        self.spans_on(wall.date()).any(|span| span.from <= minute && minute < span.to)
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

    /// `open until Mon 18:30 (Europe/Paris)`, `opens Mon 08:00 (Europe/Paris)`; with
    /// the date where the day of the week alone would be ambiguous.
    pub fn words(&self, at: Timestamp) -> String {
        let moment = |then: Timestamp| self.moment_words(at, then);
        match (self.is_open(at), self.closes_at(at), self.next_opening(at)) {
            (true, Some(end), _) => format!("open until {}", moment(end)),
            (true, None, _) => "open".to_owned(),
            (false, _, Some(start)) => format!("opens {}", moment(start)),
            (false, _, None) => format!("does not open within {HORIZON_DAYS} days"),
        }
    }

    fn moment_words(&self, at: Timestamp, then: Timestamp) -> String {
        let near = then.duration_since(at) < SignedDuration::from_hours(6 * 24);
        let format = if near { "%a %H:%M" } else { "%a %-d %b %Y %H:%M" };
        let wall = then.to_zoned(self.zone.clone());
        format!("{} ({})", wall.strftime(format), self.zone_name)
    }

    fn spans_on(&self, date: Date) -> impl Iterator<Item = &Span> {
        let closed = self.closed.contains(&date);
        let day = date.weekday();
        self.spans.iter().filter(move |span| !closed && span.days.contains(&day))
    }

    fn next_change(&self, at: Timestamp, to_open: bool) -> Option<Timestamp> {
        [NEAR_DAYS, HORIZON_DAYS].into_iter().find_map(|days| {
            let mut open = self.is_open(at);
            self.turning_points(at, days).into_iter().find(|then| {
                let before = std::mem::replace(&mut open, self.is_open(*then));
                before != open && open == to_open
            })
        })
    }

    /// All moments after `at`, in order, at which the answer may change: where a
    /// clock shows a border of the day, and where clocks are changed.
    fn turning_points(&self, at: Timestamp, days: i16) -> Vec<Timestamp> {
        let ahead = SignedDuration::from_hours(24 * i64::from(days));
        let end = at.checked_add(ahead).unwrap_or(Timestamp::MAX);
        let today = self.zone.to_datetime(at).date();
        // From yesterday: clocks set back at midnight show its last hour again.
        let first = today.yesterday().unwrap_or(today);
        let mut points: Vec<Timestamp> = first
            .series(jiff::Span::new().days(1))
            .take(usize::try_from(days).unwrap_or_default() + 3)
            .flat_map(|date| self.borders(date))
            .flat_map(|border| self.moments(border))
            .chain(self.zone.following(at).map(|change| change.timestamp()).take_while(|then| *then <= end))
            .filter(|then| *then > at && *then <= end)
            .collect();
        points.sort_unstable();
        points.dedup();
        points
    }

    fn borders(&self, date: Date) -> impl Iterator<Item = DateTime> {
        let of_spans = self.spans_on(date).flat_map(move |span| [span.from.on(date), span.to.on(date)]);
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
