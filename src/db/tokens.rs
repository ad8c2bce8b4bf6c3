//! Tokens for programs. The program holds the secret; the table holds its keyed hash.

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait as _, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::entity::tokens;
use super::{DbError, Source, Tx, at, exactly_one};
use crate::domain::fleet::object::Place;
use crate::domain::name::Name;
use crate::domain::permission::TokenScope;

const TABLE: &str = "tokens";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: i64,
    pub person: i64,
    pub name: String,
    pub created_at: Timestamp,
    pub created_by: String,
    /// `None`: it does not run out.
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// `None`: all that its person may do.
    pub scope: Option<TokenScope>,
    /// Came of a sign-in and lasts minutes, not days.
    pub of_sign_in: bool,
    /// The token that it was made with: it lasts no longer, and ends with it.
    pub made_by: Option<i64>,
}

#[derive(Debug)]
pub struct NewToken<'a> {
    pub person: i64,
    pub name: &'a str,
    pub hash: String,
    pub created_by: &'a str,
    pub expires_at: Option<Timestamp>,
    pub scope: Option<&'a TokenScope>,
    pub of_sign_in: bool,
    pub made_by: Option<i64>,
}

/// What a token's owner may change of it.
#[derive(Debug)]
pub struct Change<'a> {
    pub name: &'a str,
    pub expires_at: Option<Timestamp>,
}

const SIGN_IN: &str = "sign_in";

pub async fn insert(tx: &Tx, new: NewToken<'_>, now: Timestamp) -> Result<i64, DbError> {
    let scope = new.scope.map(serde_json::to_string).transpose();
    let row = tokens::ActiveModel {
        person_id: Set(new.person),
        name: Set(new.name.to_owned()),
        hash: Set(new.hash),
        created_at: Set(now.as_millisecond()),
        created_by: Set(new.created_by.to_owned()),
        expires_at: Set(new.expires_at.map(Timestamp::as_millisecond)),
        scope: Set(scope.map_err(|error| DbError::row(TABLE, "scope", error))?),
        kind: Set(new.of_sign_in.then(|| SIGN_IN.to_owned())),
        made_by: Set(new.made_by),
        ..Default::default()
    };
    Ok(tokens::Entity::insert(row).exec(tx.on()).await?.last_insert_id)
}

/// The token with one of these hashes, if it is of use.
pub async fn find_usable(
    source: &impl Source,
    hashes: &[String],
    now: Timestamp,
) -> Result<Option<Token>, DbError> {
    let row = tokens::Entity::find()
        .filter(tokens::Column::Hash.is_in(hashes))
        .filter(usable(now))
        .one(source.connection())
        .await?;
    row.map(parse).transpose()
}

pub async fn find(source: &impl Source, id: i64) -> Result<Option<Token>, DbError> {
    tokens::Entity::find_by_id(id).one(source.connection()).await?.map(parse).transpose()
}

