//! Previews: wanted by somebody, found by a runner, one row per release of an environment.

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};

use super::entity::previews;
use super::{DbError, Source, Tx, at, exactly_one};
use crate::domain::name::{CommitId, Name};
use crate::domain::preview::{HostPreview, Preview, PreviewState, PreviewWord};

const TABLE: &str = "previews";

pub async fn find(
    source: &impl Source,
    application: &Name,
    environment: &Name,
    commit: &CommitId,
) -> Result<Option<Preview>, DbError> {
    let row = previews::Entity::find()
        .filter(previews::Column::Application.eq(application.as_str()))
        .filter(previews::Column::Environment.eq(environment.as_str()))
        .filter(previews::Column::CommitId.eq(commit.as_str()))
        .one(source.connection())
        .await?;
    row.map(parse).transpose()
}

/// Takes the place of the one before it. The number of `preview` is given here.
pub async fn put(tx: &Tx, preview: &Preview) -> Result<(), DbError> {
    previews::Entity::delete_many()
        .filter(previews::Column::Application.eq(preview.application.as_str()))
        .filter(previews::Column::Environment.eq(preview.environment.as_str()))
        .filter(previews::Column::CommitId.eq(preview.commit.as_str()))
        .exec(tx.on())
        .await?;
    let row = previews::ActiveModel {
        application: Set(preview.application.to_string()),
        environment: Set(preview.environment.to_string()),
        commit_id: Set(preview.commit.to_string()),
        tag: Set(preview.release.clone()),
        digest: Set(preview.digest.clone()),
        state: Set(preview.state.word().word().to_owned()),
        wanted_by: Set(preview.wanted_by.to_string()),
        wanted_at: Set(preview.wanted_at.as_millisecond()),
        ..Default::default()
    };
    previews::Entity::insert(row).exec(tx.on()).await?;
    Ok(())
}

/// The first that is wanted and that nobody works on since `given_up`.
pub async fn claim(tx: &Tx, now: Timestamp, given_up: Timestamp) -> Result<Option<Preview>, DbError> {
    let free = Condition::any()
        .add(previews::Column::ClaimedAt.is_null())
        .add(previews::Column::ClaimedAt.lte(given_up.as_millisecond()));
    let row = previews::Entity::find()
        .filter(previews::Column::State.eq(PreviewWord::Wanted.word()))
        .filter(free.clone())
        .order_by_asc(previews::Column::Id)
        .one(tx.on())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let claimed = previews::Entity::update_many()
        .col_expr(previews::Column::ClaimedAt, Expr::value(now.as_millisecond()))
        .filter(previews::Column::Id.eq(row.id))
        .filter(previews::Column::State.eq(PreviewWord::Wanted.word()))
        .filter(free)
        .exec(tx.on())
        .await?;
    if claimed.rows_affected == 0 { Ok(None) } else { parse(row).map(Some) }
}

/// What was found; a conflict when somebody asked anew meanwhile.
pub async fn answer(tx: &Tx, id: i64, state: &PreviewState, now: Timestamp) -> Result<(), DbError> {
    let (why, facts) = match state {
        PreviewState::Ready { hosts, .. } => (None, Some(json(id, hosts)?)),
        PreviewState::Failed { why, .. } | PreviewState::None { why } => (Some(why.clone()), None),
        PreviewState::Wanted => (None, None),
    };
    let result = previews::Entity::update_many()
        .col_expr(previews::Column::State, Expr::value(state.word().word()))
        .col_expr(previews::Column::Why, Expr::value(why))
        .col_expr(previews::Column::Facts, Expr::value(facts))
        .col_expr(previews::Column::ReadyAt, Expr::value(now.as_millisecond()))
        .filter(previews::Column::Id.eq(id))
        .filter(previews::Column::State.eq(PreviewWord::Wanted.word()))
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the preview was asked for anew")
}

/// Those that were asked for before `until`.
pub async fn clean(tx: &Tx, until: Timestamp) -> Result<u64, DbError> {
    let gone = previews::Entity::delete_many()
        .filter(previews::Column::WantedAt.lte(until.as_millisecond()))
        .exec(tx.on())
        .await?;
    Ok(gone.rows_affected)
}

fn json(id: i64, hosts: &[HostPreview]) -> Result<String, DbError> {
    serde_json::to_string(hosts).map_err(|error| DbError::row(TABLE, id, error))
}

fn parse(row: previews::Model) -> Result<Preview, DbError> {
    let id = row.id;
    let bad = |problem: String| DbError::row(TABLE, id, problem);
    let name = |text: &str| Name::parse(text).map_err(|error| bad(error.to_string()));
    let word =
        PreviewWord::from_word(&row.state).ok_or_else(|| bad(format!("unknown state {:?}", row.state)))?;
    let ended = || at(TABLE, id, row.ready_at.unwrap_or(row.wanted_at));
    let why = row.why.unwrap_or_default();
    let state = match word {
        PreviewWord::Wanted => PreviewState::Wanted,
        PreviewWord::Failed => PreviewState::Failed { why, at: ended()? },
        PreviewWord::None => PreviewState::None { why },
        PreviewWord::Ready => PreviewState::Ready {
            hosts: serde_json::from_str(row.facts.as_deref().unwrap_or("[]"))
                .map_err(|error| bad(error.to_string()))?,
            at: ended()?,
        },
    };
    Ok(Preview {
        id,
        application: name(&row.application)?,
        environment: name(&row.environment)?,
        release: row.tag,
        commit: CommitId::parse(&row.commit_id).map_err(|error| bad(error.to_string()))?,
        digest: row.digest,
        state,
        wanted_by: name(&row.wanted_by)?,
        wanted_at: at(TABLE, id, row.wanted_at)?,
    })
}
