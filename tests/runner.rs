//! The runner's suite: plans and progress as values, the engine on scripted steps,
//! and real hosts.

mod commands;
mod engine;
mod faults;
mod hosts;
mod live;
mod output;
mod plan;
mod progress;
mod targets;
pub mod world;
