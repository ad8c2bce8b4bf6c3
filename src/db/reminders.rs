//! Which reminders were sent. The row is written with the mail, and its key lets
//! nobody send it again, whatever restarts in between.

use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::entity::reminders;
use super::{DbError, Source, Tx};

/// Those of these names that were sent.
pub async fn list(source: &impl Source, names: &[String]) -> Result<Vec<String>, DbError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let rows = reminders::Entity::find()
        .filter(reminders::Column::Name.is_in(names))
        .all(source.connection())
        .await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// False when somebody else was faster.
pub async fn claim(tx: &Tx, name: &str, now: Timestamp) -> Result<bool, DbError> {
    if reminders::Entity::find_by_id(name).one(tx.on()).await?.is_some() {
        return Ok(false);
    }
    let row = reminders::ActiveModel { name: Set(name.to_owned()), at: Set(now.as_millisecond()) };
    match reminders::Entity::insert(row).exec_without_returning(tx.on()).await.map_err(DbError::from) {
        Err(error) if error.is_taken() => Ok(false),
        other => other.map(|_| true),
    }
}
