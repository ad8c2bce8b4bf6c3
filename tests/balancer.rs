//! Load balancers: what is decided and sent as values, and a real HAProxy that takes
//! servers out of service and puts them back, under traffic.

mod deciding;
mod out_and_back;
mod refusals;
mod words;
pub mod world;
