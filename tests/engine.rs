//! The deployment engine: plans as tables, its rules on scripted steps, and the whole
//! service with real hosts, a real HAProxy and traffic through it.

mod plans;
mod scripted;
mod layouts;
mod crash;
mod local;
mod out_of_service;
mod town;
mod traffic;
mod back;
mod faults;
mod limits;
mod steering;
