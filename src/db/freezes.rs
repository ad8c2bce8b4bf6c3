//! Freezes. Each change names the version that it was made from, so that two
//! administrators do not undo each other's without seeing it.

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::freezes;
use super::{DbError, Source, Tx, at, exactly_one};
use crate::domain::freeze::{Freeze, Frozen, Level, Lifted};
use crate::domain::name::Name;

const TABLE: &str = "freezes";

/// Gives it its number.
pub async fn insert(tx: &Tx, freeze: &Freeze) -> Result<i64, DbError> {
    let row = freezes::ActiveModel {
        application: Set(freeze.on.application.as_ref().map(ToString::to_string)),
        environment: Set(freeze.on.environment.as_ref().map(ToString::to_string)),
        level: Set(freeze.level.word().to_owned()),
        reason: Set(freeze.reason.clone()),
        author: Set(freeze.author.clone()),
        changed_by: Set(freeze.changed_by.clone()),
        created_at: Set(freeze.created_at.as_millisecond()),
        from_at: Set(freeze.from.as_millisecond()),
        until_at: Set(freeze.until.map(Timestamp::as_millisecond)),
        version: Set(freeze.version),
        ..Default::default()
    };
    Ok(freezes::Entity::insert(row).exec(tx.on()).await?.last_insert_id)
}

pub async fn find(source: &impl Source, id: i64) -> Result<Option<Freeze>, DbError> {
    let row = freezes::Entity::find_by_id(id).one(source.connection()).await?;
    row.map(parse).transpose()
}

/// Those that are not ended at `now`, oldest first.
pub async fn list_standing(source: &impl Source, now: Timestamp) -> Result<Vec<Freeze>, DbError> {
    let open = Condition::any()
        .add(freezes::Column::UntilAt.is_null())
        .add(freezes::Column::UntilAt.gt(now.as_millisecond()));
    let rows = freezes::Entity::find()
        .filter(freezes::Column::LiftedAt.is_null())
        .filter(open)
        .order_by_asc(freezes::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

/// Newest first, below `before`.
pub async fn list(source: &impl Source, before: Option<i64>, limit: u64) -> Result<Vec<Freeze>, DbError> {
    let mut query = freezes::Entity::find().order_by_desc(freezes::Column::Id).limit(limit);
    if let Some(before) = before {
        query = query.filter(freezes::Column::Id.lt(before));
    }
    query.all(source.connection()).await?.into_iter().map(parse).collect()
}

/// Changes one that was not lifted, from the version that `freeze` has.
pub async fn update(tx: &Tx, freeze: &Freeze) -> Result<(), DbError> {
    let result = freezes::Entity::update_many()
        .col_expr(freezes::Column::Application, text(freeze.on.application.as_ref()))
        .col_expr(freezes::Column::Environment, text(freeze.on.environment.as_ref()))
        .col_expr(freezes::Column::Level, Expr::value(freeze.level.word()))
        .col_expr(freezes::Column::Reason, Expr::value(freeze.reason.as_str()))
        .col_expr(freezes::Column::ChangedBy, Expr::value(freeze.changed_by.clone()))
        .col_expr(freezes::Column::FromAt, Expr::value(freeze.from.as_millisecond()))
        .col_expr(freezes::Column::UntilAt, Expr::value(freeze.until.map(Timestamp::as_millisecond)))
        .col_expr(freezes::Column::Version, Expr::value(freeze.version + 1))
        .filter(freezes::Column::Id.eq(freeze.id))
        .filter(freezes::Column::Version.eq(freeze.version))
        .filter(freezes::Column::LiftedAt.is_null())
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the freeze was changed or lifted")
}

pub async fn lift(tx: &Tx, id: i64, lifted: &Lifted) -> Result<(), DbError> {
    let result = freezes::Entity::update_many()
        .col_expr(freezes::Column::LiftedBy, Expr::value(lifted.by.as_str()))
        .col_expr(freezes::Column::LiftedAt, Expr::value(lifted.at.as_millisecond()))
        .filter(freezes::Column::Id.eq(id))
        .filter(freezes::Column::LiftedAt.is_null())
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the freeze was lifted")
}

fn text(name: Option<&Name>) -> Expr {
    Expr::value(name.map(ToString::to_string))
}

fn parse(row: freezes::Model) -> Result<Freeze, DbError> {
    let id = row.id;
    let bad = |problem: String| DbError::row(TABLE, id, problem);
    let name = |text: Option<String>| {
        text.map(|text| Name::parse(&text).map_err(|error| bad(error.to_string()))).transpose()
    };
    let instant = |ms: i64| at(TABLE, id, ms);
    let lifted = match (row.lifted_by, row.lifted_at) {
        (Some(by), Some(at)) => Some(Lifted { by, at: instant(at)? }),
        _ => None,
    };
    Ok(Freeze {
        id,
        on: Frozen { application: name(row.application)?, environment: name(row.environment)? },
        level: Level::from_word(&row.level).ok_or_else(|| bad(format!("unknown level {:?}", row.level)))?,
        reason: row.reason,
        author: row.author,
        changed_by: row.changed_by,
        created_at: instant(row.created_at)?,
        from: instant(row.from_at)?,
        until: row.until_at.map(instant).transpose()?,
        lifted,
        version: row.version,
    })
}
