//! Freezes: what holds starts up, and the forms that set, change and lift it.

use askama::Template;
use jiff::Timestamp;

use super::{FieldError, Section, Shell};
use crate::domain::freeze::{FreezeState, Level};
use crate::web::html::{counted, filters};

/// What a page says of a freeze that concerns it.
#[derive(Debug, Clone)]
pub struct FreezeNotice {
    /// `Everything`, `shop production`.
    pub what: String,
    pub level: Level,
    pub reason: String,
    /// Who set it, and who changed it.
    pub author: String,
    /// It holds now; else it is announced.
    pub is_current: bool,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
}

/// A freeze in the list.
#[derive(Debug, Clone)]
pub struct FreezeItem {
    pub id: i64,
    pub what: String,
    pub level: Level,
    pub state: FreezeState,
    pub reason: String,
    pub author: String,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    pub lifted_by: Option<String>,
    pub lifted_at: Option<Timestamp>,
}

/// The fields of the form, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FreezeForm {
    pub application: String,
    pub environment: String,
    pub level: Level,
    pub reason: String,
    pub from: String,
    pub until: String,
    /// Of what is changed, so that nobody's change is lost.
    pub version: String,
}

/// The list, with the form of a new one for administrators.
#[derive(Debug, Template)]
#[template(path = "freezes.html")]
pub struct Freezes {
    pub shell: Shell,
    pub items: Vec<FreezeItem>,
    /// The next page, when there is one.
    pub next: Option<String>,
    pub form: Option<FreezeForm>,
    pub places: Places,
    pub errors: Vec<FieldError>,
}

/// One freeze, with the form that changes it while it is not over.
#[derive(Debug, Template)]
#[template(path = "freeze.html")]
pub struct FreezePage {
    pub shell: Shell,
    pub item: FreezeItem,
    /// Of one that is over: what was typed for it, to be set as a new one.
    pub form: Option<FreezeForm>,
    pub places: Places,
    pub errors: Vec<FieldError>,
    /// Why nothing was saved, though nothing that was typed is wrong.
    pub conflict: Option<String>,
}

/// What may be chosen, and by which clocks times are read.
#[derive(Debug, Clone, Default)]
pub struct Places {
    pub applications: Vec<String>,
    pub environments: Vec<String>,
    pub zone: String,
}

impl Places {
    /// What the form says and nothing is called (any more): it is offered all the same,
    /// as a form that lost it would freeze everything.
    fn gone<'a>(known: &[String], named: &'a str) -> Option<&'a str> {
        (!named.is_empty() && !known.iter().any(|known| known == named)).then_some(named)
    }

    fn gone_application<'a>(&self, form: &'a FreezeForm) -> Option<&'a str> {
        Self::gone(&self.applications, &form.application)
    }

    fn gone_environment<'a>(&self, form: &'a FreezeForm) -> Option<&'a str> {
        Self::gone(&self.environments, &form.environment)
    }
}

impl FreezeNotice {
    pub fn locks(&self) -> bool {
        self.level == Level::Lock
    }
}

impl FreezeForm {
    pub fn locks(&self) -> bool {
        self.level == Level::Lock
    }
}

impl FreezeItem {
    pub fn locks(&self) -> bool {
        self.level == Level::Lock
    }

    pub fn is_over(&self) -> bool {
        self.state == FreezeState::Ended
    }

    /// The tone of its dot.
    fn tone(&self) -> &'static str {
        match (self.state, self.level) {
            (FreezeState::Ended, _) => "mute",
            (FreezeState::Current, Level::Lock) => "no",
            (FreezeState::Current, Level::Warning) | (FreezeState::Planned, _) => "warn",
        }
    }
}

impl Freezes {
    fn count(&self, state: FreezeState) -> u64 {
        self.items.iter().filter(|item| item.state == state).count() as u64
    }

    fn state(&self) -> &'static str {
        if !self.errors.is_empty() {
            "invalid"
        } else if self.count(FreezeState::Current) > 0 {
            "current"
        } else if self.count(FreezeState::Planned) > 0 {
            "planned"
        } else {
            "clear"
        }
    }

    fn sentence(&self) -> String {
        let planned = match self.count(FreezeState::Planned) {
            0 => String::new(),
            number => format!(" {}.", counted(number, "more is planned", "more are planned")),
        };
        match self.count(FreezeState::Current) {
            0 => format!("Nothing is frozen now.{planned}"),
            number => format!("{} now.{planned}", counted(number, "freeze holds", "freezes hold")),
        }
    }

    fn groups(&self) -> Vec<(&'static str, Vec<&FreezeItem>)> {
        let of = |state| self.items.iter().filter(|item| item.state == state).collect::<Vec<_>>();
        let groups = [
            ("In force", of(FreezeState::Current)),
            ("Planned", of(FreezeState::Planned)),
            ("Over", of(FreezeState::Ended)),
        ];
        groups.into_iter().filter(|(_, items)| !items.is_empty()).collect()
    }

    fn error(&self, field: &str) -> Option<&str> {
        find(&self.errors, field)
    }
}

impl FreezePage {
    fn state(&self) -> &'static str {
        match (&self.conflict, self.errors.is_empty()) {
            (Some(_), _) => "conflict",
            (None, false) => "invalid",
            (None, true) => self.item.state.word(),
        }
    }

    fn error(&self, field: &str) -> Option<&str> {
        find(&self.errors, field)
    }
}

fn find<'a>(errors: &'a [FieldError], field: &str) -> Option<&'a str> {
    errors.iter().find(|error| error.field == field).map(|error| error.text.as_str())
}
