//! Programs that run on this machine for a deployment: the scripts of a release, in
//! a sandbox, and the operator's own commands.
//!
//! What will run is built as a value, a `Program`, so that tests read it like a
//! sentence; `process::run` is the only place that starts one. A script of a release
//! never sees the exported tree, which is shared, but a copy in a `Workplace`.

pub mod commands;
pub mod facts;
pub mod process;
pub mod sandbox;
pub mod scripts;
mod sweep;
pub mod workplace;

/// Where programs are looked for. Not what the service was started with: what a
/// script finds must not depend on who started us.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(crate) const LANG: &str = "C.UTF-8";
