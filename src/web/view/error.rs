//! An error with a way out. Internal text goes to the log; the person gets the
//! request id that finds it there.

use askama::Template;

use super::{Link, Section, Shell};
use crate::domain::gate::{Gate, Verdict};
use crate::web::html::filters;

#[derive(Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    pub shell: Shell,
    /// The HTTP status, which is also the page's state.
    pub status: u16,
    pub title: String,
    pub text: String,
    pub way_out: Link,
    pub request_id: String,
    /// Everything that stood in the way.
    pub gates: Vec<Gate>,
}
