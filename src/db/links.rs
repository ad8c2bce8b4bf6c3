//! Review and launch links. A row holds a keyed hash and facts, never the secret;
//! it stays as a tombstone when the link is spent (rules.md 35).

use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entity::links;
use super::{DbError, Source, Tx, at, exactly_one};
use crate::domain::link::{Link, Purpose};
use crate::domain::name::Name;
use crate::domain::request::LinkFacts;

const TABLE: &str = "links";

pub async fn insert(tx: &Tx, link: &Link, hash: String) -> Result<i64, DbError> {
    let row = links::ActiveModel {
        purpose: Set(link.purpose.word().to_owned()),
        hash: Set(hash),
        request_id: Set(link.request),
        person: Set(link.person.as_ref().map(ToString::to_string)),
        created_at: Set(link.created_at.as_millisecond()),
        starts_at: Set(link.facts.starts_at.as_millisecond()),
        expires_at: Set(link.facts.expires_at.as_millisecond()),
        ..Default::default()
    };
    Ok(links::Entity::insert(row).exec(tx.on()).await?.last_insert_id)
}

/// By any of the hashes, one per key in force.
pub async fn find(
    source: &impl Source,
    purpose: Purpose,
    hashes: &[String],
) -> Result<Option<Link>, DbError> {
    let row = links::Entity::find()
        .filter(links::Column::Purpose.eq(purpose.word()))
        .filter(links::Column::Hash.is_in(hashes))
        .one(source.connection())
        .await?;
    row.map(parse).transpose()
}

/// The newest link of a purpose for a request.
pub async fn find_latest(
    source: &impl Source,
    purpose: Purpose,
    request: i64,
) -> Result<Option<Link>, DbError> {
    let row = links::Entity::find()
        .filter(links::Column::Purpose.eq(purpose.word()))
        .filter(links::Column::RequestId.eq(request))
        .order_by_desc(links::Column::Id)
        .one(source.connection())
        .await?;
    row.map(parse).transpose()
}

/// Until when the last link works that was made before `made_before`, or at all,
/// and is neither used nor revoked. `None` when no such link works any more.
pub async fn last_expiry(
    source: &impl Source,
    made_before: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, DbError> {
    let mut query = links::Entity::find()
        .filter(links::Column::UsedAt.is_null())
        .filter(links::Column::RevokedAt.is_null())
        .filter(links::Column::ExpiresAt.gt(now.as_millisecond()))
        .order_by_desc(links::Column::ExpiresAt);
    if let Some(made_before) = made_before {
        query = query.filter(links::Column::CreatedAt.lte(made_before.as_millisecond()));
    }
    let row = query.one(source.connection()).await?;
    row.map(|row| at(TABLE, row.id, row.expires_at)).transpose()
}

/// The one statement that decides who used the link: unused, not revoked, within its slot.
pub async fn consume(tx: &Tx, id: i64, deployment: i64, now: Timestamp) -> Result<(), DbError> {
    let now = now.as_millisecond();
    let result = links::Entity::update_many()
        .col_expr(links::Column::UsedAt, Expr::value(now))
        .col_expr(links::Column::DeploymentId, Expr::value(deployment))
        .filter(links::Column::Id.eq(id))
        .filter(links::Column::UsedAt.is_null())
        .filter(links::Column::RevokedAt.is_null())
        .filter(links::Column::StartsAt.lte(now))
        .filter(links::Column::ExpiresAt.gt(now))
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the link was used meanwhile")
}

/// Revokes every link of the request that still works: all of them, or of one purpose.
pub async fn revoke(tx: &Tx, request: i64, purpose: Option<Purpose>, now: Timestamp) -> Result<u64, DbError> {
    let mut query = links::Entity::update_many()
        .col_expr(links::Column::RevokedAt, Expr::value(now.as_millisecond()))
        .filter(links::Column::RequestId.eq(request))
        .filter(links::Column::UsedAt.is_null())
        .filter(links::Column::RevokedAt.is_null());
    if let Some(purpose) = purpose {
        query = query.filter(links::Column::Purpose.eq(purpose.word()));
    }
    Ok(query.exec(tx.on()).await?.rows_affected)
}

/// The same for one link that somebody wants gone, which must still work.
pub async fn revoke_by(tx: &Tx, id: i64, by: &Name, now: Timestamp) -> Result<(), DbError> {
    let result = links::Entity::update_many()
        .col_expr(links::Column::RevokedAt, Expr::value(now.as_millisecond()))
        .col_expr(links::Column::RevokedBy, Expr::value(by.as_str()))
        .filter(links::Column::Id.eq(id))
        .filter(links::Column::UsedAt.is_null())
        .filter(links::Column::RevokedAt.is_null())
        .filter(links::Column::ExpiresAt.gt(now.as_millisecond()))
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the link ended meanwhile")
}

/// Review links end with the time for review, which questions make longer.
pub async fn set_review_end(tx: &Tx, request: i64, ends: Timestamp) -> Result<(), DbError> {
    links::Entity::update_many()
        .col_expr(links::Column::ExpiresAt, Expr::value(ends.as_millisecond()))
        .filter(links::Column::RequestId.eq(request))
        .filter(links::Column::Purpose.eq(Purpose::Review.word()))
        .filter(links::Column::RevokedAt.is_null())
        .exec(tx.on())
        .await?;
    Ok(())
}

/// Launch links that nobody used yet and that end within `within`.
pub async fn list_ending(
    source: &impl Source,
    within: SignedDuration,
    now: Timestamp,
) -> Result<Vec<Link>, DbError> {
    let rows = links::Entity::find()
        .filter(links::Column::Purpose.eq(Purpose::Launch.word()))
        .filter(links::Column::UsedAt.is_null())
        .filter(links::Column::RevokedAt.is_null())
        .filter(links::Column::ExpiresAt.gt(now.as_millisecond()))
        .filter(links::Column::ExpiresAt.lte((now + within).as_millisecond()))
        .order_by_asc(links::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

pub async fn find_by_id(source: &impl Source, id: i64) -> Result<Option<Link>, DbError> {
    links::Entity::find_by_id(id).one(source.connection()).await?.map(parse).transpose()
}

fn parse(row: links::Model) -> Result<Link, DbError> {
    let id = row.id;
    let instant = |ms: i64| at(TABLE, id, ms);
    let name = |text: &str| Name::parse(text).map_err(|error| DbError::row(TABLE, id, error));
    Ok(Link {
        id,
        purpose: Purpose::from_word(&row.purpose)
            .ok_or_else(|| DbError::row(TABLE, id, "unknown purpose"))?,
        request: row.request_id,
        person: row.person.as_deref().map(name).transpose()?,
        created_at: instant(row.created_at)?,
        facts: LinkFacts {
            starts_at: instant(row.starts_at)?,
            expires_at: instant(row.expires_at)?,
            used_at: row.used_at.map(instant).transpose()?,
            revoked_at: row.revoked_at.map(instant).transpose()?,
        },
        deployment: row.deployment_id,
        revoked_by: row.revoked_by.as_deref().map(name).transpose()?,
    })
}
