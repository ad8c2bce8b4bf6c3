//! The fleet's objects: each is one row with the JSON that the fleet file and the
//! API speak, so that there is one form of it everywhere.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::de::DeserializeOwned;

use super::entity::{fleet_objects, fleet_secrets};
use super::{DbError, Source, Tx};
pub use crate::domain::fleet::Kind;
use crate::domain::fleet::object::Place;
use crate::domain::fleet::{Application, Environment, Fleet, Role};
use crate::domain::name::Name;

const TABLE: &str = "fleet_objects";

/// One row to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub place: Place,
    /// In the list that holds it.
    pub position: i32,
    pub spec: String,
    /// A fleet file gave it.
    pub managed: bool,
}

/// What a row says beside its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub place: Place,
    pub position: i32,
    pub managed: bool,
    /// Counts the changes of the object, secrets included.
    pub version: i64,
}

/// The whole fleet, in the order it was given.
pub async fn load(source: &impl Source) -> Result<Fleet, DbError> {
    let rows = fleet_objects::Entity::find()
        .order_by_asc(fleet_objects::Column::Position)
        .order_by_asc(fleet_objects::Column::Id)
        .all(source.connection())
        .await?;
    let mut fleet = Fleet::default();
    let mut environments: Vec<(String, Environment)> = Vec::new();
    for row in rows {
        let kind = Kind::from_word(&row.kind)
            .ok_or_else(|| DbError::row(TABLE, row.id, format!("unknown kind {:?}", row.kind)))?;
        match kind {
            Kind::Server => fleet.servers.push(spec(&row)?),
            Kind::LoadBalancer => fleet.load_balancers.push(spec(&row)?),
            Kind::Cluster => fleet.clusters.push(spec(&row)?),
            Kind::Calendar => fleet.calendars.push(spec(&row)?),
            Kind::Role => fleet.roles.push(spec(&row)?),
            Kind::Application => fleet.applications.push(spec::<Application>(&row)?),
            Kind::Environment => environments.push((row.parent.clone(), spec(&row)?)),
        }
    }
    for (parent, environment) in environments {
        let application =
            fleet.applications.iter_mut().find(|application| application.name.as_str() == parent);
        let application = application.ok_or_else(|| {
            DbError::row(TABLE, format!("{parent}/{}", environment.name), "its application does not exist")
        })?;
        application.environments.push(environment);
    }
    Ok(fleet)
}

/// Only the roles: what every request needs.
pub async fn load_roles(source: &impl Source) -> Result<Vec<Role>, DbError> {
    let rows = fleet_objects::Entity::find()
        .filter(fleet_objects::Column::Kind.eq(Kind::Role.word()))
        .order_by_asc(fleet_objects::Column::Position)
        .all(source.connection())
        .await?;
    rows.iter().map(spec).collect()
}

/// Every row, without its object.
pub async fn list_standings(source: &impl Source) -> Result<Vec<Standing>, DbError> {
    let rows = fleet_objects::Entity::find()
        .order_by_asc(fleet_objects::Column::Position)
        .order_by_asc(fleet_objects::Column::Id)
        .all(source.connection())
        .await?;
    let standing = |row: fleet_objects::Model| {
        let bad = |problem: String| DbError::row(TABLE, row.id, problem);
        let name = |text: &str| Name::parse(text).map_err(|error| bad(error.to_string()));
        let kind = Kind::from_word(&row.kind).ok_or_else(|| bad(format!("unknown kind {:?}", row.kind)))?;
        let parent = if row.parent.is_empty() { None } else { Some(name(&row.parent)?) };
        let place = Place { kind, parent, name: name(&row.name)? };
        Ok(Standing { place, position: row.position, managed: row.managed, version: row.version })
    };
    rows.into_iter().map(standing).collect()
}

/// Writes an object that is new or has changed.
pub async fn put(tx: &Tx, object: &Object) -> Result<(), DbError> {
    let existing = at(&object.place).one(tx.on()).await?;
    let mut row = fleet_objects::ActiveModel {
        kind: Set(object.place.kind.word().to_owned()),
        parent: Set(parent(&object.place).to_owned()),
        name: Set(object.place.name.to_string()),
        position: Set(object.position),
        spec: Set(object.spec.clone()),
        managed: Set(object.managed),
        ..Default::default()
    };
    if let Some(existing) = existing {
        row.version = Set(existing.version + 1);
        update(tx, existing.id, row).await
    } else {
        row.version = Set(1);
        fleet_objects::Entity::insert(row).exec(tx.on()).await?;
        Ok(())
    }
}

