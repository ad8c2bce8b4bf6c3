//! People and tokens, for those who administer.

use askama::Template;
use jiff::Timestamp;

use super::account::TokenView;
use super::{FieldError, Section, Shell};
use crate::web::html::{counted, filters};

#[derive(Debug, Template)]
#[template(path = "admin_people.html")]
pub struct People {
    pub shell: Shell,
    pub items: Vec<PersonItem>,
    /// What was looked for.
    pub q: String,
    pub next: Option<String>,
    pub may_edit: bool,
    /// Roles that can be given to somebody new.
    pub roles: Vec<String>,
    pub form: NewPerson,
    pub errors: Vec<FieldError>,
}

#[derive(Debug, Clone)]
pub struct PersonItem {
    pub name: String,
    pub display: String,
    pub roles: Vec<String>,
    /// `GitHub`, `local`, `proxy`, or nothing for a name that nobody used yet.
    pub provider: String,
    pub seen_at: Option<Timestamp>,
    pub disabled: bool,
}

#[derive(Debug, Clone, Default)]
pub struct NewPerson {
    pub name: String,
    pub role: String,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that the template asks for")]
#[derive(Debug, Template)]
#[template(path = "admin_person.html")]
pub struct PersonPage {
    pub shell: Shell,
    pub item: PersonItem,
    pub version: i64,
    pub may_edit: bool,
    pub is_self: bool,
    /// May have a password: nobody else's identity is bound to the name.
    pub may_have_password: bool,
    pub has_password: bool,
    pub external_id: String,
    pub held: Vec<HeldRole>,
    /// Roles that were not given to them yet.
    pub to_give: Vec<String>,
    pub rights: Vec<String>,
    /// The one that an administrator set, or typed.
    pub mail: String,
    /// GitHub's own, which comes before it and is not changed here.
    pub verified_mail: Option<String>,
    pub identities: Vec<Way>,
    pub sessions: usize,
    /// Tokens that programs got by signing in.
    pub sign_ins: u64,
    pub errors: Vec<FieldError>,
    /// What was typed, where the form comes again.
    pub role: String,
    pub provider: String,
    pub subject: String,
    /// Why nothing was changed, though nothing that was typed is wrong.
    pub conflict: Option<String>,
    /// The form that was refused had a field, and what was typed stands in it.
    pub keeps_typed: bool,
}

/// A way in: `github 1234`.
#[derive(Debug, Clone)]
pub struct Way {
    pub provider: String,
    pub subject: String,
    /// It is not the only one.
    pub may_go: bool,
}

#[derive(Debug, Clone)]
pub struct HeldRole {
    pub role: String,
    /// `by the fleet file`, `by the team developers` …
    pub given: Vec<String>,
    /// Given by name: that can be taken away here.
    pub may_take: bool,
    /// The fleet file gives it, and gives it again.
    pub comes_back: bool,
}

#[derive(Debug, Template)]
#[template(path = "admin_tokens.html")]
pub struct Tokens {
    pub shell: Shell,
    pub items: Vec<TokenView>,
    pub next: Option<String>,
}

impl People {
    fn state(&self) -> &'static str {
        match (self.errors.is_empty(), self.items.is_empty()) {
            (false, _) => "invalid",
            (true, true) => "empty",
            (true, false) => "ready",
        }
    }

    fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.text.as_str())
    }

    fn sentence(&self) -> String {
        match (self.items.len() as u64, self.q.is_empty()) {
            (0, true) => "Nobody is known here yet.".to_owned(),
            (0, false) => "Nobody's name holds these words.".to_owned(),
            (number, _) => {
                let people = counted(number, "person", "people");
                format!("{people}{}, with what they hold.", if self.next.is_some() { " of more" } else { "" })
            }
        }
    }
}

impl PersonPage {
    fn state(&self) -> &'static str {
        match (&self.conflict, self.item.disabled) {
            (Some(_), _) => "conflict",
            (None, _) if !self.errors.is_empty() => "invalid",
            (None, true) => "disabled",
            (None, false) => "enabled",
        }
    }

    fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.text.as_str())
    }

    fn sentence(&self) -> String {
        let (name, provider) = (&self.item.name, &self.item.provider);
        match (self.item.disabled, provider.is_empty()) {
            (true, _) => {
                format!("{name} is disabled: nothing lets them in, and the record keeps their name.")
            }
            (false, true) => format!("Nobody signed in as {name} yet; the name is kept for who does first."),
            (false, false) => format!("{name} signs in by way of {provider}."),
        }
    }
}

impl Tokens {
    fn state(&self) -> &'static str {
        if self.items.is_empty() { "empty" } else { "ready" }
    }
}
