//! Who may do what where, and by which role.

use askama::Template;

use super::{Section, Shell};
use crate::domain::matrix::Why;
use crate::domain::permission::{GlobalPermission, Permission};
use crate::web::html::{counted, filters, listed};

#[derive(Debug, Template)]
#[template(path = "admin_access.html")]
pub struct AdminAccess {
    pub shell: Shell,
    /// The environment that is looked at, unless it is a person.
    pub place: Option<Place>,
    pub person: Option<String>,
    /// All environments, to choose from.
    pub places: Vec<Place>,
    pub rows: Vec<Row>,
    /// The next page of people.
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub application: String,
    pub environment: String,
}

#[derive(Debug, Clone)]
pub struct Row {
    pub person: String,
    pub display: String,
    pub place: Place,
    /// Read, request, deploy in the window, deploy, review.
    pub may: [bool; 5],
    pub why: Vec<String>,
}

const COLUMNS: [&str; 5] = ["Read", "Request", "Deploy in window", "Deploy", "Review"];

impl AdminAccess {
    fn state(&self) -> &'static str {
        if self.rows.is_empty() { "empty" } else { "ready" }
    }

    fn sentence(&self) -> String {
        let count = self.rows.len() as u64;
        match (&self.person, &self.place) {
            (Some(person), _) if self.places.is_empty() => {
                format!("There is no environment yet in which {person} could do anything.")
            }
            (Some(person), _) if count == 0 => format!("{person} may do nothing anywhere."),
            (Some(person), _) => {
                format!(
                    "What {person} may do in {}, and by which role.",
                    counted(count, "environment", "environments")
                )
            }
            (None, Some(place)) if count == 0 => {
                format!("Nobody may do anything in {} {}.", place.application, place.environment)
            }
            (None, Some(place)) => {
                format!("Who may do what in {} {}, and by which role.", place.application, place.environment)
            }
            (None, None) => "There is no environment yet, so nobody may do anything anywhere.".to_owned(),
        }
    }
}

impl Row {
    /// Each column with whether it holds.
    fn cells(&self) -> impl Iterator<Item = (&'static str, bool)> {
        COLUMNS.into_iter().zip(self.may)
    }
}

/// `role release-managers (team release-managers): review`.
pub fn words_of(why: &Why) -> String {
    let through: Vec<String> = why.through.iter().map(ToString::to_string).collect();
    let gives = why.gives.iter().map(|permission| permission_words(*permission));
    let everywhere = why.globals.iter().map(|global| match global {
        GlobalPermission::Admin => "everything, as administrator",
        GlobalPermission::ReadAll => "read, everywhere",
        GlobalPermission::Impersonate => "act for others, through the API",
    });
    let gives: Vec<&str> = gives.chain(everywhere).collect();
    format!("role {} ({}): {}", why.role, listed(&through), listed(&gives))
}

pub fn permission_words(permission: Permission) -> &'static str {
    match permission {
        Permission::Read => "read",
        Permission::Request => "request",
        Permission::DeployInWindow => "deploy in the window",
        Permission::Deploy => "deploy",
        Permission::Review => "review",
    }
}
