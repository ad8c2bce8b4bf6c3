//! Tokens for programs. The program holds the secret; the table holds its keyed hash.

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};

use super::entity::tokens;
use super::{DbError, Source, Tx, at, exactly_one};

const TABLE: &str = "tokens";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: i64,
    pub person: i64,
    pub name: String,
    pub created_at: Timestamp,
    pub created_by: String,
    /// `None`: it does not run out.
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

#[derive(Debug)]
pub struct NewToken<'a> {
    pub person: i64,
    pub name: &'a str,
    pub hash: String,
    pub created_by: &'a str,
    pub expires_at: Option<Timestamp>,
}

pub async fn insert(tx: &Tx, new: NewToken<'_>, now: Timestamp) -> Result<i64, DbError> {
    let row = tokens::ActiveModel {
        person_id: Set(new.person),
        name: Set(new.name.to_owned()),
        hash: Set(new.hash),
        created_at: Set(now.as_millisecond()),
        created_by: Set(new.created_by.to_owned()),
        expires_at: Set(new.expires_at.map(Timestamp::as_millisecond)),
        ..Default::default()
    };
    Ok(tokens::Entity::insert(row).exec(tx.on()).await?.last_insert_id)
}

/// The token with one of these hashes, if it is neither revoked nor over.
pub async fn find_usable(
    source: &impl Source,
    hashes: &[String],
    now: Timestamp,
) -> Result<Option<Token>, DbError> {
    let lasts = Condition::any()
        .add(tokens::Column::ExpiresAt.is_null())
        .add(tokens::Column::ExpiresAt.gt(now.as_millisecond()));
    let row = tokens::Entity::find()
        .filter(tokens::Column::Hash.is_in(hashes))
        .filter(tokens::Column::RevokedAt.is_null())
        .filter(lasts)
        .one(source.connection())
        .await?;
    row.map(parse).transpose()
}

pub async fn find(source: &impl Source, id: i64) -> Result<Option<Token>, DbError> {
    tokens::Entity::find_by_id(id).one(source.connection()).await?.map(parse).transpose()
}

/// Oldest first, those that are over too.
pub async fn list_of(source: &impl Source, person: i64) -> Result<Vec<Token>, DbError> {
    let rows = tokens::Entity::find()
        .filter(tokens::Column::PersonId.eq(person))
        .order_by_asc(tokens::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

pub async fn touch(tx: &Tx, id: i64, now: Timestamp) -> Result<(), DbError> {
    tokens::Entity::update_many()
        .col_expr(tokens::Column::LastUsedAt, Expr::value(now.as_millisecond()))
        .filter(tokens::Column::Id.eq(id))
        .exec(tx.on())
        .await?;
    Ok(())
}

pub async fn revoke(tx: &Tx, id: i64, now: Timestamp) -> Result<(), DbError> {
    exactly_one(revoke_where(tx, tokens::Column::Id.eq(id), now).await?, "the token was revoked meanwhile")
}

pub async fn revoke_all_of(tx: &Tx, person: i64, now: Timestamp) -> Result<(), DbError> {
    revoke_where(tx, tokens::Column::PersonId.eq(person), now).await?;
    Ok(())
}

async fn revoke_where(tx: &Tx, which: SimpleExpr, now: Timestamp) -> Result<u64, DbError> {
    let result = tokens::Entity::update_many()
        .col_expr(tokens::Column::RevokedAt, Expr::value(now.as_millisecond()))
        .filter(which)
        .filter(tokens::Column::RevokedAt.is_null())
        .exec(tx.on())
        .await?;
    Ok(result.rows_affected)
}

fn parse(row: tokens::Model) -> Result<Token, DbError> {
    let instant = |ms: Option<i64>| ms.map(|ms| at(TABLE, row.id, ms)).transpose();
    Ok(Token {
        id: row.id,
        person: row.person_id,
        created_at: at(TABLE, row.id, row.created_at)?,
        expires_at: instant(row.expires_at)?,
        last_used_at: instant(row.last_used_at)?,
        revoked_at: instant(row.revoked_at)?,
        name: row.name,
        created_by: row.created_by,
    })
}
