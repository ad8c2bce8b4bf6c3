//! Identities: who somebody is where they come from. The first one stands with the
//! person; further ones were linked by an administrator (rules.md 29).

use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entity::{identities, people};
use super::{DbError, Source, Tx, people as rows};
use crate::domain::person::{Identity, Person};

/// Whose identity it is, the first or a further one.
pub async fn find_person(
    source: &impl Source,
    provider: &str,
    subject: &str,
) -> Result<Option<Person>, DbError> {
    let first = people::Entity::find()
        .filter(people::Column::Provider.eq(provider))
        .filter(people::Column::Subject.eq(subject))
        .one(source.connection())
        .await?;
    if let Some(first) = first {
        return rows::parse(first).map(Some);
    }
    let linked = identities::Entity::find()
        .filter(identities::Column::Provider.eq(provider))
        .filter(identities::Column::Subject.eq(subject))
        .one(source.connection())
        .await?;
    match linked {
        Some(linked) => rows::find(source, linked.person_id).await,
        None => Ok(None),
    }
}

pub async fn link(tx: &Tx, person: i64, identity: &Identity, now: Timestamp) -> Result<(), DbError> {
    let row = identities::ActiveModel {
        person_id: Set(person),
        provider: Set(identity.provider.clone()),
        subject: Set(identity.subject.clone()),
        created_at: Set(now.as_millisecond()),
        ..Default::default()
    };
    identities::Entity::insert(row).exec(tx.on()).await?;
    Ok(())
}

/// Takes a further one away; false where there is none.
pub async fn unlink(tx: &Tx, person: i64, identity: &Identity) -> Result<bool, DbError> {
    let result = identities::Entity::delete_many()
        .filter(identities::Column::PersonId.eq(person))
        .filter(identities::Column::Provider.eq(&identity.provider))
        .filter(identities::Column::Subject.eq(&identity.subject))
        .exec(tx.on())
        .await?;
    Ok(result.rows_affected > 0)
}

/// The further ones, oldest first.
pub async fn list_of(source: &impl Source, person: i64) -> Result<Vec<Identity>, DbError> {
    let rows = identities::Entity::find()
        .filter(identities::Column::PersonId.eq(person))
        .order_by_asc(identities::Column::Id)
        .all(source.connection())
        .await?;
    Ok(rows.into_iter().map(|row| Identity { provider: row.provider, subject: row.subject }).collect())
}
