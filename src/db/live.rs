//! What each server runs, by the record (rules.md 7).

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entity::live;
use super::{DbError, Source, Tx, at};
use crate::domain::live::{LiveRow, LiveState};
use crate::domain::name::{CommitId, Name};

const TABLE: &str = "live";

pub async fn list(
    source: &impl Source,
    application: &Name,
    environment: &Name,
) -> Result<Vec<LiveRow>, DbError> {
    let rows = live::Entity::find()
        .filter(live::Column::Application.eq(application.as_str()))
        .filter(live::Column::Environment.eq(environment.as_str()))
        .order_by_asc(live::Column::Server)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

pub async fn list_all(source: &impl Source) -> Result<Vec<(Name, Name, LiveRow)>, DbError> {
    let rows = live::Entity::find().order_by_asc(live::Column::Id).all(source.connection()).await?;
    rows.into_iter()
        .map(|row| {
            let bad = |error| DbError::row(TABLE, row.id, error);
            let (application, environment) =
                (Name::parse(&row.application).map_err(bad)?, Name::parse(&row.environment).map_err(bad)?);
            Ok((application, environment, parse(row)?))
        })
        .collect()
}

/// Replaces what the record says of one server.
pub async fn put(tx: &Tx, application: &Name, environment: &Name, row: &LiveRow) -> Result<(), DbError> {
    live::Entity::delete_many()
        .filter(live::Column::Application.eq(application.as_str()))
        .filter(live::Column::Environment.eq(environment.as_str()))
        .filter(live::Column::Server.eq(row.server.as_str()))
        .exec(tx.on())
        .await?;
    let new = live::ActiveModel {
        application: Set(application.to_string()),
        environment: Set(environment.to_string()),
        server: Set(row.server.to_string()),
        commit_id: Set(row.commit.as_ref().map(ToString::to_string)),
        tag: Set(row.release.clone()),
        state: Set(row.state.word().to_owned()),
        deployment_id: Set(row.deployment),
        at: Set(row.at.as_millisecond()),
        ..Default::default()
    };
    live::Entity::insert(new).exec(tx.on()).await?;
    Ok(())
}

fn parse(row: live::Model) -> Result<LiveRow, DbError> {
    let bad = |problem: String| DbError::row(TABLE, row.id, problem);
    Ok(LiveRow {
        server: Name::parse(&row.server).map_err(|error| bad(error.to_string()))?,
        commit: row
            .commit_id
            .as_deref()
            .map(CommitId::parse)
            .transpose()
            .map_err(|error| bad(error.to_string()))?,
        release: row.tag.clone(),
        state: LiveState::from_word(&row.state)
            .ok_or_else(|| bad(format!("unknown state {:?}", row.state)))?,
        deployment: row.deployment_id,
        at: at(TABLE, row.id, row.at)?,
    })
}
