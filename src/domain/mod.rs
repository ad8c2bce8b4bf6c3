//! What Countersign is about, as values and pure functions: no I/O, no clock,
//! no database, no framework.

pub mod actor;
pub mod balancer;
pub mod calendar;
pub mod deployment;
pub mod diff;
pub mod document;
pub mod drift;
pub mod event;
pub mod fleet;
pub mod gate;
pub mod git_release;
pub mod glob;
pub mod link;
pub mod live;
pub mod manifest;
pub mod mask;
pub mod matrix;
pub mod name;
pub mod notice;
pub mod permission;
pub mod person;
pub mod plan;
pub mod policy;
pub mod preview;
pub mod progress;
pub mod repository_url;
pub mod request;
pub mod risk;
pub mod rsync_options;
pub mod scope;
pub mod seal;
pub mod target;
pub mod version_order;
pub mod windows;
pub(crate) mod words;
