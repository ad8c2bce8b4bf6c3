//! Whether the service can do its work, in names and words.

use super::{App, Refusal};
use crate::config::Config;
use crate::db;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    /// For those who may see details.
    pub words: String,
}

pub async fn health(app: &App) -> Vec<Check> {
    vec![database(app).await, disk(app), outbox(app).await]
}

async fn database(app: &App) -> Check {
    match app.db.ping().await {
        Ok(()) => Check { name: "database", ok: true, words: "answers".to_owned() },
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            Check { name: "database", ok: false, words: "does not answer".to_owned() }
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
        Some(free) => {
            Check { name: "disk", ok: free >= limit, words: format!("{free} MB free, {limit} MB wanted") }
        }
        None => Check {
            name: "disk",
            ok: false,
            words: "the free space of the data folder could not be read".to_owned(),
        },
    }
}

/// Mails that wait are no fault of the service; ones that were given up need a person.
async fn outbox(app: &App) -> Check {
    match db::outbox::counts(&app.db).await {
        Ok((waiting, given_up)) => {
            Check { name: "outbox", ok: true, words: format!("{waiting} waiting, {given_up} given up") }
        }
        Err(error) => Check { name: "outbox", ok: false, words: Refusal::from(error).to_string() },
    }
}

fn free_mb(folder: &std::path::Path) -> Option<u64> {
    let space = rustix::fs::statvfs(folder).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize) / (1024 * 1024))
}
