//! What goes by policy once a day: mirrors, trees and output that nobody needs any
//! more. Where a deployment waits or runs, everything of it stays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{App, Refusal};
use crate::db::rounds::Round;
use crate::db::{self, DbError};
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::fleet::Fleet;
use crate::domain::name::{CommitId, Name};
use crate::domain::preview;
use crate::domain::request::RequestWord;

const EVERY: SignedDuration = SignedDuration::from_hours(24);

/// A made tree waits so long for a retry, and for as long as an approval may stand.
const RETRIED_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Deployments whose output goes in one look.
const AT_ONCE: u64 = 50;

/// More than there ever are.
const ALL: u64 = 10_000;

/// How much of each went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    pub mirrors: usize,
    pub trees: usize,
    pub built: usize,
    pub outputs: usize,
    pub previews: u64,
}

/// Whether a round is due that no other instance has begun.
pub async fn is_due(app: &App) -> Result<bool, DbError> {
    let tx = app.db.begin().await?;
    let due = db::rounds::claim(&tx, Round::Cleaning, EVERY, app.clock.now()).await?;
    tx.commit().await?;
    Ok(due)
}

/// Every part goes on although another failed; failures are logged.
pub async fn round(app: &App, cancel: &CancellationToken) -> Cleaned {
    let mut cleaned = Cleaned::default();
    report("repositories", repositories(app, &mut cleaned, cancel).await);
    report("made trees", made_trees(app, &mut cleaned).await);
    report("output", outputs(app, &mut cleaned, cancel).await);
    report("previews", previews(app, &mut cleaned).await);
    let Cleaned { mirrors, trees, built, outputs, previews } = cleaned;
    tracing::info!(mirrors, trees, built, outputs, previews, "cleaned by policy");
    cleaned
}

fn report(what: &str, result: Result<(), Refusal>) {
    if let Err(error) = result {
        tracing::error!(%error, "cleaning: {what}");
    }
}

/// Deployments that wait or run.
async fn under_way(app: &App) -> Result<Vec<Deployment>, DbError> {
    let states = vec![DeploymentState::Queued, DeploymentState::Running];
    let filter = db::deployments::Filter { states, ..Default::default() };
    db::deployments::list(&app.db, &filter, ALL).await
}

async fn repositories(app: &App, cleaned: &mut Cleaned, cancel: &CancellationToken) -> Result<(), Refusal> {
    let days = app.config.retention.mirror_days;
    let until = app.clock.now() - SignedDuration::from_hours(24 * i64::from(days));
    let fleet = db::fleet::load(&app.db).await?;
    for application in app.mirrors.list_known().await.map_err(repository)? {
        if cancel.is_cancelled() {
            return Ok(());
        }
        // Read for each, since the one before may have taken its time.
        let busy = under_way(app).await?;
        if busy.iter().any(|deployment| deployment.application == application) {
            continue;
        }
        let is_known = fleet.application(&application).is_some();
        let keep = if is_known { commits_to_keep(app, &application).await? } else { Vec::new() };
        match app.mirrors.clean_trees(&application, keep, until).await {
            Ok(gone) => cleaned.trees += gone,
            Err(error) => tracing::warn!(%application, %error, "its trees are left as they are"),
        }
        let upkeep = if is_known {
            app.mirrors.keep_up(&application, cancel).await.map(|()| false)
        } else {
            app.mirrors.remove_mirror(&application, until).await
        };
        match upkeep {
            Ok(gone) => cleaned.mirrors += usize::from(gone),
            Err(error) => tracing::warn!(%application, %error, "its mirror is left as it is"),
        }
    }
    Ok(())
}

fn repository(error: crate::repo::RepoError) -> Refusal {
    super::situation::repository(error)
}

