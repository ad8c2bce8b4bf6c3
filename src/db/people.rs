//! People, bound at first sight to (provider, subject), and the roles they hold.

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{people, role_members};
use super::{DbError, Source, Tx, at, exactly_one};
use crate::domain::name::Name;
use crate::domain::person::{GITHUB, Identity, MemberKind, Person, RoleMember};

const TABLE: &str = "people";

/// What is read of a person at login and before a decision.
#[derive(Debug, Clone)]
pub struct Seen {
    pub display: String,
    pub mail: Option<String>,
    pub github_token: Vec<u8>,
    pub teams: Vec<String>,
    pub member: bool,
    pub at: Timestamp,
}

/// What GitHub says of somebody.
#[derive(Debug, Clone, Copy)]
pub enum Membership<'a> {
    Is {
        teams: &'a [String],
        member: bool,
    },
    /// The token no longer opens anything.
    Lost,
}

pub async fn find(source: &impl Source, id: i64) -> Result<Option<Person>, DbError> {
    people::Entity::find_by_id(id).one(source.connection()).await?.map(parse).transpose()
}

pub async fn find_by_name(source: &impl Source, name: &Name) -> Result<Option<Person>, DbError> {
    let row = people::Entity::find()
        .filter(people::Column::Name.eq(name.as_str()))
        .one(source.connection())
        .await?;
    row.map(parse).transpose()
}

pub async fn find_by_external_id(source: &impl Source, id: &str) -> Result<Option<Person>, DbError> {
    let row =
        people::Entity::find().filter(people::Column::ExternalId.eq(id)).one(source.connection()).await?;
    row.map(parse).transpose()
}

/// In the order of their names, from above `after`; `words` stand in a name or what
/// the person is called.
pub async fn list(
    source: &impl Source,
    words: &str,
    after: Option<&Name>,
    limit: u64,
) -> Result<Vec<Person>, DbError> {
    let mut query = people::Entity::find().order_by_asc(people::Column::Name).limit(limit);
    if !words.is_empty() {
        let either = Condition::any()
            .add(people::Column::Name.contains(words))
            .add(people::Column::Display.contains(words));
        query = query.filter(either);
    }
    if let Some(after) = after {
        query = query.filter(people::Column::Name.gt(after.as_str()));
    }
    query.all(source.connection()).await?.into_iter().map(parse).collect()
}

