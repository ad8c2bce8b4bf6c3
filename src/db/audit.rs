//! The audit trail: append-only, each row carrying an HMAC over itself and the
//! row before, written in the transaction of what it records (rules.md 41).
//! The head is one row that every writer updates, so the chain has one end.

pub mod checkpoint;
mod verify;

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::Value;

use super::entity::{audit_head, audit_log};
use super::{DbError, Source, Tx, exactly_one};
use crate::domain::manifest::hex;
use crate::keys::Keys;

pub use verify::{Broken, Checkpoint, Walk, verify};

const PURPOSE: &str = "audit";
const HEAD: i32 = 1;

/// The end of the chain: how many rows there are and the last one's MAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub count: i64,
    pub mac: String,
}

#[derive(Debug, Clone)]
pub struct Entry<'a> {
    pub actor: &'a str,
    pub action: &'a str,
    /// What it was done to: `request 12`, `deployment 7`, `environment shop/production`.
    pub subject: String,
    pub facts: Value,
}

pub async fn append(tx: &Tx, keys: &Keys, now: Timestamp, entry: Entry<'_>) -> Result<Head, DbError> {
    let head = head(tx).await?;
    let (count, previous) = head.as_ref().map_or((0, String::new()), |head| (head.count, head.mac.clone()));
    let mut row = audit_log::Model {
        seq: count + 1,
        at: now.as_millisecond(),
        actor: entry.actor.to_owned(),
        action: entry.action.to_owned(),
        subject: entry.subject,
        facts: entry.facts.to_string(),
        previous,
        mac: String::new(),
    };
    row.mac = hex(&keys.mac(PURPOSE, &message(&row)));
    let next = Head { count: row.seq, mac: row.mac.clone() };
    if head.is_some() {
        let result = audit_head::Entity::update_many()
            .col_expr(audit_head::Column::Count, Expr::value(next.count))
            .col_expr(audit_head::Column::Mac, Expr::value(next.mac.as_str()))
            .filter(audit_head::Column::Id.eq(HEAD))
            .filter(audit_head::Column::Count.eq(count))
            .exec(tx.on())
            .await?;
        exactly_one(result.rows_affected, "another audit row came first")?;
    } else {
        let first =
            audit_head::ActiveModel { id: Set(HEAD), count: Set(next.count), mac: Set(next.mac.clone()) };
        audit_head::Entity::insert(first).exec_without_returning(tx.on()).await?;
    }
    let row: audit_log::ActiveModel = row.into();
    audit_log::Entity::insert(row.reset_all()).exec_without_returning(tx.on()).await?;
    Ok(next)
}

/// Waits until nobody else is about to write a row, and keeps others from it until the
/// transaction ends.
pub(super) async fn lock_head(tx: &Tx) -> Result<(), DbError> {
    audit_head::Entity::find_by_id(HEAD).lock_exclusive().one(tx.on()).await?;
    Ok(())
}

pub async fn head(source: &impl Source) -> Result<Option<Head>, DbError> {
    let row = audit_head::Entity::find_by_id(HEAD).one(source.connection()).await?;
    Ok(row.map(|row| Head { count: row.count, mac: row.mac }))
}

/// One row of the trail, to show.
#[derive(Debug, Clone)]
pub struct Line {
    pub seq: i64,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub facts: String,
    /// The MAC of the row before; empty in the first row.
    pub previous: String,
    pub mac: String,
}

/// Which rows somebody wants to see; every fact that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub subject: Option<String>,
    /// Then or later.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// Rows below this number.
    pub before: Option<i64>,
}

/// Newest first.
pub async fn list(source: &impl Source, wanted: &Wanted, limit: u64) -> Result<Vec<Line>, DbError> {
    use audit_log::Column::{Action, Actor, At, Seq, Subject};
    let mut query = audit_log::Entity::find().order_by_desc(Seq).limit(limit);
    for (column, text) in [(Actor, &wanted.actor), (Action, &wanted.action), (Subject, &wanted.subject)] {
        if let Some(text) = text {
            query = query.filter(column.eq(text));
        }
    }
    if let Some(since) = wanted.since {
        query = query.filter(At.gte(since.as_millisecond()));
    }
    if let Some(until) = wanted.until {
        query = query.filter(At.lt(until.as_millisecond()));
    }
    if let Some(before) = wanted.before {
        query = query.filter(Seq.lt(before));
    }
    query.all(source.connection()).await?.into_iter().map(line).collect()
}

pub async fn find(source: &impl Source, seq: i64) -> Result<Option<Line>, DbError> {
    audit_log::Entity::find_by_id(seq).one(source.connection()).await?.map(line).transpose()
}

/// Oldest first, above `after`.
pub async fn list_after(source: &impl Source, after: i64, limit: u64) -> Result<Vec<Line>, DbError> {
    let query = audit_log::Entity::find()
        .filter(audit_log::Column::Seq.gt(after))
        .order_by_asc(audit_log::Column::Seq)
        .limit(limit);
    query.all(source.connection()).await?.into_iter().map(line).collect()
}

fn line(row: audit_log::Model) -> Result<Line, DbError> {
    Ok(Line {
        seq: row.seq,
        at: super::at("audit_log", row.seq, row.at)?,
        actor: row.actor,
        action: row.action,
        subject: row.subject,
        facts: row.facts,
        previous: row.previous,
        mac: row.mac,
    })
}

/// Every field with its length before it, so that no two rows read alike.
fn message(row: &audit_log::Model) -> Vec<u8> {
    let mut message = Vec::new();
    let (seq, at) = (row.seq.to_string(), row.at.to_string());
    for field in [&seq, &at, &row.actor, &row.action, &row.subject, &row.facts, &row.previous] {
        message.extend_from_slice(&(field.len() as u64).to_be_bytes());
        message.extend_from_slice(field.as_bytes());
    }
    message
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes();
    digits.chunks(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
