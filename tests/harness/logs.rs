//! What the service writes to its log, with the most that an operator can ask for.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::logs::filter;

static WRITTEN: LazyLock<Written> = LazyLock::new(Written::default);

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// All that there is, but for the reader of pages, which is the tests' own and in
/// the same process.
const EVERYTHING: &str = "trace,html5ever=off,markup5ever=off,selectors=off,reqwest=off";

/// From here on, everything that is logged in this process is kept.
pub fn keep_logs() {
    let lines = fmt::layer().with_ansi(false).with_writer(|| WRITTEN.clone());
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter(Some(EVERYTHING)))).try_init();
    tracing::info!("logs are kept");
}

pub fn kept_logs() -> String {
    String::from_utf8_lossy(&WRITTEN.0.lock().unwrap()).into_owned()
}
