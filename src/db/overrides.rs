//! What was started by break-glass, and who signed it afterwards.

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entity::overrides;
use super::{DbError, Source, Tx, at, exactly_one};
use crate::domain::name::Name;
use crate::domain::overriding::{Override, Signed};

const TABLE: &str = "overrides";

pub async fn insert(tx: &Tx, broken: &Override) -> Result<(), DbError> {
    let row = overrides::ActiveModel {
        deployment_id: Set(broken.deployment),
        who: Set(broken.who.to_string()),
        reason: Set(broken.reason.clone()),
        at: Set(broken.at.as_millisecond()),
        ..Default::default()
    };
    overrides::Entity::insert(row).exec_without_returning(tx.on()).await?;
    Ok(())
}

pub async fn find(source: &impl Source, deployment: i64) -> Result<Option<Override>, DbError> {
    let row = overrides::Entity::find_by_id(deployment).one(source.connection()).await?;
    row.map(parse).transpose()
}

/// Those that nobody has signed, oldest first.
pub async fn list_unsigned(source: &impl Source) -> Result<Vec<Override>, DbError> {
    let rows = overrides::Entity::find()
        .filter(overrides::Column::SignedAt.is_null())
        .order_by_asc(overrides::Column::DeploymentId)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

/// Once, and never by who overrode.
pub async fn sign(tx: &Tx, deployment: i64, by: &Name, comment: &str, now: Timestamp) -> Result<(), DbError> {
    let result = overrides::Entity::update_many()
        .col_expr(overrides::Column::SignedBy, Expr::value(by.as_str()))
        .col_expr(overrides::Column::SignedAt, Expr::value(now.as_millisecond()))
        .col_expr(overrides::Column::Comment, Expr::value(comment))
        .filter(overrides::Column::DeploymentId.eq(deployment))
        .filter(overrides::Column::SignedAt.is_null())
        .filter(overrides::Column::Who.ne(by.as_str()))
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the override was signed")
}

fn parse(row: overrides::Model) -> Result<Override, DbError> {
    let id = row.deployment_id;
    let name = |text: &str| Name::parse(text).map_err(|error| DbError::row(TABLE, id, error));
    let signed = match (row.signed_by, row.signed_at) {
        (Some(by), Some(ms)) => {
            Some(Signed { by: name(&by)?, at: at(TABLE, id, ms)?, comment: row.comment.unwrap_or_default() })
        }
        _ => None,
    };
    Ok(Override {
        deployment: id,
        who: name(&row.who)?,
        reason: row.reason,
        at: at(TABLE, id, row.at)?,
        signed,
    })
}
