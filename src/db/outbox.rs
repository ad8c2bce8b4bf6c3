//! The transactional outbox: effects are rows written with what caused them, and
//! happen later, as often as it takes. A row holds a kind and ids; the secret
//! part of a link is sealed and erased on delivery (rules.md 34).

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::entity::outbox;
use super::{DbError, Source, Tx, exactly_one};
use crate::domain::notice::{DeliveryState, Notice};

const TABLE: &str = "outbox";

/// A notice that failed at least once.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: i64,
    pub notice: Notice,
    pub state: DeliveryState,
    pub attempts: u32,
    pub error: Option<String>,
    pub created_at: Timestamp,
    /// The next try, or when it was given up.
    pub at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Due {
    pub id: i64,
    pub notice: Notice,
    pub sealed: Option<Vec<u8>>,
    pub attempts: u32,
    pub created_at: Timestamp,
}

pub async fn put(tx: &Tx, notice: &Notice, sealed: Option<Vec<u8>>, now: Timestamp) -> Result<i64, DbError> {
    let row = outbox::ActiveModel {
        kind: Set(notice.kind().to_owned()),
        facts: Set(serde_json::to_string(notice).map_err(|error| DbError::row(TABLE, "new", error))?),
        sealed: Set(sealed),
        state: Set(DeliveryState::Waiting.word().to_owned()),
        attempts: Set(0),
        next_at: Set(now.as_millisecond()),
        created_at: Set(now.as_millisecond()),
        ..Default::default()
    };
    Ok(outbox::Entity::insert(row).exec(tx.on()).await?.last_insert_id)
}

pub async fn list_due(source: &impl Source, now: Timestamp, limit: u64) -> Result<Vec<Due>, DbError> {
    let rows = outbox::Entity::find()
        .filter(outbox::Column::State.eq(DeliveryState::Waiting.word()))
        .filter(outbox::Column::NextAt.lte(now.as_millisecond()))
        .order_by_asc(outbox::Column::Id)
        .limit(limit)
        .all(source.connection())
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Due {
                id: row.id,
                notice: serde_json::from_str(&row.facts)
                    .map_err(|error| DbError::row(TABLE, row.id, error))?,
                sealed: row.sealed,
                attempts: u32::try_from(row.attempts).unwrap_or_default(),
                created_at: super::at(TABLE, row.id, row.created_at)?,
            })
        })
        .collect()
}

/// Newest first, below `before`: what was given up, and what failed and waits.
pub async fn list_failed(
    source: &impl Source,
    state: Option<DeliveryState>,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Delivery>, DbError> {
    let given_up = Condition::all().add(outbox::Column::State.eq(DeliveryState::GivenUp.word()));
    let waits = Condition::all()
        .add(outbox::Column::State.eq(DeliveryState::Waiting.word()))
        .add(outbox::Column::Error.is_not_null());
    let wanted = match state {
        Some(DeliveryState::GivenUp) => Condition::any().add(given_up),
        Some(DeliveryState::Waiting) => Condition::any().add(waits),
        _ => Condition::any().add(given_up).add(waits),
    };
    let mut query = outbox::Entity::find().filter(wanted).order_by_desc(outbox::Column::Id).limit(limit);
    if let Some(before) = before {
        query = query.filter(outbox::Column::Id.lt(before));
    }
    query.all(source.connection()).await?.into_iter().map(delivery).collect()
}

pub async fn find(source: &impl Source, id: i64) -> Result<Option<Delivery>, DbError> {
    outbox::Entity::find_by_id(id).one(source.connection()).await?.map(delivery).transpose()
}

fn delivery(row: outbox::Model) -> Result<Delivery, DbError> {
    let state = DeliveryState::from_word(&row.state)
        .ok_or_else(|| DbError::row(TABLE, row.id, format!("unknown state {:?}", row.state)))?;
    Ok(Delivery {
        id: row.id,
        notice: serde_json::from_str(&row.facts).map_err(|error| DbError::row(TABLE, row.id, error))?,
        state,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        error: row.error,
        created_at: super::at(TABLE, row.id, row.created_at)?,
        at: super::at(TABLE, row.id, row.ended_at.unwrap_or(row.next_at))?,
    })
}

/// Takes the place of a notice that was given up: another one holds its new link.
pub async fn replaced(tx: &Tx, id: i64, now: Timestamp) -> Result<(), DbError> {
    let result = outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(DeliveryState::Replaced.word()))
        .col_expr(outbox::Column::EndedAt, Expr::value(now.as_millisecond()))
        .filter(outbox::Column::Id.eq(id))
        .filter(outbox::Column::State.eq(DeliveryState::GivenUp.word()))
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "it was not given up, or somebody had it sent again")
}

