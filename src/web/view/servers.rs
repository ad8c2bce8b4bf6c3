//! The servers that a reader may know of, with what runs on each.

use askama::Template;

use super::server::PlaceView;
use super::{Section, Shell};
use crate::domain::drift::Standing;
use crate::web::html::{counted, filters};

#[derive(Debug, Template)]
#[template(path = "servers.html")]
pub struct Servers {
    pub shell: Shell,
    pub items: Vec<ServerItem>,
}

#[derive(Debug, Clone)]
pub struct ServerItem {
    pub name: String,
    pub is_active: bool,
    pub has_key: bool,
    pub is_held: bool,
    /// In how many places of load balancers.
    pub out_of_service: usize,
    pub places: Vec<PlaceView>,
}

impl Servers {
    fn state(&self) -> &'static str {
        if self.items.is_empty() { "empty" } else { "ready" }
    }

    fn sentence(&self) -> String {
        let drifted = self.items.iter().filter(|item| item.drifts()).count() as u64;
        let servers = counted(self.items.len() as u64, "server", "servers");
        match drifted {
            0 => format!("{servers}, with what runs on each."),
            _ => format!("{servers}; on {drifted} of them something differs from the record."),
        }
    }
}

impl ServerItem {
    fn drifts(&self) -> bool {
        self.places.iter().any(|place| place.standing.is_drift())
    }
}
