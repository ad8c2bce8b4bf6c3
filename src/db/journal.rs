//! The journal in compressed chunks: written in batches, read by sequence number,
//! so that a million lines page as fast as ten.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::entity::journal_chunks;
use super::{DbError, Source, Tx};
use crate::domain::event::{Event, EventKind};

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
        outline: Set(Some(encode(deployment, events.iter().filter(|event| !is_output(event)))?)),
        lines: Set(i64::try_from(events.iter().filter(|event| is_output(event)).count()).ok()),
    };
    journal_chunks::Entity::insert(row).exec_without_returning(tx.on()).await?;
    Ok(())
}

/// A journal without its output.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    /// Every event that is not output, in order.
    pub events: Vec<Event>,
    /// How many lines of output there are beside them, by whole chunks: exact when the
    /// outline is of the whole journal.
    pub lines: u64,
    /// The last event of any kind; the number asked for when there is none after it.
    pub last_seq: u64,
}

#[derive(FromQueryResult)]
struct OutlineRow {
    first_seq: i64,
    last_seq: i64,
    outline: Option<Vec<u8>>,
    lines: Option<i64>,
}

/// What happened after a number. Output is counted and not unpacked, so that this is
/// as quick for a million lines as for ten.
pub async fn outline(source: &impl Source, deployment: i64, after: u64) -> Result<Outline, DbError> {
    const CHUNKS: u64 = 256;
    let mut outline = Outline { last_seq: after, ..Outline::default() };
    loop {
        let rows = journal_chunks::Entity::find()
            .select_only()
            .columns([
                journal_chunks::Column::FirstSeq,
                journal_chunks::Column::LastSeq,
                journal_chunks::Column::Outline,
                journal_chunks::Column::Lines,
            ])
            .filter(journal_chunks::Column::DeploymentId.eq(deployment))
            .filter(journal_chunks::Column::LastSeq.gt(number(outline.last_seq)))
            .order_by_asc(journal_chunks::Column::FirstSeq)
            .limit(CHUNKS)
            .into_model::<OutlineRow>()
            .all(source.connection())
            .await?;
        let complete = (rows.len() as u64) < CHUNKS;
        for row in rows {
            match (&row.outline, row.lines) {
                (Some(data), Some(lines)) => {
                    unpack(deployment, row.first_seq, data, after, &mut outline.events)?;
                    outline.lines += u64::try_from(lines).unwrap_or_default();
                }
                _ => add_whole(source, deployment, row.first_seq, after, &mut outline).await?,
            }
            outline.last_seq = u64::try_from(row.last_seq).unwrap_or_default();
        }
        if complete {
            return Ok(outline);
        }
    }
}

/// A chunk of an older schema, which has no outline of its own.
async fn add_whole(
    source: &impl Source,
    deployment: i64,
    first_seq: i64,
    after: u64,
    outline: &mut Outline,
) -> Result<(), DbError> {
    let row = journal_chunks::Entity::find_by_id((deployment, first_seq)).one(source.connection()).await?;
    let mut events = Vec::new();
    if let Some(row) = row {
        decode(&row, after, &mut events)?;
    }
    let (output, happened): (Vec<Event>, Vec<Event>) = events.into_iter().partition(is_output);
    outline.lines += output.len() as u64;
    outline.events.extend(happened);
    Ok(())
}

/// The last lines of output up to a number, at most `wanted`, in order.
pub async fn last_lines(
    source: &impl Source,
    deployment: i64,
    until: u64,
    wanted: usize,
) -> Result<Vec<Event>, DbError> {
    const MOST_AT_ONCE: u64 = 64;
    let mut chunks: Vec<Vec<Event>> = Vec::new();
    let (mut have, mut below) = (0, number(until).saturating_add(1));
    // A full chunk holds thousands of lines, one of a slow script a single one.
    let mut at_once = 2;
    while have < wanted {
        let rows = journal_chunks::Entity::find()
            .filter(journal_chunks::Column::DeploymentId.eq(deployment))
            .filter(journal_chunks::Column::FirstSeq.lt(below))
            .filter(
                Condition::any()
                    .add(journal_chunks::Column::Lines.is_null())
                    .add(journal_chunks::Column::Lines.gt(0)),
            )
            .order_by_desc(journal_chunks::Column::FirstSeq)
            .limit(at_once)
            .all(source.connection())
            .await?;
        let Some(oldest) = rows.last() else { break };
        below = oldest.first_seq;
        for row in &rows {
            if have >= wanted {
                break;
            }
            let mut events = Vec::new();
            decode(row, 0, &mut events)?;
            events.retain(|event| is_output(event) && event.seq <= until);
            have += events.len();
            chunks.push(events);
        }
        at_once = MOST_AT_ONCE.min(at_once * 2);
    }
    let surplus = have.saturating_sub(wanted);
    Ok(chunks.into_iter().rev().flatten().skip(surplus).collect())
}

pub(in crate::db) fn encode<'a>(
    deployment: i64,
    events: impl IntoIterator<Item = &'a Event>,
) -> Result<Vec<u8>, DbError> {
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
    unpack(row.deployment_id, row.first_seq, &row.data, after, events)
}

fn unpack(
    deployment: i64,
    first_seq: i64,
    data: &[u8],
    after: u64,
    events: &mut Vec<Event>,
) -> Result<(), DbError> {
    let bad = |error: &dyn std::fmt::Display| DbError::row(TABLE, format!("{deployment}/{first_seq}"), error);
    let lines = zstd::decode_all(data).map_err(|error| bad(&error))?;
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let event: Event = serde_json::from_slice(line).map_err(|error| bad(&error))?;
        if event.seq > after {
            events.push(event);
        }
    }
    Ok(())
}

fn is_output(event: &Event) -> bool {
    matches!(event.what, EventKind::Output { .. })
}

pub(in crate::db) fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
