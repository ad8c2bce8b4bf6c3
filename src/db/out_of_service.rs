//! What was taken out of service for a deployment (rules.md 20): written before a
//! server is drained, gone when it is known to serve again.

use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entity::out_of_service;
use super::{DbError, Source, Tx, at};
use crate::domain::balancer::{Member, ProxyName};
use crate::domain::deployment::Deployment;
use crate::domain::name::Name;

const TABLE: &str = "out_of_service";

/// A server that stands out of service, for whom and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOut {
    pub id: i64,
    pub member: Member,
    pub application: Name,
    pub environment: Name,
    pub deployment: i64,
    pub at: Timestamp,
}

pub async fn put(tx: &Tx, deployment: &Deployment, member: &Member, now: Timestamp) -> Result<(), DbError> {
    remove(tx, member).await?;
    let row = out_of_service::ActiveModel {
        balancer: Set(member.balancer.to_string()),
        backend: Set(member.backend.to_string()),
        backend_server: Set(member.backend_server.to_string()),
        server: Set(member.server.to_string()),
        application: Set(deployment.application.to_string()),
        environment: Set(deployment.environment.to_string()),
        deployment_id: Set(deployment.id),
        at: Set(now.as_millisecond()),
        ..Default::default()
    };
    out_of_service::Entity::insert(row).exec(tx.on()).await?;
    Ok(())
}

pub async fn remove(tx: &Tx, member: &Member) -> Result<(), DbError> {
    out_of_service::Entity::delete_many()
        .filter(out_of_service::Column::Balancer.eq(member.balancer.as_str()))
        .filter(out_of_service::Column::Backend.eq(member.backend.as_str()))
        .filter(out_of_service::Column::BackendServer.eq(member.backend_server.as_str()))
        .exec(tx.on())
        .await?;
    Ok(())
}

pub async fn find(source: &impl Source, id: i64) -> Result<Option<TakenOut>, DbError> {
    let row = out_of_service::Entity::find_by_id(id).one(source.connection()).await?;
    row.map(parse).transpose()
}

/// Longest out first.
pub async fn list(source: &impl Source) -> Result<Vec<TakenOut>, DbError> {
    let rows = out_of_service::Entity::find()
        .order_by_asc(out_of_service::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

fn parse(row: out_of_service::Model) -> Result<TakenOut, DbError> {
    let id = row.id;
    let name = |text: &str| Name::parse(text).map_err(|error| DbError::row(TABLE, id, error));
    let proxy = |text: &str| ProxyName::parse(text).map_err(|error| DbError::row(TABLE, id, error));
    Ok(TakenOut {
        id,
        application: name(&row.application)?,
        environment: name(&row.environment)?,
        deployment: row.deployment_id,
        at: at(TABLE, id, row.at)?,
        member: Member {
            balancer: name(&row.balancer)?,
            server: name(&row.server)?,
            backend: proxy(&row.backend)?,
            backend_server: proxy(&row.backend_server)?,
        },
    })
}
