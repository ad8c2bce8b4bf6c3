//! Where logs go: stderr, as text or JSON, filtered by `RUST_LOG`.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::LogConfig;

/// The migrator tells at length what it is about to do.
const DEFAULT: &str = "info,sea_orm_migration=warn";
/// Whatever is asked for: rocket's lines name the addresses of requests, and the
/// address of a link is its secret (security.md 2).
const NEVER: [&str; 2] = ["rocket=error", "rocket::server::_=off"];

pub fn start(config: &LogConfig) {
    let wanted = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter(wanted.as_deref())).with_writer(std::io::stderr);
    // A second start would change nothing; there is none.
    let _ = if config.json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
}

/// What `RUST_LOG` asks for, else the default, and in no case a secret.
pub fn filter(wanted: Option<&str>) -> EnvFilter {
    let wanted = wanted.and_then(|wanted| EnvFilter::try_new(wanted).ok());
    let filter = wanted.unwrap_or_else(|| EnvFilter::new(DEFAULT));
    NEVER.iter().filter_map(|directive| directive.parse().ok()).fold(filter, EnvFilter::add_directive)
}
