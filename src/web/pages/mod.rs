//! The routes of the pages.

use rocket::Route;

pub fn routes() -> Vec<Route> {
    Vec::new()
}
