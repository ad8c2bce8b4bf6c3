//! What the fleet holds, and where each part of it is changed.

use askama::Template;

use super::{Section, Shell};
use crate::web::html::{counted, filters};

#[derive(Debug, Template)]
#[template(path = "admin.html")]
pub struct Admin {
    pub shell: Shell,
    /// Applications, servers, clusters, load balancers, calendars, roles, people.
    pub groups: Vec<FleetGroup>,
    /// How many mails and other notifications could not be delivered.
    pub failed_deliveries: u64,
    /// An administrator looks, and not only who reads everything.
    pub may_change: bool,
}

#[derive(Debug, Clone)]
pub struct FleetGroup {
    /// `Servers`.
    pub title: String,
    /// Where they are changed, for who may.
    pub href: Option<String>,
    pub rows: Vec<FleetRow>,
}

#[derive(Debug, Clone)]
pub struct FleetRow {
    pub name: String,
    pub href: Option<String>,
    /// `10.0.0.11:22, key pinned`.
    pub words: String,
    /// What is wrong with it, if anything.
    pub warning: Option<String>,
}

impl Admin {
    fn sentence(&self) -> String {
        let counts: Vec<String> = self
            .groups
            .iter()
            .map(|group| {
                let many = group.title.to_lowercase();
                counted(group.rows.len() as u64, many.trim_end_matches('s'), &many)
            })
            .collect();
        crate::web::html::listed(&counts)
    }
}
