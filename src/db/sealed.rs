//! Every column that holds values sealed with `enc_key`, for the day on which that
//! key is rotated. A value is replaced only where it is still the one that was
//! read: its own room, or another process, may have written meanwhile.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value};

use super::entity::{fleet_secrets, outbox, people};
use super::{DbError, Source, Tx};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    FleetSecret,
    GitHubToken,
    OutboxLink,
}

impl Place {
    pub const ALL: [Place; 3] = [Place::FleetSecret, Place::GitHubToken, Place::OutboxLink];
}

/// One sealed value; `key` is the primary key of its row.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub key: Value,
    pub bytes: Vec<u8>,
}

/// In the order of the primary key, from above `after`.
pub async fn list(
    source: &impl Source,
    place: Place,
    after: Option<&Value>,
    limit: u64,
) -> Result<Vec<Sealed>, DbError> {
    macro_rules! page {
        ($entity:ident, $key:ident, $bytes:ident, $row:ident) => {{
            let mut query = $entity::Entity::find()
                .select_only()
                .column($entity::Column::$key)
                .column($entity::Column::$bytes)
                .filter($entity::Column::$bytes.is_not_null())
                .order_by_asc($entity::Column::$key)
                .limit(limit);
            if let Some(after) = after {
                query = query.filter(Expr::col($entity::Column::$key).gt(after.clone()));
            }
            let rows: Vec<($row, Vec<u8>)> = query.into_tuple().all(source.connection()).await?;
            rows.into_iter().map(|(key, bytes)| Sealed { key: key.into(), bytes }).collect()
        }};
    }
    Ok(match place {
        Place::FleetSecret => page!(fleet_secrets, Place, Sealed, String),
        Place::GitHubToken => page!(people, Id, GithubToken, i64),
        Place::OutboxLink => page!(outbox, Id, Sealed, i64),
    })
}

/// False when the value is another by now, or gone.
pub async fn replace(tx: &Tx, place: Place, old: &Sealed, new: Vec<u8>) -> Result<bool, DbError> {
    macro_rules! update {
        ($entity:ident, $key:ident, $bytes:ident) => {
            $entity::Entity::update_many()
                .col_expr($entity::Column::$bytes, Expr::value(new))
                .filter(Expr::col($entity::Column::$key).eq(old.key.clone()))
                .filter($entity::Column::$bytes.eq(old.bytes.clone()))
                .exec(tx.on())
                .await?
        };
    }
    let result = match place {
        Place::FleetSecret => update!(fleet_secrets, Place, Sealed),
        Place::GitHubToken => update!(people, Id, GithubToken),
        Place::OutboxLink => update!(outbox, Id, Sealed),
    };
    Ok(result.rows_affected == 1)
}
