//! The promises of docs/security.md, each tried from outside.

mod approvals;
mod forms;
mod gates;
mod headers;
mod limits;
mod links;
mod reading;
mod roles;
mod routes;
mod sessions;
mod sign_in;
mod statuses;
