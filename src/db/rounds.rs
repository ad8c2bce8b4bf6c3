//! Periodic work, claimed by one conditional row, so that of several instances one
//! does it. Nothing is held: a round that is cut off is begun again after its time.

use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::entity::rounds;
use super::{DbError, Tx};

/// Work that is done from time to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    Drift,
    Cleaning,
    /// Overrides that nobody signed are said again.
    Overrides,
}

impl Round {
    fn word(self) -> &'static str {
        match self {
            Round::Drift => "drift",
            Round::Cleaning => "cleaning",
            Round::Overrides => "overrides",
        }
    }
}

/// Whether it is due and now ours. The first time that it is asked for only starts
/// the clock, so that a new installation does not begin with it.
pub async fn claim(tx: &Tx, round: Round, every: SignedDuration, now: Timestamp) -> Result<bool, DbError> {
    let due = (now - every).as_millisecond();
    let claimed = rounds::Entity::update_many()
        .col_expr(rounds::Column::At, Expr::value(now.as_millisecond()))
        .filter(rounds::Column::Name.eq(round.word()))
        .filter(rounds::Column::At.lte(due))
        .exec(tx.on())
        .await?;
    if claimed.rows_affected > 0 {
        return Ok(true);
    }
    if rounds::Entity::find_by_id(round.word()).one(tx.on()).await?.is_none() {
        let row = rounds::ActiveModel { name: Set(round.word().to_owned()), at: Set(now.as_millisecond()) };
        rounds::Entity::insert(row).exec_without_returning(tx.on()).await?;
    }
    Ok(false)
}
