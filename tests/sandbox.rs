//! Programs that run on this machine, with real scripts, real bubblewrap and real
//! processes. Where bubblewrap cannot work the suite fails and says so.

mod artifacts;
mod endings;
mod masks;
mod programs;
mod stage;
mod trees;
mod users;
mod walls;
