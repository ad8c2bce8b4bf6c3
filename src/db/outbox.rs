//! The transactional outbox: effects are rows written with what caused them, and
//! happen later, as often as it takes. A row holds a kind and ids; the secret
//! part of a link is sealed and erased on delivery (rules.md 34).

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::entity::outbox;
use super::{DbError, Source, Tx};
use crate::domain::notice::Notice;

const TABLE: &str = "outbox";

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
        state: Set("waiting".to_owned()),
        attempts: Set(0),
        next_at: Set(now.as_millisecond()),
        created_at: Set(now.as_millisecond()),
        ..Default::default()
    };
    Ok(outbox::Entity::insert(row).exec(tx.on()).await?.last_insert_id)
}

pub async fn list_due(source: &impl Source, now: Timestamp, limit: u64) -> Result<Vec<Due>, DbError> {
    let rows = outbox::Entity::find()
        .filter(outbox::Column::State.eq("waiting"))
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

/// Takes a row for a while, so that no other instance sends it too. False when
/// another one was faster.
pub async fn take(tx: &Tx, due: &Due, now: Timestamp, until: Timestamp) -> Result<bool, DbError> {
    let result = outbox::Entity::update_many()
        .col_expr(outbox::Column::Attempts, Expr::value(i32::try_from(due.attempts + 1).unwrap_or(i32::MAX)))
        .col_expr(outbox::Column::NextAt, Expr::value(until.as_millisecond()))
        .filter(outbox::Column::Id.eq(due.id))
        .filter(outbox::Column::State.eq("waiting"))
        .filter(outbox::Column::NextAt.lte(now.as_millisecond()))
        .exec(tx.on())
        .await?;
    Ok(result.rows_affected == 1)
}

pub async fn delivered(tx: &Tx, id: i64, now: Timestamp) -> Result<(), DbError> {
    end(tx, id, "delivered", None, now).await
}

pub async fn give_up(tx: &Tx, id: i64, error: &str, now: Timestamp) -> Result<(), DbError> {
    end(tx, id, "given_up", Some(error), now).await
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
    let of = |state: &'static str| {
        outbox::Entity::find().filter(outbox::Column::State.eq(state)).count(source.connection())
    };
    Ok((of("waiting").await?, of("given_up").await?))
}

async fn end(tx: &Tx, id: i64, state: &str, error: Option<&str>, now: Timestamp) -> Result<(), DbError> {
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(state))
        .col_expr(outbox::Column::Sealed, Expr::value(Option::<Vec<u8>>::None))
        .col_expr(outbox::Column::Error, Expr::value(error.map(str::to_owned)))
        .col_expr(outbox::Column::EndedAt, Expr::value(now.as_millisecond()))
        .filter(outbox::Column::Id.eq(id))
        .exec(tx.on())
        .await?;
    Ok(())
}