/// Those whose membership GitHub was last asked for before `then`, oldest first. Who
/// is disabled or has no token to ask with is not asked for.
pub async fn list_stale(source: &impl Source, then: Timestamp, limit: u64) -> Result<Vec<Person>, DbError> {
    let rows = people::Entity::find()
        .filter(people::Column::Provider.eq(GITHUB))
        .filter(people::Column::GithubToken.is_not_null())
        .filter(people::Column::DisabledAt.is_null())
        .filter(people::Column::MembershipAt.lt(then.as_millisecond()))
        .order_by_asc(people::Column::MembershipAt)
        .limit(limit)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

/// A PHC string, for who has a password here.
pub async fn password_hash(source: &impl Source, id: i64) -> Result<Option<String>, DbError> {
    let row = people::Entity::find_by_id(id).one(source.connection()).await?;
    Ok(row.and_then(|row| row.password_hash))
}

/// The next version; a conflict where it is not `expected` any more.
pub async fn next_version(tx: &Tx, id: i64, expected: i64) -> Result<(), DbError> {
    let result = people::Entity::update_many()
        .col_expr(people::Column::Version, Expr::col(people::Column::Version).add(1))
        .filter(people::Column::Id.eq(id))
        .filter(people::Column::Version.eq(expected))
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the person was changed meanwhile")
}

pub async fn set_display(tx: &Tx, id: i64, display: &str) -> Result<(), DbError> {
    let row = people::ActiveModel { display: Set(display.to_owned()), ..Default::default() };
    update(tx, id, row).await
}

/// An address that an administrator vouches for.
pub async fn set_given_mail(tx: &Tx, id: i64, mail: Option<&str>) -> Result<(), DbError> {
    let row = people::ActiveModel { given_mail: Set(mail.map(str::to_owned)), ..Default::default() };
    update(tx, id, row).await
}

/// The identity in the first place gives way to another of the same person. What the
/// former said of them goes with it.
pub async fn change_identity(tx: &Tx, id: i64, identity: &Identity) -> Result<(), DbError> {
    let row = people::ActiveModel {
        provider: Set(Some(identity.provider.clone())),
        subject: Set(Some(identity.subject.clone())),
        mail: Set(None),
        github_token: Set(None),
        teams: Set("[]".to_owned()),
        member: Set(false),
        membership_at: Set(0),
        password_hash: Set(None),
        ..Default::default()
    };
    update(tx, id, row).await
}

pub async fn set_external_id(tx: &Tx, id: i64, external: Option<&str>) -> Result<(), DbError> {
    let row = people::ActiveModel { external_id: Set(external.map(str::to_owned)), ..Default::default() };
    update(tx, id, row).await
}

pub async fn insert(
    tx: &Tx,
    name: &Name,
    identity: Option<&Identity>,
    now: Timestamp,
) -> Result<i64, DbError> {
    let row = people::ActiveModel {
        name: Set(name.to_string()),
        provider: Set(identity.map(|identity| identity.provider.clone())),
        subject: Set(identity.map(|identity| identity.subject.clone())),
        display: Set(name.to_string()),
        teams: Set("[]".to_owned()),
        member: Set(false),
        membership_at: Set(0),
        created_at: Set(now.as_millisecond()),
        version: Set(0),
        ..Default::default()
    };
    Ok(people::Entity::insert(row).exec(tx.on()).await?.last_insert_id)
}

/// Binds a name that nobody was bound to yet.
pub async fn bind(tx: &Tx, id: i64, identity: &Identity) -> Result<(), DbError> {
    let row = people::ActiveModel {
        provider: Set(Some(identity.provider.clone())),
        subject: Set(Some(identity.subject.clone())),
        ..Default::default()
    };
    let result = people::Entity::update_many()
        .set(row)
        .filter(people::Column::Id.eq(id))
        .filter(people::Column::Subject.is_null())
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the name was bound meanwhile")
}

pub async fn seen(tx: &Tx, id: i64, seen: &Seen) -> Result<(), DbError> {
    let row = people::ActiveModel {
        display: Set(seen.display.clone()),
        mail: Set(seen.mail.clone()),
        github_token: Set(Some(seen.github_token.clone())),
        ..membership_columns(&seen.teams, seen.member, seen.at)?
    };
    update(tx, id, row).await
}

/// What GitHub answered, if the person still has the token that it was asked with, as
/// it is sealed: an answer to an older one says nothing of who has signed in since.
/// False where somebody was faster. Who is no member any more loses the token.
pub async fn set_membership(
    tx: &Tx,
    id: i64,
    asked_with: Option<&[u8]>,
    answer: Membership<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let row = match answer {
        Membership::Is { teams, member } => membership_columns(teams, member, now)?,
        Membership::Lost => {
            people::ActiveModel { github_token: Set(None), ..membership_columns(&[], false, now)? }
        }
    };
    let same = match asked_with {
        Some(sealed) => people::Column::GithubToken.eq(sealed.to_vec()),
        None => people::Column::GithubToken.is_null(),
    };
    let result = people::Entity::update_many()
        .set(row)
        .filter(people::Column::Id.eq(id))
        .filter(same)
        .exec(tx.on())
        .await?;
    Ok(result.rows_affected == 1)
}

/// `hash` is a PHC string.
pub async fn set_password_hash(tx: &Tx, id: i64, hash: &str) -> Result<(), DbError> {
    let row = people::ActiveModel { password_hash: Set(Some(hash.to_owned())), ..Default::default() };
    update(tx, id, row).await
}

/// Everybody who has an address and is not disabled.
pub async fn list_with_mail(source: &impl Source) -> Result<Vec<Person>, DbError> {
    let rows = people::Entity::find()
        .filter(has_mail())
        .filter(people::Column::DisabledAt.is_null())
        .order_by_asc(people::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

/// Disabled people stay in the record; their sessions end with the same act.
pub async fn set_disabled(tx: &Tx, id: i64, at: Option<Timestamp>) -> Result<(), DbError> {
    update(
        tx,
        id,
        people::ActiveModel { disabled_at: Set(at.map(Timestamp::as_millisecond)), ..Default::default() },
    )
    .await
}

/// Everybody with a verified address, and that address.
pub async fn list_mails(source: &impl Source) -> Result<Vec<(Name, String)>, DbError> {
    let rows: Vec<(String, Option<String>, Option<String>)> = people::Entity::find()
        .select_only()
        .column(people::Column::Name)
        .column(people::Column::Mail)
        .column(people::Column::GivenMail)
        .filter(has_mail())
        .into_tuple()
        .all(source.connection())
        .await?;
    let name = |text: &str| Name::parse(text).map_err(|error| DbError::row(TABLE, text, error));
    let mail = |verified: Option<String>, given: Option<String>| verified.or(given).unwrap_or_default();
    rows.into_iter().map(|(person, verified, given)| Ok((name(&person)?, mail(verified, given)))).collect()
}

fn has_mail() -> Condition {
    Condition::any().add(people::Column::Mail.is_not_null()).add(people::Column::GivenMail.is_not_null())
}

/// Every membership that could be this person's: by any way their name is
/// written, and by their teams.
pub async fn list_memberships(source: &impl Source, person: &Person) -> Result<Vec<RoleMember>, DbError> {
    let users: Vec<String> = person.written_names();
    let mut any = Condition::any().add(
        Condition::all()
            .add(role_members::Column::Kind.eq(MemberKind::User.word()))
            .add(role_members::Column::Member.is_in(users)),
    );
    if person.member && !person.teams.is_empty() {
        any = any.add(
            Condition::all()
                .add(role_members::Column::Kind.eq(MemberKind::Team.word()))
                .add(role_members::Column::Member.is_in(&person.teams)),
        );
    }
    let rows = role_members::Entity::find()
        .filter(any)
        .order_by_asc(role_members::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse_member).collect()
}

pub async fn list_all_members(source: &impl Source) -> Result<Vec<RoleMember>, DbError> {
    let rows =
        role_members::Entity::find().order_by_asc(role_members::Column::Id).all(source.connection()).await?;
    rows.into_iter().map(parse_member).collect()
}

pub async fn add_member(tx: &Tx, member: &RoleMember) -> Result<(), DbError> {
    let row = role_members::ActiveModel {
        role: Set(member.role.to_string()),
        kind: Set(member.kind.word().to_owned()),
        member: Set(member.member.clone()),
        source: Set(member.source.clone()),
        ..Default::default()
    };
    role_members::Entity::insert(row).exec(tx.on()).await?;
    raise(tx, member).await
}

/// Another version of each person whom a membership concerns: who edits them from what
/// they held before is told.
async fn raise(tx: &Tx, member: &RoleMember) -> Result<(), DbError> {
    let whom = match member.kind {
        // Whoever it names, by whatever provider.
        MemberKind::User => people::Column::Name.eq(member.member.rsplit(':').next().unwrap_or_default()),
        MemberKind::Team => people::Column::Teams.contains(format!("\"{}\"", member.member)),
    };
    people::Entity::update_many()
        .col_expr(people::Column::Version, Expr::col(people::Column::Version).add(1))
        .filter(whom)
        .exec(tx.on())
        .await?;
    Ok(())
}

pub async fn remove_member(tx: &Tx, member: &RoleMember) -> Result<(), DbError> {
    role_members::Entity::delete_many()
        .filter(role_members::Column::Role.eq(member.role.as_str()))
        .filter(role_members::Column::Kind.eq(member.kind.word()))
        .filter(role_members::Column::Member.eq(member.member.as_str()))
        .filter(role_members::Column::Source.eq(member.source.as_str()))
        .exec(tx.on())
        .await?;
    raise(tx, member).await
}

/// Everybody's, whoever gave it.
pub async fn remove_members_of(tx: &Tx, role: &Name) -> Result<(), DbError> {
    for member in list_all_members(tx).await?.iter().filter(|member| member.role == *role) {
        raise(tx, member).await?;
    }
    role_members::Entity::delete_many()
        .filter(role_members::Column::Role.eq(role.as_str()))
        .exec(tx.on())
        .await?;
    Ok(())
}

async fn update(tx: &Tx, id: i64, row: people::ActiveModel) -> Result<(), DbError> {
    let result =
        people::Entity::update_many().set(row).filter(people::Column::Id.eq(id)).exec(tx.on()).await?;
    exactly_one(result.rows_affected, "the person is gone")
}

fn membership_columns(
    teams: &[String],
    member: bool,
    now: Timestamp,
) -> Result<people::ActiveModel, DbError> {
    Ok(people::ActiveModel {
        teams: Set(serde_json::to_string(teams).map_err(|error| DbError::row(TABLE, "teams", error))?),
        member: Set(member),
        membership_at: Set(now.as_millisecond()),
        ..Default::default()
    })
}

pub(in crate::db) fn parse(row: people::Model) -> Result<Person, DbError> {
    let bad = |problem: String| DbError::row(TABLE, row.id, problem);
    let identity = match (&row.provider, &row.subject) {
        (Some(provider), Some(subject)) => {
            Some(Identity { provider: provider.clone(), subject: subject.clone() })
        }
        _ => None,
    };
    Ok(Person {
        id: row.id,
        name: Name::parse(&row.name).map_err(|error| bad(error.to_string()))?,
        identity,
        display: row.display.clone(),
        mail: row.mail.clone().or_else(|| row.given_mail.clone()),
        given_mail: row.given_mail.clone(),
        github_token: row.github_token.clone(),
        teams: serde_json::from_str(&row.teams).map_err(|error| bad(format!("teams: {error}")))?,
        member: row.member,
        membership_at: at(TABLE, row.id, row.membership_at)?,
        disabled: row.disabled_at.is_some(),
        external_id: row.external_id.clone(),
        has_password: row.password_hash.is_some(),
        created_at: at(TABLE, row.id, row.created_at)?,
        version: row.version,
    })
}

fn parse_member(row: role_members::Model) -> Result<RoleMember, DbError> {
    let bad = |problem: String| DbError::row("role_members", row.id, problem);
    Ok(RoleMember {
        role: Name::parse(&row.role).map_err(|error| bad(error.to_string()))?,
        kind: MemberKind::from_word(&row.kind).ok_or_else(|| bad(format!("unknown kind {:?}", row.kind)))?,
        member: row.member.clone(),
        source: row.source.clone(),
    })
}
