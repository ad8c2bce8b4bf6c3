//! Notices that did not arrive, with a way to send them again.

use askama::Template;
use jiff::Timestamp;

use super::requests::Filter;
use super::{Link, Section, Shell};
use crate::web::html::{Mark, counted, filters};

#[derive(Debug, Template)]
#[template(path = "admin_deliveries.html")]
pub struct AdminDeliveries {
    pub shell: Shell,
    pub filters: Vec<Filter>,
    pub rows: Vec<DeliveryRow>,
    pub next: Option<String>,
}

#[derive(Debug, Clone)]
pub struct DeliveryRow {
    pub id: i64,
    /// `the mail that asks for a review`.
    pub words: &'static str,
    pub about: Link,
    /// Failed when it was given up, waiting when it will be tried again.
    pub state: Mark,
    pub attempts: u64,
    pub error: Option<String>,
    pub created_at: Timestamp,
    /// The next try, or when it was given up.
    pub at: Timestamp,
    pub may_resend: bool,
}

impl AdminDeliveries {
    fn state(&self) -> &'static str {
        if self.rows.is_empty() { "empty" } else { "ready" }
    }

    fn sentence(&self) -> String {
        let given_up = self.rows.iter().filter(|row| row.is_given_up()).count() as u64;
        match (self.rows.is_empty(), given_up) {
            (true, _) => "Everything that was to be told has been told.".to_owned(),
            (false, 0) => "Nothing was given up; what failed is tried again.".to_owned(),
            (false, _) => format!(
                "{} given up. Somebody may not know what they should.",
                counted(given_up, "notice was", "notices were")
            ),
        }
    }
}

impl DeliveryRow {
    fn is_given_up(&self) -> bool {
        self.state == Mark::Failed
    }
}
