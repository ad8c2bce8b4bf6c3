//! What the digests of seals were made of. Requests for the same hosts or the same
//! configuration share a row.

use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::Value;

use super::entity::recipes;
use super::{DbError, Source, Tx};

const TABLE: &str = "recipes";

pub async fn put(tx: &Tx, sha256: &str, recipe: &Value) -> Result<(), DbError> {
    if recipes::Entity::find_by_id(sha256).one(tx.on()).await?.is_some() {
        return Ok(());
    }
    let text = recipe.to_string();
    let data = zstd::encode_all(text.as_bytes(), 3).map_err(|error| DbError::row(TABLE, sha256, error))?;
    let row = recipes::ActiveModel { sha256: Set(sha256.to_owned()), data: Set(data) };
    recipes::Entity::insert(row).exec_without_returning(tx.on()).await?;
    Ok(())
}

/// `None` for requests that are older than recipes.
pub async fn find(source: &impl Source, sha256: &str) -> Result<Option<Value>, DbError> {
    let Some(row) = recipes::Entity::find_by_id(sha256).one(source.connection()).await? else {
        return Ok(None);
    };
    let bad = |problem: String| DbError::row(TABLE, sha256, problem);
    let text = zstd::decode_all(row.data.as_slice()).map_err(|error| bad(error.to_string()))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| bad(error.to_string()))
}