/// A notice that was given up is tried again, from the beginning.
pub async fn once_more(tx: &Tx, id: i64, now: Timestamp) -> Result<(), DbError> {
    let result = outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(DeliveryState::Waiting.word()))
        .col_expr(outbox::Column::Attempts, Expr::value(0))
        .col_expr(outbox::Column::NextAt, Expr::value(now.as_millisecond()))
        .col_expr(outbox::Column::EndedAt, Expr::value(Option::<i64>::None))
        .filter(outbox::Column::Id.eq(id))
        .filter(outbox::Column::State.eq(DeliveryState::GivenUp.word()))
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "it was not given up, or somebody had it sent again")
}

/// Takes a row for a while, so that no other instance sends it too. False when
/// another one was faster.
pub async fn take(tx: &Tx, due: &Due, now: Timestamp, until: Timestamp) -> Result<bool, DbError> {
    let result = outbox::Entity::update_many()
        .col_expr(outbox::Column::Attempts, Expr::value(i32::try_from(due.attempts + 1).unwrap_or(i32::MAX)))
        .col_expr(outbox::Column::NextAt, Expr::value(until.as_millisecond()))
        .filter(outbox::Column::Id.eq(due.id))
        .filter(outbox::Column::State.eq(DeliveryState::Waiting.word()))
        .filter(outbox::Column::NextAt.lte(now.as_millisecond()))
        .exec(tx.on())
        .await?;
    Ok(result.rows_affected == 1)
}

pub async fn delivered(tx: &Tx, id: i64, now: Timestamp) -> Result<(), DbError> {
    end(tx, id, DeliveryState::Delivered, None, now).await
}

pub async fn give_up(tx: &Tx, id: i64, error: &str, now: Timestamp) -> Result<(), DbError> {
    end(tx, id, DeliveryState::GivenUp, Some(error), now).await
}

pub async fn retry_at(tx: &Tx, id: i64, error: &str, next: Timestamp) -> Result<(), DbError> {
    outbox::Entity::update_many()
        .col_expr(outbox::Column::NextAt, Expr::value(next.as_millisecond()))
        .col_expr(outbox::Column::Error, Expr::value(error))
        .filter(outbox::Column::Id.eq(id))
        .exec(tx.on())
        .await?;
    Ok(())
}

/// How many wait, and how many were given up.
pub async fn counts(source: &impl Source) -> Result<(u64, u64), DbError> {
    let of = |state: DeliveryState| {
        outbox::Entity::find().filter(outbox::Column::State.eq(state.word())).count(source.connection())
    };
    Ok((of(DeliveryState::Waiting).await?, of(DeliveryState::GivenUp).await?))
}

async fn end(
    tx: &Tx,
    id: i64,
    state: DeliveryState,
    error: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(state.word()))
        .col_expr(outbox::Column::Sealed, Expr::value(Option::<Vec<u8>>::None))
        .col_expr(outbox::Column::Error, Expr::value(error.map(str::to_owned)))
        .col_expr(outbox::Column::EndedAt, Expr::value(now.as_millisecond()))
        .filter(outbox::Column::Id.eq(id))
        .exec(tx.on())
        .await?;
    Ok(())
}
