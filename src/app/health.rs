//! Whether the service can do its work, in names and words.

use super::{App, Refusal, drift};
use crate::config::Config;
use crate::db;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    /// The service can do its work.
    pub ok: bool,
    /// It can, and somebody should look at this all the same.
    pub warns: bool,
    /// For those who may see details.
    pub words: String,
}

impl Check {
    fn new(name: &'static str, ok: bool, words: impl Into<String>) -> Self {
        Self { name, ok, warns: false, words: words.into() }
    }
}

pub async fn health(app: &App) -> Vec<Check> {
    vec![database(app).await, disk(app), outbox(app).await, hosts(app).await]
}

async fn database(app: &App) -> Check {
    match app.db.ping().await {
        Ok(()) => Check::new("database", true, "answers"),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            Check::new("database", false, "does not answer")
        }
    }
}

/// Below the limit nothing starts (rules.md 54).
pub fn disk(app: &App) -> Check {
    disk_space(&app.config)
}

/// The same before anything is opened.
pub fn disk_space(config: &Config) -> Check {
    let limit = config.limits.disk_free_mb;
    match free_mb(&config.data_dir) {
        Some(free) => Check::new("disk", free >= limit, format!("{free} MB free, {limit} MB wanted")),
        None => Check::new("disk", false, "the free space of the data folder could not be read"),
    }
}

/// Mails that wait are no fault of the service; ones that were given up need a person.
async fn outbox(app: &App) -> Check {
    match db::outbox::counts(&app.db).await {
        Ok((waiting, given_up)) => {
            Check::new("outbox", true, format!("{waiting} waiting, {given_up} given up"))
        }
        Err(error) => Check::new("outbox", false, Refusal::from(error).to_string()),
    }
}

/// Hosts that differ from the record are no fault of the service, which goes on.
async fn hosts(app: &App) -> Check {
    let troubles = match drift::troubles(app).await {
        Ok(troubles) => troubles,
        Err(error) => return Check::new("drift", false, Refusal::from(error).to_string()),
    };
    let place = |trouble: &drift::Trouble| {
        format!("{} ({} {})", trouble.server, trouble.application, trouble.environment)
    };
    let (drifted, silent): (Vec<_>, Vec<_>) =
        troubles.iter().partition(|trouble| trouble.standing.is_drift());
    let names = |some: &[&drift::Trouble]| {
        if some.is_empty() {
            return "none".to_owned();
        }
        some.iter().map(|trouble| place(trouble)).collect::<Vec<_>>().join(", ")
    };
    let words = format!("differ from the record: {}; do not answer: {}", names(&drifted), names(&silent));
    Check { warns: !drifted.is_empty(), ..Check::new("drift", true, words) }
}

fn free_mb(folder: &std::path::Path) -> Option<u64> {
    let space = rustix::fs::statvfs(folder).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize) / (1024 * 1024))
}
