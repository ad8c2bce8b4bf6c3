//! What the suites stand on. Files other than this one use only outside crates,
//! so that the demo can share them.
pub mod sshd;
