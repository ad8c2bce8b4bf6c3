//! Sessions and the OAuth states under way. The cookie holds the secret; the
//! table holds its keyed hash.

use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::entity::{oauth_states, sessions};
use super::{DbError, Source, Tx};

/// Ends a session that nobody used.
pub const IDLE: SignedDuration = SignedDuration::from_hours(12);
/// Ends a session however busy it is.
pub const ABSOLUTE: SignedDuration = SignedDuration::from_hours(24 * 7);

#[derive(Debug, Clone, Copy)]
pub struct Session {
    pub id: i64,
    pub person: i64,
    pub seen_at: Timestamp,
}

pub async fn insert(tx: &Tx, hash: String, person: i64, now: Timestamp) -> Result<i64, DbError> {
    let row = sessions::ActiveModel {
        hash: Set(hash),
        person_id: Set(person),
        created_at: Set(now.as_millisecond()),
        seen_at: Set(now.as_millisecond()),
        expires_at: Set((now + ABSOLUTE).as_millisecond()),
        ..Default::default()
    };
    Ok(sessions::Entity::insert(row).exec(tx.on()).await?.last_insert_id)
}

/// A session that is neither ended nor idle nor too old.
pub async fn find(
    source: &impl Source,
    hashes: &[String],
    now: Timestamp,
) -> Result<Option<Session>, DbError> {
    let row = sessions::Entity::find()
        .filter(sessions::Column::Hash.is_in(hashes))
        .filter(sessions::Column::EndedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(now.as_millisecond()))
        .filter(sessions::Column::SeenAt.gt((now - IDLE).as_millisecond()))
        .one(source.connection())
        .await?;
    row.map(|row| {
        Ok(Session {
            id: row.id,
            person: row.person_id,
            seen_at: super::at("sessions", row.id, row.seen_at)?,
        })
    })
    .transpose()
}

pub async fn touch(tx: &Tx, id: i64, now: Timestamp) -> Result<(), DbError> {
    sessions::Entity::update_many()
        .col_expr(sessions::Column::SeenAt, Expr::value(now.as_millisecond()))
        .filter(sessions::Column::Id.eq(id))
        .exec(tx.on())
        .await?;
    Ok(())
}

pub async fn end(tx: &Tx, id: i64, now: Timestamp) -> Result<(), DbError> {
    end_where(tx, sessions::Column::Id.eq(id), now).await
}

pub async fn end_all_of(tx: &Tx, person: i64, now: Timestamp) -> Result<(), DbError> {
    end_where(tx, sessions::Column::PersonId.eq(person), now).await
}

/// Rows that can never be used again.
pub async fn clean(tx: &Tx, now: Timestamp) -> Result<(), DbError> {
    let old = (now - ABSOLUTE).as_millisecond();
    sessions::Entity::delete_many().filter(sessions::Column::ExpiresAt.lt(old)).exec(tx.on()).await?;
    oauth_states::Entity::delete_many()
        .filter(oauth_states::Column::ExpiresAt.lt(now.as_millisecond()))
        .exec(tx.on())
        .await?;
    Ok(())
}

pub async fn remember_state(tx: &Tx, hash: String, expires_at: Timestamp) -> Result<(), DbError> {
    let row = oauth_states::ActiveModel { hash: Set(hash), expires_at: Set(expires_at.as_millisecond()) };
    oauth_states::Entity::insert(row).exec_without_returning(tx.on()).await?;
    Ok(())
}

/// True once for a state that was remembered and has not run out.
pub async fn take_state(tx: &Tx, hashes: &[String], now: Timestamp) -> Result<bool, DbError> {
    let result = oauth_states::Entity::delete_many()
        .filter(oauth_states::Column::Hash.is_in(hashes))
        .filter(oauth_states::Column::ExpiresAt.gt(now.as_millisecond()))
        .exec(tx.on())
        .await?;
    Ok(result.rows_affected == 1)
}

async fn end_where(tx: &Tx, which: sea_orm::sea_query::SimpleExpr, now: Timestamp) -> Result<(), DbError> {
    sessions::Entity::update_many()
        .col_expr(sessions::Column::EndedAt, Expr::value(now.as_millisecond()))
        .filter(which)
        .filter(sessions::Column::EndedAt.is_null())
        .exec(tx.on())
        .await?;
    Ok(())
}