/// Only where it stands among the others, and who manages it: that is no change of
/// the object.
pub async fn set_standing(tx: &Tx, place: &Place, position: i32, managed: bool) -> Result<(), DbError> {
    let Some(existing) = at(place).one(tx.on()).await? else { return Ok(()) };
    let row =
        fleet_objects::ActiveModel { position: Set(position), managed: Set(managed), ..Default::default() };
    update(tx, existing.id, row).await
}

/// Gives an object another name; what names it must be written too.
pub async fn rename(tx: &Tx, place: &Place, new: &Name) -> Result<(), DbError> {
    if let Some(existing) = at(place).one(tx.on()).await? {
        let row = fleet_objects::ActiveModel { name: Set(new.to_string()), ..Default::default() };
        update(tx, existing.id, row).await?;
    }
    if place.kind == Kind::Application {
        let row = fleet_objects::ActiveModel { parent: Set(new.to_string()), ..Default::default() };
        fleet_objects::Entity::update_many()
            .set(row)
            .filter(fleet_objects::Column::Kind.eq(Kind::Environment.word()))
            .filter(fleet_objects::Column::Parent.eq(place.name.as_str()))
            .exec(tx.on())
            .await?;
    }
    Ok(())
}

pub async fn remove(tx: &Tx, place: &Place) -> Result<(), DbError> {
    if let Some(existing) = at(place).one(tx.on()).await? {
        fleet_objects::Entity::delete_by_id(existing.id).exec(tx.on()).await?;
    }
    Ok(())
}

async fn update(tx: &Tx, id: i64, row: fleet_objects::ActiveModel) -> Result<(), DbError> {
    fleet_objects::Entity::update_many()
        .set(row)
        .filter(fleet_objects::Column::Id.eq(id))
        .exec(tx.on())
        .await?;
    Ok(())
}

/// A literal secret of the fleet file, sealed. `bound_to` names what it may be
/// used with: another endpoint or user makes it void (rules.md 40).
pub async fn put_secret(tx: &Tx, place: &str, bound_to: &str, sealed: Vec<u8>) -> Result<(), DbError> {
    fleet_secrets::Entity::delete_by_id(place).exec(tx.on()).await?;
    let row = fleet_secrets::ActiveModel {
        place: Set(place.to_owned()),
        bound_to: Set(bound_to.to_owned()),
        sealed: Set(sealed),
    };
    fleet_secrets::Entity::insert(row).exec_without_returning(tx.on()).await?;
    Ok(())
}

/// (what it is bound to, the sealed secret)
pub async fn find_secret(source: &impl Source, place: &str) -> Result<Option<(String, Vec<u8>)>, DbError> {
    let row = fleet_secrets::Entity::find_by_id(place).one(source.connection()).await?;
    Ok(row.map(|row| (row.bound_to, row.sealed)))
}

/// Forgets every secret whose place `is_gone`.
pub async fn remove_secrets(tx: &Tx, is_gone: impl Fn(&str) -> bool) -> Result<(), DbError> {
    let rows = fleet_secrets::Entity::find().all(tx.on()).await?;
    for row in rows.into_iter().filter(|row| is_gone(&row.place)) {
        fleet_secrets::Entity::delete_by_id(row.place).exec(tx.on()).await?;
    }
    Ok(())
}

fn at(place: &Place) -> sea_orm::Select<fleet_objects::Entity> {
    fleet_objects::Entity::find()
        .filter(fleet_objects::Column::Kind.eq(place.kind.word()))
        .filter(fleet_objects::Column::Parent.eq(parent(place)))
        .filter(fleet_objects::Column::Name.eq(place.name.as_str()))
}

/// The application of an environment; empty elsewhere.
fn parent(place: &Place) -> &str {
    place.parent.as_ref().map(Name::as_str).unwrap_or_default()
}

fn spec<T: DeserializeOwned>(row: &fleet_objects::Model) -> Result<T, DbError> {
    serde_json::from_str(&row.spec)
        .map_err(|error| DbError::row(TABLE, format!("{} {}", row.kind, row.name), error))
}
