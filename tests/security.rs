//! The promises of docs/security.md, each tried from outside.

mod approvals;
mod gates;
mod links;