/// Oldest first, those that are over too.
pub async fn list_of(source: &impl Source, person: i64) -> Result<Vec<Token>, DbError> {
    let rows = tokens::Entity::find()
        .filter(tokens::Column::PersonId.eq(person))
        .order_by_asc(tokens::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

/// Everybody's, or one person's, oldest first, above `after`; not those of sign-ins.
pub async fn list(
    source: &impl Source,
    person: Option<i64>,
    after: i64,
    limit: u64,
) -> Result<Vec<Token>, DbError> {
    let mut query = tokens::Entity::find()
        .filter(tokens::Column::Kind.is_null())
        .filter(tokens::Column::Id.gt(after))
        .order_by_asc(tokens::Column::Id)
        .limit(limit);
    if let Some(person) = person {
        query = query.filter(tokens::Column::PersonId.eq(person));
    }
    query.all(source.connection()).await?.into_iter().map(parse).collect()
}

/// One person's, not those of sign-ins: those that are usable at `now` first, and the
/// newest of each.
pub async fn list_newest(
    source: &impl Source,
    person: i64,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Token>, DbError> {
    let is_over = Condition::any()
        .add(tokens::Column::RevokedAt.is_not_null())
        .add(tokens::Column::ExpiresAt.lte(now.as_millisecond()));
    let own = tokens::Entity::find()
        .filter(tokens::Column::PersonId.eq(person))
        .filter(tokens::Column::Kind.is_null())
        .order_by_desc(tokens::Column::Id);
    let mut rows = own.clone().filter(usable(now)).limit(limit).all(source.connection()).await?;
    let room = limit.saturating_sub(rows.len() as u64);
    rows.extend(own.filter(is_over).limit(room).all(source.connection()).await?);
    rows.into_iter().map(parse).collect()
}

/// When a token of each person was last used.
pub async fn last_used(source: &impl Source) -> Result<Vec<(i64, Timestamp)>, DbError> {
    let rows: Vec<(i64, i64)> = tokens::Entity::find()
        .select_only()
        .column(tokens::Column::PersonId)
        .column_as(tokens::Column::LastUsedAt.max(), "used_at")
        .filter(tokens::Column::LastUsedAt.is_not_null())
        .group_by(tokens::Column::PersonId)
        .into_tuple()
        .all(source.connection())
        .await?;
    rows.into_iter().map(|(person, ms)| Ok((person, at(TABLE, person, ms)?))).collect()
}

/// Only while it is what was seen.
pub async fn change(tx: &Tx, seen: &Token, change: Change<'_>) -> Result<(), DbError> {
    let Token { id, .. } = *seen;
    let ends_as_seen = match seen.expires_at {
        Some(end) => tokens::Column::ExpiresAt.eq(end.as_millisecond()),
        None => tokens::Column::ExpiresAt.is_null(),
    };
    let row = tokens::ActiveModel {
        name: Set(change.name.to_owned()),
        expires_at: Set(change.expires_at.map(Timestamp::as_millisecond)),
        ..Default::default()
    };
    let result = tokens::Entity::update_many()
        .set(row)
        .filter(tokens::Column::Id.eq(id))
        .filter(tokens::Column::Name.eq(&seen.name))
        .filter(ends_as_seen)
        .filter(tokens::Column::RevokedAt.is_null())
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the token was changed or revoked meanwhile")?;
    let Some(end) = change.expires_at else { return Ok(()) };
    let later = tokens::Column::ExpiresAt.is_null().or(tokens::Column::ExpiresAt.gt(end.as_millisecond()));
    let made = made_with(tx, vec![id]).await?;
    tokens::Entity::update_many()
        .col_expr(tokens::Column::ExpiresAt, Expr::value(end.as_millisecond()))
        .filter(tokens::Column::Id.is_in(made))
        .filter(later)
        .exec(tx.on())
        .await?;
    Ok(())
}

/// Those of sign-ins that ended before `then` are of no use to anybody.
pub async fn clean(tx: &Tx, then: Timestamp) -> Result<(), DbError> {
    tokens::Entity::delete_many()
        .filter(tokens::Column::Kind.eq(SIGN_IN))
        .filter(tokens::Column::ExpiresAt.lt(then.as_millisecond()))
        .exec(tx.on())
        .await?;
    Ok(())
}

pub async fn touch(tx: &Tx, id: i64, now: Timestamp) -> Result<(), DbError> {
    tokens::Entity::update_many()
        .col_expr(tokens::Column::LastUsedAt, Expr::value(now.as_millisecond()))
        .filter(tokens::Column::Id.eq(id))
        .exec(tx.on())
        .await?;
    Ok(())
}

pub async fn revoke(tx: &Tx, id: i64, now: Timestamp) -> Result<(), DbError> {
    let revoked = revoke_where(tx, tokens::Column::Id.eq(id), now).await?;
    if revoked.contains(&id) { Ok(()) } else { exactly_one(0, "the token was revoked meanwhile") }
}

pub async fn revoke_all_of(tx: &Tx, person: i64, now: Timestamp) -> Result<(), DbError> {
    revoke_where(tx, tokens::Column::PersonId.eq(person), now).await?;
    Ok(())
}

/// What a password or a session elsewhere was exchanged for.
pub async fn revoke_sign_ins_of(tx: &Tx, person: i64, now: Timestamp) -> Result<(), DbError> {
    let those = tokens::Column::PersonId.eq(person).and(tokens::Column::Kind.eq(SIGN_IN));
    revoke_where(tx, those, now).await?;
    Ok(())
}

/// The same but for one of them, that goes on.
pub async fn revoke_other_sign_ins_of(tx: &Tx, person: i64, but: i64, now: Timestamp) -> Result<(), DbError> {
    let those = tokens::Column::PersonId.eq(person).and(tokens::Column::Kind.eq(SIGN_IN));
    revoke_where(tx, those.and(tokens::Column::Id.ne(but)), now).await?;
    Ok(())
}

/// How many of a person's came of a sign-in and still let a program in.
pub async fn count_sign_ins_of(source: &impl Source, person: i64, now: Timestamp) -> Result<u64, DbError> {
    let count = tokens::Entity::find()
        .filter(tokens::Column::PersonId.eq(person))
        .filter(tokens::Column::Kind.eq(SIGN_IN))
        .filter(usable(now))
        .count(source.connection())
        .await?;
    Ok(count)
}

/// What was granted for an application, or for one environment of a single application,
/// goes with its name, as in roles.
pub async fn follow(tx: &Tx, place: &Place, new: &Name) -> Result<(), DbError> {
    let rows = tokens::Entity::find()
        .filter(tokens::Column::Scope.is_not_null())
        .filter(tokens::Column::RevokedAt.is_null())
        .all(tx.on())
        .await?;
    for row in rows {
        let Token { id, scope: Some(scope), .. } = parse(row)? else { continue };
        let renamed = scope.renamed(place.parent.as_ref(), &place.name, new);
        if renamed == scope {
            continue;
        }
        let text = serde_json::to_string(&renamed).map_err(|error| DbError::row(TABLE, id, error))?;
        tokens::Entity::update_many()
            .col_expr(tokens::Column::Scope, Expr::value(text))
            .filter(tokens::Column::Id.eq(id))
            .exec(tx.on())
            .await?;
    }
    Ok(())
}

/// Revokes those, and what was made with them, and with that. Gives the first ones,
/// those that were not revoked before.
async fn revoke_where(tx: &Tx, which: SimpleExpr, now: Timestamp) -> Result<Vec<i64>, DbError> {
    let those: Vec<i64> = tokens::Entity::find()
        .select_only()
        .column(tokens::Column::Id)
        .filter(which)
        .filter(tokens::Column::RevokedAt.is_null())
        .into_tuple()
        .all(tx.on())
        .await?;
    let made = made_with(tx, those.clone()).await?;
    tokens::Entity::update_many()
        .col_expr(tokens::Column::RevokedAt, Expr::value(now.as_millisecond()))
        .filter(tokens::Column::Id.is_in(those.iter().chain(&made).copied()))
        .filter(tokens::Column::RevokedAt.is_null())
        .exec(tx.on())
        .await?;
    Ok(those)
}

/// What was made with these tokens, and with what was made.
async fn made_with(tx: &Tx, makers: Vec<i64>) -> Result<Vec<i64>, DbError> {
    let (mut all, mut makers) = (Vec::new(), makers);
    while !makers.is_empty() {
        makers = tokens::Entity::find()
            .select_only()
            .column(tokens::Column::Id)
            .filter(tokens::Column::MadeBy.is_in(makers))
            .into_tuple()
            .all(tx.on())
            .await?;
        all.extend(&makers);
    }
    Ok(all)
}

/// Neither revoked nor over. One without an end never is.
fn usable(now: Timestamp) -> Condition {
    let lasts = Condition::any()
        .add(tokens::Column::ExpiresAt.is_null())
        .add(tokens::Column::ExpiresAt.gt(now.as_millisecond()));
    Condition::all().add(tokens::Column::RevokedAt.is_null()).add(lasts)
}

fn parse(row: tokens::Model) -> Result<Token, DbError> {
    let scope = row.scope.as_deref().map(serde_json::from_str).transpose();
    let instant = |ms: Option<i64>| ms.map(|ms| at(TABLE, row.id, ms)).transpose();
    Ok(Token {
        id: row.id,
        person: row.person_id,
        created_at: at(TABLE, row.id, row.created_at)?,
        expires_at: instant(row.expires_at)?,
        last_used_at: instant(row.last_used_at)?,
        revoked_at: instant(row.revoked_at)?,
        // A scope that cannot be read is no licence for everything.
        scope: scope.map_err(|error| DbError::row(TABLE, row.id, format!("scope: {error}")))?,
        of_sign_in: row.kind.as_deref() == Some(SIGN_IN),
        name: row.name,
        created_by: row.created_by,
        made_by: row.made_by,
    })
}
