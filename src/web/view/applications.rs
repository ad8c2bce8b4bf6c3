//! The applications one may read, each with what is live where.

use askama::Template;
use jiff::Timestamp;

use super::{Section, Shell};
use crate::domain::deployment::DeploymentState;
use crate::web::html::filters;

#[derive(Debug, Template)]
#[template(path = "applications.html")]
pub struct Applications {
    pub shell: Shell,
    /// What was searched for; empty when nothing was.
    pub q: String,
    pub items: Vec<ApplicationItem>,
}

#[derive(Debug, Clone)]
pub struct ApplicationItem {
    pub name: String,
    pub repository: String,
    /// In promotion order.
    pub environments: Vec<EnvironmentItem>,
    pub may_request: bool,
}

#[derive(Debug, Clone)]
pub struct EnvironmentItem {
    pub name: String,
    pub live: Live,
    /// When what is live came there.
    pub deployed_at: Option<Timestamp>,
    /// What goes on there, or how the last run ended, unless it succeeded.
    pub going_on: Option<DeploymentState>,
    pub servers: u64,
}

/// What an environment runs, by record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    Nothing,
    One(String),
    /// Several releases at once, newest first.
    Mixed(Vec<String>),
    /// A run is under way; what was settled before it.
    Changing(Vec<String>),
}

impl Live {
    pub fn words(&self) -> String {
        match self {
            Live::Nothing => "nothing yet".to_owned(),
            Live::One(release) => release.clone(),
            Live::Mixed(releases) => crate::web::html::listed(releases),
            Live::Changing(before) if before.is_empty() => "nothing yet (being changed)".to_owned(),
            Live::Changing(before) => format!("{} (being changed)", crate::web::html::listed(before)),
        }
    }
}

impl Applications {
    fn state(&self) -> &'static str {
        if self.items.is_empty() { "empty" } else { "ready" }
    }
}
