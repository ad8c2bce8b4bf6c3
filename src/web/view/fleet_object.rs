//! The pages that administer the fleet: the objects of a kind, the form of one, and the
//! question before one is removed.

use askama::Template;

use super::{Link, Section, Shell};
use crate::web::html::{capital, counted, filters};
use crate::web::sheet::view::{Difference, SectionView, Shape};

#[derive(Debug, Template)]
#[template(path = "admin_objects.html")]
pub struct Objects {
    pub shell: Shell,
    /// `servers`; its form and its objects are below `/admin/servers`.
    pub list: &'static str,
    /// `server`, `servers`.
    pub words: (&'static str, &'static str),
    pub q: String,
    pub items: Vec<ObjectItem>,
}

#[derive(Debug, Clone)]
pub struct ObjectItem {
    pub name: String,
    /// `10.0.0.11:22, key pinned`.
    pub words: String,
    pub warning: Option<String>,
    pub managed: bool,
}

impl Objects {
    fn state(&self) -> &'static str {
        if self.items.is_empty() { "empty" } else { "ready" }
    }

    fn heading(&self) -> String {
        capital(self.words.1)
    }

    fn sentence(&self) -> String {
        let count = counted(self.items.len() as u64, self.words.0, self.words.1);
        if self.q.is_empty() {
            format!("{count}.")
        } else {
            format!("{count} with “{}” in the name.", self.q)
        }
    }
}

/// The form of one object; a new one has no version.
#[derive(Debug, Template)]
#[template(path = "admin_object.html")]
pub struct Object {
    pub shell: Shell,
    /// `admin_server`.
    pub page: String,
    pub state: State,
    pub title: String,
    pub crumbs: Vec<Link>,
    /// Where the form is sent.
    pub action: String,
    pub version: Option<String>,
    pub managed: bool,
    /// What is wrong: where, and why. Nothing where no field says it.
    pub errors: Vec<(Option<String>, String)>,
    pub differences: Vec<Difference>,
    pub sections: Vec<SectionView>,
    pub button: String,
    /// Where it can be seen as others see it, and removed.
    pub links: Vec<Link>,
    pub removal: Option<String>,
    /// Of an application.
    pub environments: Option<Environments>,
    pub host_keys: Option<HostKeys>,
    /// What is odd about it as it stands, though nothing is wrong with it.
    pub hints: Vec<String>,
}

/// Why the form is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    New,
    Editing,
    /// What was sent is wrong.
    Invalid,
    /// Somebody else was faster.
    Conflict,
    /// Something that goes on is in the way of it.
    Blocked,
    /// It, or the application it is of, was removed meanwhile.
    Removed,
    /// A host was asked for its keys.
    Scanned,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            State::New => "new",
            State::Editing => "editing",
            State::Invalid => "invalid",
            State::Conflict | State::Blocked | State::Removed => "conflict",
            State::Scanned => "scanned",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Environments {
    /// In their order.
    pub links: Vec<Link>,
    pub new: String,
}

/// What is known of a server's keys.
#[derive(Debug, Clone)]
pub struct HostKeys {
    pub scan: String,
    pub pin: String,
    /// The fingerprint of the pinned key.
    pub pinned: Option<String>,
    pub scanned: Option<Scanned>,
    /// Why the host could not be asked.
    pub failed: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Scanned {
    pub place: String,
    pub is_changed: bool,
    pub is_same: bool,
    pub keys: Vec<KeyItem>,
}

#[derive(Debug, Clone)]
pub struct KeyItem {
    pub kind: &'static str,
    pub fingerprint: String,
    pub text: String,
    pub is_pinned: bool,
    /// The one to take, if any of them.
    pub is_best: bool,
}

impl Object {
    fn is_conflict(&self) -> bool {
        self.state == State::Conflict
    }

    fn sentence(&self) -> &'static str {
        match self.state {
            State::New => "It is judged together with everything else, and made only if all of it fits.",
            State::Invalid => "Nothing was changed. What you typed is still here.",
            State::Conflict => "Somebody else was faster. Nothing of yours was saved, and nothing is lost.",
            State::Blocked => "Nothing was changed. What you typed is still here, for when the way is free.",
            State::Removed => {
                "It was removed while you edited it. What you typed is still here: make it anew, or go back."
            }
            State::Scanned => "Compare before you pin: with what the host's own console says.",
            State::Editing => "What you save here is judged together with everything else, and is on record.",
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "admin_removal.html")]
pub struct Removal {
    pub shell: Shell,
    pub page: String,
    /// `server web-1`.
    pub what: String,
    pub crumbs: Vec<Link>,
    /// Its form.
    pub back: Link,
    pub action: String,
    pub version: String,
    pub managed: bool,
    /// The environments that an application takes with it.
    pub takes_along: Vec<String>,
    /// What keeps it from being removed.
    pub reasons: Vec<String>,
    /// What names it and would be left without its place.
    pub left_behind: Vec<String>,
    /// It was changed since the question was asked.
    pub is_changed: bool,
}

impl Removal {
    fn sentence(&self) -> &'static str {
        match (self.reasons.is_empty(), self.left_behind.is_empty()) {
            (false, _) => "It cannot be removed yet.",
            (true, false) => {
                "Nothing keeps it, but something names it. What happened with it stays on record under its name."
            }
            (true, true) => {
                "Nothing depends on it. It is gone from then on; what happened with it stays on record under its name."
            }
        }
    }

    fn state(&self) -> &'static str {
        match (self.is_changed, self.reasons.is_empty()) {
            (true, _) => "conflict",
            (_, false) => "blocked",
            _ => "deleting",
        }
    }
}