/// What is live, and what somebody may still start.
async fn commits_to_keep(app: &App, application: &Name) -> Result<Vec<CommitId>, DbError> {
    let live = db::live::list_all(&app.db).await?;
    let live = live.into_iter().filter(|(of, ..)| of == application).filter_map(|(_, _, row)| row.commit);
    let open = db::requests::Filter {
        states: vec![RequestWord::AwaitingReview, RequestWord::Accepted],
        application: Some(application.clone()),
        ..Default::default()
    };
    let open = db::requests::list(&app.db, &open, ALL).await?;
    let commits: BTreeSet<CommitId> = live.chain(open.into_iter().map(|request| request.commit)).collect();
    Ok(commits.into_iter().collect())
}

/// Trees that scripts or artifacts made, kept for a retry (rules.md 11).
async fn made_trees(app: &App, cleaned: &mut Cleaned) -> Result<(), Refusal> {
    let folder = app.config.data_dir.join("built");
    let now = app.clock.now();
    let fleet = db::fleet::load(&app.db).await?;
    for MadeTree { deployment: id, path, is_whole } in made_trees_in(&folder).await? {
        let Some(deployment) = db::deployments::find(&app.db, id).await? else { continue };
        let place = (&deployment.application, &deployment.environment);
        let busy = db::deployments::find_under_way(&app.db, place.0, place.1).await?.is_some();
        if !busy && (!is_whole || is_done_with(&fleet, &deployment, now)) {
            tokio::fs::remove_dir_all(&path)
                .await
                .map_err(|error| Refusal::Internal(format!("{}: {error}", path.display())))?;
            cleaned.built += 1;
        }
    }
    Ok(())
}

/// Nobody can retry it any more.
fn is_done_with(fleet: &Fleet, deployment: &Deployment, now: Timestamp) -> bool {
    let stands_for = fleet
        .environment(&deployment.application, &deployment.environment)
        .map_or(SignedDuration::ZERO, |(_, environment)| {
            SignedDuration::from_hours(environment.approval.stand_hours.into())
        });
    match (deployment.state, deployment.ended_at) {
        (DeploymentState::Succeeded, _) => true,
        (_, Some(ended)) => now.duration_since(ended) > RETRIED_WITHIN.max(stands_for),
        (_, None) => false,
    }
}

struct MadeTree {
    deployment: i64,
    path: PathBuf,
    /// Else its making came to no end, and nobody will ever deploy it.
    is_whole: bool,
}

/// The folders that are called like deployments, `17` or `17.scripts`; none where
/// there is no such folder.
async fn made_trees_in(folder: &Path) -> Result<Vec<MadeTree>, Refusal> {
    let failed = |error: std::io::Error| Refusal::Internal(format!("{}: {error}", folder.display()));
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut trees = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(failed)? {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let (number, rest) = name.split_once('.').map_or((name, None), |(number, rest)| (number, Some(rest)));
        let Ok(deployment) = number.parse() else { continue };
        trees.push(MadeTree { deployment, path: entry.path(), is_whole: rest.is_none() });
    }
    Ok(trees)
}

/// A batch a transaction, so that nobody waits long for the one writer.
async fn outputs(app: &App, cleaned: &mut Cleaned, cancel: &CancellationToken) -> Result<(), Refusal> {
    let days = app.config.retention.output_days;
    let words = format!("The output was removed after {days} days.");
    while !cancel.is_cancelled() {
        let now = app.clock.now();
        let until = now - SignedDuration::from_hours(24 * i64::from(days));
        let old = db::old_output::list(&app.db, until, AT_ONCE).await?;
        if old.is_empty() {
            break;
        }
        for deployment in old {
            let mut progress = db::old_output::Progress::default();
            while !progress.is_over {
                let tx = app.db.begin().await?;
                progress = db::old_output::remove(&tx, deployment, progress, &words, now).await?;
                tx.commit().await?;
            }
            cleaned.outputs += 1;
            if cancel.is_cancelled() {
                break;
            }
        }
    }
    Ok(())
}

async fn previews(app: &App, cleaned: &mut Cleaned) -> Result<(), Refusal> {
    let tx = app.db.begin().await?;
    cleaned.previews = db::previews::clean(&tx, app.clock.now() - preview::KEPT_FOR).await?;
    tx.commit().await?;
    Ok(())
}
