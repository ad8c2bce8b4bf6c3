//! One server: how it is reached, what runs there by the record and by its own word,
//! and what has to do with it just now.

use askama::Template;
use jiff::Timestamp;

use super::application::Fact;
use super::{DeploymentItem, Section, Shell};
use crate::domain::drift::Standing;
use crate::web::html::filters;

#[derive(Debug, Template)]
#[template(path = "server.html")]
pub struct Server {
    pub shell: Shell,
    pub name: String,
    /// Host, port, fingerprint, clusters.
    pub facts: Vec<Fact>,
    pub is_active: bool,
    pub has_key: bool,
    pub held: Option<HeldView>,
    pub out_of_service: Vec<OutView>,
    pub places: Vec<PlaceView>,
    pub recent: Vec<DeploymentItem>,
    /// This reader may have the host asked.
    pub may_read_now: bool,
}

/// A deployment has it; its number, if the reader may know.
#[derive(Debug, Clone, Copy)]
pub struct HeldView {
    pub deployment: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct OutView {
    /// `edge/shop/WEB1`.
    pub member: String,
    pub deployment: i64,
    pub at: Timestamp,
}

/// One environment on a server.
#[derive(Debug, Clone)]
pub struct PlaceView {
    pub application: String,
    pub environment: String,
    /// By the record; nothing while it is not settled.
    pub release: Option<String>,
    /// A run did not come to its end there.
    pub is_unsettled: bool,
    pub deployed_at: Option<Timestamp>,
    pub standing: Standing,
    pub is_checked: bool,
}

/// A host that differs from the record, on home.
#[derive(Debug, Clone)]
pub struct DriftItem {
    pub server: String,
    pub application: String,
    pub environment: String,
    pub says: String,
    pub since: Timestamp,
}

impl Server {
    /// The worst of its standings, as a word.
    fn state(&self) -> &'static str {
        let any = |wanted: fn(&Standing) -> bool| self.places.iter().any(|place| wanted(&place.standing));
        if self.held.is_some() {
            "busy"
        } else if any(Standing::is_drift) {
            "drift"
        } else if any(|standing| matches!(standing, Standing::Unreachable { .. })) {
            "unknown"
        } else {
            "ready"
        }
    }

    fn sentence(&self) -> &'static str {
        match self.state() {
            "busy" => "A deployment has it just now; it is not asked meanwhile.",
            "drift" => "It runs something else than the record says.",
            "unknown" => "It did not answer when it was last asked. The record below may be old.",
            _ if self.places.is_empty() => "No environment uses it.",
            _ => "What runs here, by the record and by what the host last said.",
        }
    }
}
