//! The background half through the whole service: crashes, leases, the queue, failing
//! hosts, draining, the live feed, the outbox and the record.

mod crash;
mod drain;
mod faults;
mod feed;
mod hostile;
mod lease;
mod names;
mod outbox;
mod output;
mod queue;
mod record;
mod rotation;
