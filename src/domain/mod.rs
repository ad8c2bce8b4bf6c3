//! What Countersign is about, as values and pure functions: no I/O, no clock,
//! no database, no framework.

pub mod deployment;
pub mod diff;
pub mod event;
pub mod fleet;
pub mod gate;
pub mod git_release;
pub mod manifest;
pub mod name;
pub mod permission;
pub mod plan;
pub mod progress;
pub mod rsync_options;
pub mod target;
