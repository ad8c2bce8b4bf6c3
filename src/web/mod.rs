//! The pages that people see. Routes, guards and headers stand beside the view:
//! what a page shows is data handed to a template, and nothing here reads anything.

pub mod ansi;
pub mod assets;
pub mod diff;
pub mod html;
pub mod view;
