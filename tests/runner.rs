//! The runner's suite: plans and progress as values, the engine on scripted steps,
//! and real hosts.

mod hosts;
mod world;
