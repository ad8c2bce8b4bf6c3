//! Requests that may be sent again. The unique index over person and key decides
//! which of two that arrive at once is the first.

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::entity::idempotency_keys as keys;
use super::{DbError, Source, Tx, exactly_one};

#[derive(Debug, Clone)]
pub struct Row {
    pub id: i64,
    pub route: String,
    /// A keyed hash of the body.
    pub body_mac: String,
    /// `None`: the first request has not been answered.
    pub answer: Option<Answer>,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub sealed_body: Vec<u8>,
}

/// `is_taken` when this person has used the key before.
pub async fn insert(
    tx: &Tx,
    person: i64,
    key: &str,
    route: &str,
    body_mac: &str,
    now: Timestamp,
) -> Result<i64, DbError> {
    let row = keys::ActiveModel {
        person_id: Set(person),
        idempotency_key: Set(key.to_owned()),
        route: Set(route.to_owned()),
        body_sha256: Set(body_mac.to_owned()),
        at: Set(now.as_millisecond()),
        ..Default::default()
    };
    Ok(keys::Entity::insert(row).exec(tx.on()).await?.last_insert_id)
}

pub async fn find(source: &impl Source, person: i64, key: &str) -> Result<Option<Row>, DbError> {
    let row = keys::Entity::find()
        .filter(keys::Column::PersonId.eq(person))
        .filter(keys::Column::IdempotencyKey.eq(key))
        .one(source.connection())
        .await?;
    row.map(parse).transpose()
}

pub async fn answer(tx: &Tx, id: i64, answer: &Answer) -> Result<(), DbError> {
    let result = keys::Entity::update_many()
        .col_expr(keys::Column::Status, Expr::value(i32::from(answer.status)))
        .col_expr(keys::Column::Location, Expr::value(answer.location.clone()))
        .col_expr(keys::Column::SealedBody, Expr::value(answer.sealed_body.clone()))
        .filter(keys::Column::Id.eq(id))
        .filter(keys::Column::Status.is_null())
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the request was answered meanwhile")
}

/// The first request did nothing, so the next one may.
pub async fn forget(tx: &Tx, id: i64) -> Result<(), DbError> {
    keys::Entity::delete_by_id(id).exec(tx.on()).await?;
    Ok(())
}

/// Those of before `until`.
pub async fn clean(tx: &Tx, until: Timestamp) -> Result<(), DbError> {
    keys::Entity::delete_many().filter(keys::Column::At.lte(until.as_millisecond())).exec(tx.on()).await?;
    Ok(())
}

fn parse(row: keys::Model) -> Result<Row, DbError> {
    let bad = |problem: &str| DbError::row("idempotency_keys", row.id, problem);
    let answer = match row.status {
        None => None,
        Some(status) => Some(Answer {
            status: u16::try_from(status).map_err(|_| bad("a status out of range"))?,
            location: row.location.clone(),
            sealed_body: row.sealed_body.clone().ok_or_else(|| bad("a status without a body"))?,
        }),
    };
    Ok(Row { id: row.id, route: row.route, body_mac: row.body_sha256, answer })
}
