//! What the suites stand on. Files other than this one use only outside crates,
//! so that the demo can share them.

pub mod browser;
pub mod git;
pub mod github;
pub mod haproxy;
pub mod http;
pub mod key_files;
pub mod mail_page;
pub mod smtp;
pub mod sshd;
