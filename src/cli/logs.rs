//! Where logs go: to stderr, as text or JSON, to syslog and to the journal, as
//! `log.to` says, filtered by `RUST_LOG`.

use std::io::IsTerminal as _;
use std::os::unix::net::UnixDatagram;

use syslog_tracing::{Facility, Options, Syslog};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Filter, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use super::Failed;
use crate::config::{LogConfig, LogTarget};

/// The migrator tells at length what it is about to do.
const DEFAULT: &str = "info,sea_orm_migration=warn";
/// Whatever is asked for: rocket's lines name the addresses of requests, and the
/// address of a link is its secret (security.md 2).
const NEVER: [&str; 2] = ["rocket=error", "rocket::server::_=off"];
/// Where libc's `syslog` writes to.
const SYSLOG: &str = "/dev/log";

type AnyLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// A target that cannot be opened is said on stderr; only when none can is it an error.
pub(super) fn start(config: &LogConfig) -> Result<(), Failed> {
    let wanted = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let (mut layers, mut shut): (Vec<AnyLayer>, Vec<String>) = (Vec::new(), Vec::new());
    for target in &config.to {
        match layer(*target, config.json) {
            Ok(layer) => layers.push(layer.with_filter(filter(wanted.as_deref())).boxed()),
            Err(why) => shut.push(why),
        }
    }
    if layers.is_empty() {
        return Err(Failed(shut));
    }
    for why in &shut {
        eprintln!("{why}");
    }
    // A second start would change nothing; there is none.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    Ok(())
}

fn layer(target: LogTarget, json: bool) -> Result<AnyLayer, String> {
    match target {
        LogTarget::Stdout => {
            let layer = fmt::layer().with_writer(std::io::stderr);
            Ok(if json {
                layer.json().flatten_event(true).boxed()
            } else {
                layer.with_ansi(std::io::stderr().is_terminal()).boxed()
            })
        }
        LogTarget::Syslog => {
            let shut = |why: String| format!("log.to: syslog cannot be opened: {why}");
            // libc says nothing when nobody listens.
            UnixDatagram::unbound()
                .and_then(|socket| socket.connect(SYSLOG))
                .map_err(|error| shut(format!("{SYSLOG}: {error}")))?;
            let syslog = Syslog::new(c"countersign", Options::LOG_PID, Facility::Daemon);
            // It has the time and the level already.
            let layer = fmt::layer()
                .with_writer(syslog.ok_or_else(|| shut("it is open already".to_owned()))?)
                .with_ansi(false);
            Ok(if json {
                layer.json().flatten_event(true).boxed()
            } else {
                layer.without_time().with_level(false).boxed()
            })
        }
        LogTarget::Journald => match tracing_journald::layer() {
            Ok(layer) => Ok(layer.with_syslog_identifier("countersign".to_owned()).boxed()),
            Err(error) => Err(format!("log.to: journald cannot be opened: {error}")),
        },
    }
}

/// What `RUST_LOG` asks for, else the default, and in no case a secret.
pub fn filter<S: 'static>(wanted: Option<&str>) -> impl Filter<S> + Send + Sync + 'static {
    let wanted = wanted.and_then(|wanted| EnvFilter::try_new(wanted).ok());
    let filter = wanted.unwrap_or_else(|| EnvFilter::new(DEFAULT));
    let directives = NEVER.iter().filter_map(|directive| directive.parse().ok());
    directives.fold(filter, EnvFilter::add_directive).and(filter_fn(|line| !is_told_by_rocket(line)))
}

/// Rocket's macros write into our own modules: which guard failed, with what it was
/// given. Their targets end as no module of ours does.
fn is_told_by_rocket(line: &Metadata<'_>) -> bool {
    line.target().ends_with("::_") && *line.level() != Level::ERROR
}
