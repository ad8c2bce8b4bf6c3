//! Read views: what a page shows, already narrowed to what its reader may see.

pub mod applications;
pub mod deploying;
pub mod deployments;
pub mod freezes;
pub mod out_of_service;
pub mod overrides;
mod page;
pub mod people;
pub mod releases;
pub mod requests;
pub mod servers;
pub mod watching;
