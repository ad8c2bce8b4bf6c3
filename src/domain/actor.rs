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

impl Actor {
    /// Who the record says it was: `dana`, or `bot for dana` (rules.md 31).
    pub fn signature(&self) -> String {
        match &self.access.by {
            Some(by) => format!("{by} for {}", self.name),
            None => self.name.to_string(),
        }
    }

    /// Whether something is theirs by name, and not out of reach of what they came with.
    pub fn owns(&self, owner: &Name, wanted: Permission, application: &Name, environment: &Name) -> bool {
        *owner == self.name && self.access.reaches(wanted, application, environment)
    }
}
