//! The deployment engine: plans as tables, its rules on scripted steps, and the whole
//! service with real hosts, a real HAProxy and traffic through it.

mod back;
mod covering;
mod crash;
mod faults;
mod health;
mod layouts;
mod limits;
mod local;
mod out_of_service;
mod plans;
mod scripted;
mod steering;
mod town;
mod traffic;
