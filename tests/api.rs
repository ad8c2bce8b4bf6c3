//! The API, as programs call it: over HTTP, with a bearer token.

mod commands;
mod doors;
mod following;
mod limits;
mod problems;
mod reading;
mod repetition;
mod town;
