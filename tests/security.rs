//! The promises of docs/security.md that need the whole service.

mod forms;
mod headers;
mod limits;
mod reading;
mod routes;
mod sessions;
mod sign_in;
mod statuses;
