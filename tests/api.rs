//! The API, as programs call it: over HTTP, with a bearer token.

mod commands;
mod deploying;
mod doors;
mod following;
mod gates;
mod limits;
mod offers;
mod problems;
mod reading;
mod repetition;
mod rolling_back;
mod steering;
pub mod town;
