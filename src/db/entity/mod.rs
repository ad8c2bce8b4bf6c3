//! Rows, one file per table. Nothing here knows what a row means.

pub mod audit_head;
pub mod audit_log;
pub mod decisions;
pub mod deployments;
pub mod fleet_objects;
pub mod fleet_secrets;
pub mod freezes;
pub mod idempotency_keys;
pub mod journal_chunks;
pub mod links;
pub mod live;
pub mod oauth_states;
pub mod out_of_service;
pub mod outbox;
pub mod overrides;
pub mod patches;
pub mod people;
pub mod previews;
pub mod readings;
pub mod removed_outputs;
pub mod requests;
pub mod role_members;
pub mod rounds;
pub mod server_locks;
pub mod sessions;
pub mod tokens;
