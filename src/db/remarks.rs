//! Questions about a request and their answers, in the order in which they came.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entity::remarks;
use super::{DbError, Source, Tx, at};
use crate::domain::name::Name;
use crate::domain::remark::{Remark, RemarkKind};

const TABLE: &str = "remarks";

/// Gives it its number; the one it has is not looked at.
pub async fn add(tx: &Tx, remark: &Remark) -> Result<i64, DbError> {
    let row = remarks::ActiveModel {
        request_id: Set(remark.request),
        person: Set(remark.person.to_string()),
        kind: Set(remark.kind.word().to_owned()),
        comment: Set(remark.text.clone()),
        at: Set(remark.at.as_millisecond()),
        ..Default::default()
    };
    Ok(remarks::Entity::insert(row).exec(tx.on()).await?.last_insert_id)
}

/// Of these requests, oldest first.
pub async fn list(source: &impl Source, requests: &[i64]) -> Result<Vec<Remark>, DbError> {
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let rows = remarks::Entity::find()
        .filter(remarks::Column::RequestId.is_in(requests.iter().copied()))
        .order_by_asc(remarks::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

fn parse(row: remarks::Model) -> Result<Remark, DbError> {
    let bad = |problem: String| DbError::row(TABLE, row.id, problem);
    Ok(Remark {
        id: row.id,
        request: row.request_id,
        person: Name::parse(&row.person).map_err(|error| bad(error.to_string()))?,
        kind: RemarkKind::from_word(&row.kind).ok_or_else(|| bad(format!("unknown kind {:?}", row.kind)))?,
        at: at(TABLE, row.id, row.at)?,
        text: row.comment,
    })
}
