//! Sessions and the OAuth states under way. The cookie holds the secret; the
//! table holds its keyed hash.

use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{oauth_states, sessions};
use super::{DbError, Source, Tx};

/// Ends a session that nobody used.
pub const IDLE: SignedDuration = SignedDuration::from_hours(12);
/// Ends a session however busy it is.
pub const ABSOLUTE: SignedDuration = SignedDuration::from_hours(24 * 7);
/// How long the secret that a session had before still opens it: for what the browser
/// had sent when the new one came.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: i64,
    pub person: i64,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    /// What let them in: `github`, `local`, `proxy` or `session`.
    pub how: String,
    /// Stands for what its person could do when it got its secret; `None`: not known.
    pub rights: Option<String>,
    /// It was asked for by the secret that it had before.
    pub by_former: bool,
}

pub async fn insert(
    tx: &Tx,
    hash: String,
    person: i64,
    (how, rights): (&str, &str),
    now: Timestamp,
) -> Result<i64, DbError> {
    let row = sessions::ActiveModel {
        hash: Set(hash),
        how: Set(Some(how.to_owned())),
        rights: Set(Some(rights.to_owned())),
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
    let former = Condition::all()
        .add(sessions::Column::FormerHash.is_in(hashes))
        .add(sessions::Column::RenewedAt.gt((now - OVERLAP).as_millisecond()));
    let row = sessions::Entity::find()
        .filter(Condition::any().add(sessions::Column::Hash.is_in(hashes)).add(former))
        .filter(lasts(now))
        .one(source.connection())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let by_former = !hashes.contains(&row.hash);
    Ok(Some(Session { by_former, ..parse(row)? }))
}

/// Another secret and what it stands for, if the session is still the one with the
/// secret that was seen. False where somebody was faster.
pub async fn renew(
    tx: &Tx,
    id: i64,
    from: &[String],
    to: &str,
    rights: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let result = sessions::Entity::update_many()
        .col_expr(sessions::Column::FormerHash, Expr::col(sessions::Column::Hash))
        .col_expr(sessions::Column::Hash, Expr::value(to))
        .col_expr(sessions::Column::Rights, Expr::value(rights))
        .col_expr(sessions::Column::RenewedAt, Expr::value(now.as_millisecond()))
        .filter(sessions::Column::Id.eq(id))
        .filter(sessions::Column::Hash.is_in(from))
        .filter(sessions::Column::EndedAt.is_null())
        .exec(tx.on())
        .await?;
    Ok(result.rows_affected == 1)
}

/// Those of a person that still let them in, newest first.
pub async fn list_of(source: &impl Source, person: i64, now: Timestamp) -> Result<Vec<Session>, DbError> {
    let rows = sessions::Entity::find()
        .filter(sessions::Column::PersonId.eq(person))
        .filter(lasts(now))
        .order_by_desc(sessions::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

/// When each person was last seen by a session that is still kept.
pub async fn last_seen(source: &impl Source) -> Result<Vec<(i64, Timestamp)>, DbError> {
    let rows: Vec<(i64, i64)> = sessions::Entity::find()
        .select_only()
        .column(sessions::Column::PersonId)
        .column_as(sessions::Column::SeenAt.max(), "seen_at")
        .group_by(sessions::Column::PersonId)
        .into_tuple()
        .all(source.connection())
        .await?;
    rows.into_iter().map(|(person, at)| Ok((person, super::at("sessions", person, at)?))).collect()
}

fn lasts(now: Timestamp) -> Condition {
    Condition::all()
        .add(sessions::Column::EndedAt.is_null())
        .add(sessions::Column::ExpiresAt.gt(now.as_millisecond()))
        .add(sessions::Column::SeenAt.gt((now - IDLE).as_millisecond()))
}

fn parse(row: sessions::Model) -> Result<Session, DbError> {
    Ok(Session {
        id: row.id,
        person: row.person_id,
        created_at: super::at("sessions", row.id, row.created_at)?,
        seen_at: super::at("sessions", row.id, row.seen_at)?,
        how: row.how.unwrap_or_else(|| crate::domain::person::GITHUB.to_owned()),
        rights: row.rights,
        by_former: false,
    })
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

/// All but the one that asks for it.
pub async fn end_others_of(tx: &Tx, person: i64, but: i64, now: Timestamp) -> Result<(), DbError> {
    let others = sessions::Column::PersonId.eq(person).and(sessions::Column::Id.ne(but));
    end_where(tx, others, now).await
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
