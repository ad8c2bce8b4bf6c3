//! Runs plans. The engine decides the order and what a failure means, an
//! executor does the work, a sink keeps the journal; none of them knows the
//! database, mail or pages.

mod around;
pub mod background;
pub mod engine;
pub mod executor;
pub mod host_reader;
pub mod journal;
pub mod local;
pub mod output;
mod preview;
pub mod quote;
#[cfg(test)]
pub mod scripted;
pub mod ssh;
