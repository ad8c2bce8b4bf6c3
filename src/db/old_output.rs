//! Output that is older than it is kept for. What happened stays for ever: only lines
//! of output go, and a remark in the place of the first says so.

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{deployments, journal_chunks, removed_outputs};
use super::journal::{decode, encode, number};
use super::{DbError, Source, Tx};
use crate::domain::event::{Event, EventKind, NoteLevel};

/// Chunks that one transaction looks at.
const BATCH: u64 = 16;

/// How far the removal from one journal has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// The number up to which it is done.
    after: u64,
    /// The remark is there.
    noted: bool,
    pub is_over: bool,
}

/// Deployments that ended before `until` and still have their output, oldest first.
pub async fn list(source: &impl Source, until: Timestamp, limit: u64) -> Result<Vec<i64>, DbError> {
    let done = Query::select()
        .column(removed_outputs::Column::DeploymentId)
        .from(removed_outputs::Entity)
        .to_owned();
    let rows = deployments::Entity::find()
        .filter(deployments::Column::EndedAt.lt(until.as_millisecond()))
        .filter(deployments::Column::Id.not_in_subquery(done))
        .order_by_asc(deployments::Column::Id)
        .limit(limit)
        .all(source.connection())
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// One batch. `words` is the remark.
pub async fn remove(
    tx: &Tx,
    deployment: i64,
    progress: Progress,
    words: &str,
    now: Timestamp,
) -> Result<Progress, DbError> {
    let rows = journal_chunks::Entity::find()
        .filter(journal_chunks::Column::DeploymentId.eq(deployment))
        .filter(journal_chunks::Column::LastSeq.gt(number(progress.after)))
        .order_by_asc(journal_chunks::Column::FirstSeq)
        .limit(BATCH)
        .all(tx.on())
        .await?;
    let mut progress = Progress { is_over: (rows.len() as u64) < BATCH, ..progress };
    for row in rows {
        let mut events = Vec::new();
        decode(&row, 0, &mut events)?;
        let before = events.len();
        let kept = without_output(events, words, &mut progress.noted);
        progress.after = u64::try_from(row.last_seq).unwrap_or_default();
        if kept.len() == before && !kept.iter().any(|event| is_remark(event, words)) {
            continue;
        }
        let chunk = journal_chunks::Entity::delete_many()
            .filter(journal_chunks::Column::DeploymentId.eq(deployment))
            .filter(journal_chunks::Column::FirstSeq.eq(row.first_seq));
        if kept.is_empty() {
            // Readers go on after the last event that they have, so none may be empty.
            chunk.exec(tx.on()).await?;
            continue;
        }
        let data = encode(deployment, &kept)?;
        journal_chunks::Entity::update_many()
            .col_expr(journal_chunks::Column::Outline, Expr::value(data.clone()))
            .col_expr(journal_chunks::Column::Data, Expr::value(data))
            .col_expr(journal_chunks::Column::Lines, Expr::value(0_i64))
            .filter(journal_chunks::Column::DeploymentId.eq(deployment))
            .filter(journal_chunks::Column::FirstSeq.eq(row.first_seq))
            .exec(tx.on())
            .await?;
    }
    if progress.is_over {
        let row =
            removed_outputs::ActiveModel { deployment_id: Set(deployment), at: Set(now.as_millisecond()) };
        removed_outputs::Entity::insert(row).exec_without_returning(tx.on()).await?;
    }
    Ok(progress)
}

/// The first line becomes the remark, unless one is there from a removal that was cut off.
fn without_output(events: Vec<Event>, words: &str, noted: &mut bool) -> Vec<Event> {
    let mut kept = Vec::with_capacity(events.len());
    for event in events {
        *noted |= is_remark(&event, words);
        if !matches!(event.what, EventKind::Output { .. }) {
            kept.push(event);
        } else if !*noted {
            *noted = true;
            let what = EventKind::Note { level: NoteLevel::Info, text: words.to_owned() };
            kept.push(Event { what, ..event });
        }
    }
    kept
}

fn is_remark(event: &Event, words: &str) -> bool {
    matches!(&event.what, EventKind::Note { text, .. } if text == words)
}
