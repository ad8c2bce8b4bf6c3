//! Release requests as a list, newest first.

use askama::Template;

use super::{Link, RequestItem, Section, Shell};
use crate::web::html::filters;

#[derive(Debug, Template)]
#[template(path = "requests.html")]
pub struct Requests {
    pub shell: Shell,
    pub items: Vec<RequestItem>,
    pub filters: Vec<Filter>,
    /// The next page, when there is one.
    pub next: Option<String>,
    pub may_request: bool,
}

/// A way to narrow a list, as a link.
#[derive(Debug, Clone)]
pub struct Filter {
    pub link: Link,
    pub chosen: bool,
}

impl Requests {
    fn state(&self) -> &'static str {
        if self.items.is_empty() { "empty" } else { "ready" }
    }
}
