//! Countersign: people release code to servers they have no access to.
//! ARCHITECTURE.md says what each room is for and who may enter it.

pub mod app;
pub mod balancer;
pub mod boot;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod domain;
pub mod github;
pub mod keys;
pub mod mail;
pub mod repo;
pub mod runner;
pub mod verifier;
pub mod web;

#[cfg(test)]
#[path = "../tests/mod.rs"]
mod tests;
