//! The rounds beside the runs: asking hosts what they run, finding previews, cleaning
//! by policy. Told to stop, they end in the middle: nothing is half done by that.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::local::workplace;
use super::preview::make;
use super::ssh::build::Workshop;
use super::ssh::connection::SshSettings;
use crate::app::{App, clean, drift, preview};

/// Whether a round is due is looked at this often; the database says.
const LOOK_EVERY: Duration = Duration::from_secs(30);

const CLEANING_EVERY: Duration = Duration::from_mins(10);

/// Somebody waits for the page.
const PREVIEWS_EVERY: Duration = Duration::from_secs(2);

/// Until it is told to stop.
pub async fn check_drift(app: App, stop: CancellationToken) {
    let every = LOOK_EVERY.min(Duration::from_secs(app.config.drift.interval_s.into()));
    let rounds = async {
        loop {
            match drift::is_due(&app).await {
                Ok(true) => {
                    if let Err(error) = drift::round(&app).await {
                        tracing::error!(%error, "hosts could not be read");
                    }
                }
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "the drift check could not be claimed"),
            }
            tokio::time::sleep(every).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = rounds => {}
    }
}

/// One after the other: each asks all hosts of an environment at once.
pub async fn find_previews(app: App, ssh: SshSettings, stop: CancellationToken) {
    let work = async {
        loop {
            match preview::claim_next(&app).await {
                Ok(Some(work)) => {
                    let state = make(&app, &ssh, &work).await;
                    if let Err(error) = preview::answer(&app, &work.preview, &state).await {
                        tracing::error!(%error, "a preview could not be stored");
                    }
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "previews cannot be read"),
            }
            // Another instance may have been asked: looked for without being woken, too.
            let _ = tokio::time::timeout(PREVIEWS_EVERY, app.wake.preview.notified()).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

/// Workplaces of processes that are gone go at start too.
pub async fn clean_up(app: App, workshop: Workshop, stop: CancellationToken) {
    let work = async {
        remove_stale_workplaces(&workshop).await;
        loop {
            match clean::is_due(&app).await {
                Ok(true) => {
                    clean::round(&app, &stop).await;
                    remove_stale_workplaces(&workshop).await;
                }
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "cleaning could not be claimed"),
            }
            tokio::time::sleep(CLEANING_EVERY).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

async fn remove_stale_workplaces(workshop: &Workshop) {
    let base = workshop.workplaces.clone();
    let _ = tokio::task::spawn_blocking(move || workplace::remove_stale(&base)).await;
}
