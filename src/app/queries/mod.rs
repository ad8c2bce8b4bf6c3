//! Read views: what a page shows, already narrowed to what its reader may see.

pub mod applications;
pub mod deployments;
mod page;
pub mod requests;
pub mod servers;
