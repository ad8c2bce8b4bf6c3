//! The suite: compiled into the library's own test target, which measured half
//! the time of separate test crates.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails should stop")]

mod harness;
mod support;

mod administering;
mod api;
mod approval;
mod around;
mod balancer;
mod browser;
mod calendar;
mod chromium;
mod cli;
mod config;
mod direct;
mod docs;
mod engine;
mod fleet;
mod github;
mod identities;
mod keys;
mod mail;
mod pages;
mod repo;
mod rooms;
pub mod runner;
mod running;
mod sandbox;
mod security;
mod watching;
mod when;
mod whole_way;
