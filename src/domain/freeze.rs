//! A freeze: nobody, or nobody without being warned, starts a deployment on
//! everything, in an application or in an environment, from one instant to another.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::name::Name;
use super::words::words;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing starts, whoever wants it (rules.md 33).
    #[default]
    Lock,
    /// It is said, and nothing is held up.
    Warning,
}

words!(Level { Lock => "lock", Warning => "warning" });

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreezeState {
    Planned,
    Current,
    /// Its end came, or an administrator lifted it.
    Ended,
}

words!(FreezeState { Planned => "planned", Current => "current", Ended => "ended" });

/// What a freeze is on. An environment without an application is the one of that
/// name in every application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frozen {
    pub application: Option<Name>,
    pub environment: Option<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    pub id: i64,
    pub on: Frozen,
    pub level: Level,
    pub reason: String,
    /// A person, or `command:rosa`.
    pub author: String,
    /// Who changed it last, of the same form.
    pub changed_by: Option<String>,
    pub created_at: Timestamp,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    pub lifted: Option<Lifted>,
    /// Rises with every change.
    pub version: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifted {
    pub by: String,
    pub at: Timestamp,
}

impl Frozen {
    pub fn covers(&self, application: &Name, environment: &Name) -> bool {
        let fits = |only: &Option<Name>, name: &Name| only.as_ref().is_none_or(|only| only == name);
        fits(&self.application, application) && fits(&self.environment, environment)
    }

    /// `Everything`, `shop`, `shop production`, `Every production`.
    pub fn words(&self) -> String {
        match (&self.application, &self.environment) {
            (None, None) => "Everything".to_owned(),
            (Some(application), None) => application.to_string(),
            (Some(application), Some(environment)) => format!("{application} {environment}"),
            (None, Some(environment)) => format!("Every {environment}"),
        }
    }
}

impl Freeze {
    /// Half-open, as windows are.
    pub fn state(&self, now: Timestamp) -> FreezeState {
        if self.lifted.is_some() || self.until.is_some_and(|until| until <= now) {
            FreezeState::Ended
        } else if now < self.from {
            FreezeState::Planned
        } else {
            FreezeState::Current
        }
    }

    /// Nothing starts there from its beginning to its end.
    pub fn locks(&self, application: &Name, environment: &Name) -> bool {
        self.level == Level::Lock && self.on.covers(application, environment)
    }

    /// `ada`, or `ada, changed by ben`: who changed it answers for what it is now.
    pub fn people(&self) -> String {
        match &self.changed_by {
            Some(by) if *by != self.author => format!("{}, changed by {by}", self.author),
            _ => self.author.clone(),
        }
    }

    pub fn binds(&self, application: &Name, environment: &Name, now: Timestamp) -> bool {
        self.state(now) == FreezeState::Current && self.on.covers(application, environment)
    }

    /// `until Thu 24 Dec 2026, 08:00 (Europe/Paris)`, or `until somebody lifts it`.
    pub fn end_words(&self, zone: &str) -> String {
        match self.until {
            Some(until) => format!("until {}", moment(until, zone)),
            None => "until an administrator lifts it".to_owned(),
        }
    }
}

/// Which end of a freeze an instant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    From,
    Until,
}

/// An instant as a program writes it, or the date and time of day that a clock in
/// this zone shows: `2026-12-24T08:00:00Z`, `2026-12-24T08:00`, `2026-12-24 08:00`.
/// A time that the clock shows twice, or never, is the one that freezes for longer.
pub fn instant(text: &str, zone: &str, edge: Edge) -> Result<Timestamp, &'static str> {
    const REFUSE: &str = "must be a date and a time of day such as 2026-12-24 08:00";
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let zone = jiff::tz::TimeZone::get(zone).map_err(|_| REFUSE)?;
    let has_clock = text.len() >= 16 && text.is_char_boundary(10) && text[10..].contains(':');
    let wall: jiff::civil::DateTime = text.parse().ok().filter(|_| has_clock).ok_or(REFUSE)?;
    let at = zone.to_ambiguous_timestamp(wall);
    match edge {
        Edge::From => at.earlier(),
        Edge::Until => at.later(),
    }
    .map_err(|_| REFUSE)
}

/// `Thu 24 Dec 2026, 08:00 (Europe/Paris)`.
pub fn moment(at: Timestamp, zone: &str) -> String {
    let (zoned, zone) = match at.in_tz(zone) {
        Ok(zoned) => (zoned, zone),
        Err(_) => (at.to_zoned(jiff::tz::TimeZone::UTC), "UTC"),
    };
    format!("{} ({zone})", zoned.strftime("%a %-d %b %Y, %H:%M"))
}
