//! Deployments as a list, newest first.

use askama::Template;

use super::requests::Filter;
use super::{DeploymentItem, Section, Shell};
use crate::web::html::filters;

#[derive(Debug, Template)]
#[template(path = "deployments.html")]
pub struct Deployments {
    pub shell: Shell,
    /// `shop in production`, when the list is narrowed to that.
    pub of: Option<String>,
    pub items: Vec<DeploymentItem>,
    pub filters: Vec<Filter>,
    /// The next page, when there is one.
    pub next: Option<String>,
}

impl Deployments {
    fn state(&self) -> &'static str {
        if self.items.is_empty() { "empty" } else { "ready" }
    }
}
