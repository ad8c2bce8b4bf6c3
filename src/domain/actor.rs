//! Who acts: a person with what they may do, read freshly for this one act.

use super::name::Name;
use super::permission::{Access, Permission};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub id: i64,
    pub name: Name,
    pub display: String,
    pub access: Access,
}

/// The name of who is not signed in; nobody else may have it.
pub const NOBODY: &str = "anonymous";

/// Both names for the record: `dana`, or `bot for dana` (rules.md 31).
pub fn signed(name: &Name, by: Option<&Name>) -> String {
    by.map_or_else(|| name.to_string(), |by| format!("{by} for {name}"))
}

/// Both names where people read them: `drew`, or `drew (bot acting)` (rules.md 31).
pub fn acted(name: &str, by: Option<&Name>) -> String {
    by.map_or_else(|| name.to_owned(), |by| format!("{name} ({by} acting)"))
}

/// Who steered a run, and in whose place if it was another's (rules.md 31).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hand {
    pub name: Name,
    pub acting: Option<Name>,
}

impl Hand {
    /// `drew`, or `drew (bot acting)`.
    pub fn words(&self) -> String {
        acted(self.name.as_str(), self.acting.as_ref())
    }
}

impl Actor {
    pub fn hand(&self) -> Hand {
        Hand { name: self.name.clone(), acting: self.access.by.clone() }
    }

    /// Who the record says it was: `dana`, or `bot for dana` (rules.md 31).
    pub fn signature(&self) -> String {
        signed(&self.name, self.access.by.as_ref())
    }

    /// The number of who is not signed in; no row has it.
    pub const ANONYMOUS: i64 = 0;

    pub fn is_anonymous(&self) -> bool {
        self.id == Self::ANONYMOUS
    }

    /// Who an act rests on: whose rights it takes, and who really does it.
    pub fn names(&self) -> Vec<Name> {
        std::iter::once(&self.name).chain(&self.access.by).cloned().collect()
    }

    /// Whether something is theirs by name, and not out of reach of what they came with.
    pub fn owns(&self, owner: &Name, wanted: Permission, application: &Name, environment: &Name) -> bool {
        *owner == self.name && self.access.reaches(wanted, application, environment)
    }
}
