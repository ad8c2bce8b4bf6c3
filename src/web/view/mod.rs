//! The pages as plain data and their templates. A route fills one of these structs
//! and gives it to the browser: no page asks the database, the clock or a policy
//! while it is rendered. One file per page, beside `templates/PAGE.html`.

pub mod account;
pub mod admin;
pub mod admin_access;
pub mod admin_audit;
pub mod admin_deliveries;
pub mod application;
pub mod applications;
pub mod deploy;
pub mod deployment;
pub mod deployments;
pub mod diff;
pub mod error;
pub mod fleet_object;
pub mod freezes;
pub mod home;
pub mod journal;
pub mod launch;
pub mod login;
pub mod parts;
pub mod people;
pub mod preview;
pub mod request;
pub mod request_new;
pub mod requests;
pub mod review;
pub mod server;
pub mod servers;
pub mod shell;

pub use parts::*;
pub use shell::{PersonView, Section, Shell, Theme};
