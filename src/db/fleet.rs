//! The fleet's objects: each is one row with the JSON that the fleet file and the
//! API speak, so that there is one form of it everywhere.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::de::DeserializeOwned;

use super::entity::{fleet_objects, fleet_secrets};
use super::{DbError, Source, Tx};
use crate::domain::fleet::{Application, Environment, Fleet, Role};
use crate::domain::name::Name;

const TABLE: &str = "fleet_objects";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Server,
    LoadBalancer,
    Cluster,
    Calendar,
    Role,
    Application,
    Environment,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Server => "server",
            Kind::LoadBalancer => "load_balancer",
            Kind::Cluster => "cluster",
            Kind::Calendar => "calendar",
            Kind::Role => "role",
            Kind::Application => "application",
            Kind::Environment => "environment",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        const ALL: [Kind; 7] = [
            Kind::Server,
            Kind::LoadBalancer,
            Kind::Cluster,
            Kind::Calendar,
            Kind::Role,
            Kind::Application,
            Kind::Environment,
        ];
        ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One row to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub kind: Kind,
    /// The application of an environment; empty elsewhere.
    pub parent: String,
    pub name: Name,
    pub position: i32,
    pub spec: String,
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

pub async fn put(tx: &Tx, object: &Object) -> Result<(), DbError> {
    let existing = at(object.kind, &object.parent, &object.name).one(tx.on()).await?;
    let mut row = fleet_objects::ActiveModel {
        kind: Set(object.kind.word().to_owned()),
        parent: Set(object.parent.clone()),
        name: Set(object.name.to_string()),
        position: Set(object.position),
        spec: Set(object.spec.clone()),
        managed: Set(true),
        ..Default::default()
    };
    if let Some(existing) = existing {
        row.version = Set(existing.version + 1);
        fleet_objects::Entity::update_many()
            .set(row)
            .filter(fleet_objects::Column::Id.eq(existing.id))
            .exec(tx.on())
            .await?;
    } else {
        row.version = Set(1);
        fleet_objects::Entity::insert(row).exec(tx.on()).await?;
    }
    Ok(())
}

/// Gives an object another name; what names it must be written too.
pub async fn rename(tx: &Tx, kind: Kind, parent: &str, old: &Name, new: &Name) -> Result<(), DbError> {
    if let Some(existing) = at(kind, parent, old).one(tx.on()).await? {
        let row = fleet_objects::ActiveModel { name: Set(new.to_string()), ..Default::default() };
        fleet_objects::Entity::update_many()
            .set(row)
            .filter(fleet_objects::Column::Id.eq(existing.id))
            .exec(tx.on())
            .await?;
    }
    match kind {
        Kind::Application => super::freezes::rename(tx, None, old, new).await?,
        Kind::Environment => super::freezes::rename(tx, Some(parent), old, new).await?,
        _ => {}
    }
    if kind == Kind::Application {
        let row = fleet_objects::ActiveModel { parent: Set(new.to_string()), ..Default::default() };
        fleet_objects::Entity::update_many()
            .set(row)
            .filter(fleet_objects::Column::Parent.eq(old.as_str()))
            .exec(tx.on())
            .await?;
    }
    Ok(())
}

pub async fn remove(tx: &Tx, kind: Kind, parent: &str, name: &Name) -> Result<(), DbError> {
    if let Some(existing) = at(kind, parent, name).one(tx.on()).await? {
        fleet_objects::Entity::delete_by_id(existing.id).exec(tx.on()).await?;
    }
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

fn at(kind: Kind, parent: &str, name: &Name) -> sea_orm::Select<fleet_objects::Entity> {
    fleet_objects::Entity::find()
        .filter(fleet_objects::Column::Kind.eq(kind.word()))
        .filter(fleet_objects::Column::Parent.eq(parent))
        .filter(fleet_objects::Column::Name.eq(name.as_str()))
}

fn spec<T: DeserializeOwned>(row: &fleet_objects::Model) -> Result<T, DbError> {
    serde_json::from_str(&row.spec)
        .map_err(|error| DbError::row(TABLE, format!("{} {}", row.kind, row.name), error))
}
