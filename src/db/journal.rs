//! The journal in compressed chunks: written in batches, read by sequence number,
//! so that a million lines page as fast as ten.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::journal_chunks;
use super::{DbError, Source, Tx};
use crate::domain::event::Event;

const TABLE: &str = "journal_chunks";

/// Appends events whose numbers follow on. Their order is the caller's duty,
/// and the primary key refuses a second writer at the same place.
pub async fn append(tx: &Tx, deployment: i64, events: &[Event]) -> Result<(), DbError> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
    let row = journal_chunks::ActiveModel {
        deployment_id: Set(deployment),
        first_seq: Set(number(first.seq)),
        last_seq: Set(number(last.seq)),
        data: Set(encode(deployment, events)?),
    };
    journal_chunks::Entity::insert(row).exec_without_returning(tx.on()).await?;
    Ok(())
}

pub(in crate::db) fn encode(deployment: i64, events: &[Event]) -> Result<Vec<u8>, DbError> {
    let bad = |error: &dyn std::fmt::Display| DbError::row(TABLE, deployment, error);
    let mut lines = Vec::new();
    for event in events {
        serde_json::to_writer(&mut lines, event).map_err(|error| bad(&error))?;
        lines.push(b'\n');
    }
    zstd::encode_all(lines.as_slice(), 1).map_err(|error| bad(&error))
}

/// The number of the last event, 0 when there is none.
pub async fn last_seq(source: &impl Source, deployment: i64) -> Result<u64, DbError> {
    let row = journal_chunks::Entity::find()
        .filter(journal_chunks::Column::DeploymentId.eq(deployment))
        .order_by_desc(journal_chunks::Column::FirstSeq)
        .one(source.connection())
        .await?;
    Ok(row.map_or(0, |row| u64::try_from(row.last_seq).unwrap_or_default()))
}

/// Events after a number, in order: whole chunks until at least `wanted` are there.
pub async fn read(
    source: &impl Source,
    deployment: i64,
    after: u64,
    wanted: usize,
) -> Result<Vec<Event>, DbError> {
    const CHUNKS: u64 = 16;
    let mut events: Vec<Event> = Vec::new();
    loop {
        let reached = events.last().map_or(after, |event| event.seq);
        let rows = journal_chunks::Entity::find()
            .filter(journal_chunks::Column::DeploymentId.eq(deployment))
            .filter(journal_chunks::Column::LastSeq.gt(number(reached)))
            .order_by_asc(journal_chunks::Column::FirstSeq)
            .limit(CHUNKS)
            .all(source.connection())
            .await?;
        let complete = (rows.len() as u64) < CHUNKS;
        for row in rows {
            decode(&row, reached, &mut events)?;
            if events.len() >= wanted {
                return Ok(events);
            }
        }
        if complete {
            return Ok(events);
        }
    }
}

pub(in crate::db) fn decode(
    row: &journal_chunks::Model,
    after: u64,
    events: &mut Vec<Event>,
) -> Result<(), DbError> {
    let bad = |error: &dyn std::fmt::Display| {
        DbError::row(TABLE, format!("{}/{}", row.deployment_id, row.first_seq), error)
    };
    let lines = zstd::decode_all(row.data.as_slice()).map_err(|error| bad(&error))?;
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let event: Event = serde_json::from_slice(line).map_err(|error| bad(&error))?;
        if event.seq > after {
            events.push(event);
        }
    }
    Ok(())
}

pub(in crate::db) fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
