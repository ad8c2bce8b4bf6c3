//! Read views: what a page shows, already narrowed to what its reader may see.

pub mod applications;
pub mod deployments;
pub mod requests;
