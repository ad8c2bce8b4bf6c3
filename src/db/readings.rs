//! What hosts said when they were last asked: one row per server of an environment.

use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entity::readings;
use super::{DbError, Source, Tx, at};
use crate::domain::drift::{Memory, Reading};
use crate::domain::live::HostWord;
use crate::domain::name::{CommitId, Name};

const TABLE: &str = "readings";

pub async fn list_all(source: &impl Source) -> Result<Vec<Reading>, DbError> {
    let rows = readings::Entity::find().order_by_asc(readings::Column::Id).all(source.connection()).await?;
    rows.into_iter().map(parse).collect()
}

pub async fn list(
    source: &impl Source,
    application: &Name,
    environment: &Name,
) -> Result<Vec<Reading>, DbError> {
    let rows = readings::Entity::find()
        .filter(readings::Column::Application.eq(application.as_str()))
        .filter(readings::Column::Environment.eq(environment.as_str()))
        .order_by_asc(readings::Column::Server)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

pub async fn list_of_server(source: &impl Source, server: &Name) -> Result<Vec<Reading>, DbError> {
    let rows = readings::Entity::find()
        .filter(readings::Column::Server.eq(server.as_str()))
        .order_by_asc(readings::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

/// Replaces what was known of the place.
pub async fn put(tx: &Tx, reading: &Reading) -> Result<(), DbError> {
    remove(tx, reading).await?;
    let (commit, release, in_progress, problem) = match &reading.word {
        HostWord::Runs { commit, release, in_progress } => {
            (Some(commit.to_string()), Some(release.clone()), *in_progress, None)
        }
        HostWord::Nothing => (None, None, false, None),
        HostWord::Unreachable(why) => (None, None, false, Some(why.clone())),
    };
    let millisecond = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
    let row = readings::ActiveModel {
        application: Set(reading.application.to_string()),
        environment: Set(reading.environment.to_string()),
        server: Set(reading.server.to_string()),
        commit_id: Set(commit),
        tag: Set(release),
        in_progress: Set(in_progress),
        problem: Set(problem),
        at: Set(reading.at.as_millisecond()),
        unreachable_since: Set(millisecond(reading.memory.unreachable_since)),
        differs_since: Set(millisecond(reading.memory.differs_since)),
        drifted: Set(reading.memory.drifted),
        ..Default::default()
    };
    readings::Entity::insert(row).exec(tx.on()).await?;
    Ok(())
}

/// Forgets a place that is no longer asked.
pub async fn remove(tx: &Tx, reading: &Reading) -> Result<(), DbError> {
    readings::Entity::delete_many()
        .filter(readings::Column::Application.eq(reading.application.as_str()))
        .filter(readings::Column::Environment.eq(reading.environment.as_str()))
        .filter(readings::Column::Server.eq(reading.server.as_str()))
        .exec(tx.on())
        .await?;
    Ok(())
}

fn parse(row: readings::Model) -> Result<Reading, DbError> {
    let id = row.id;
    let bad = |problem: String| DbError::row(TABLE, id, problem);
    let name = |text: &str| Name::parse(text).map_err(|error| bad(error.to_string()));
    let instant = |ms: Option<i64>| ms.map(|ms| at(TABLE, id, ms)).transpose();
    let commit = row.commit_id.as_deref().map(CommitId::parse).transpose();
    let word = match (row.problem, commit.map_err(|error| bad(error.to_string()))?) {
        (Some(why), _) => HostWord::Unreachable(why),
        (None, Some(commit)) => HostWord::Runs {
            release: row.tag.unwrap_or_else(|| commit.to_string()),
            commit,
            in_progress: row.in_progress,
        },
        (None, None) => HostWord::Nothing,
    };
    Ok(Reading {
        application: name(&row.application)?,
        environment: name(&row.environment)?,
        server: name(&row.server)?,
        word,
        at: at(TABLE, id, row.at)?,
        memory: Memory {
            unreachable_since: instant(row.unreachable_since)?,
            differs_since: instant(row.differs_since)?,
            drifted: row.drifted,
        },
    })
}
