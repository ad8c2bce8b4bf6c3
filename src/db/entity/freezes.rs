//! Freezes: planned, current and ended ones.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "freezes")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub application: Option<String>,
    pub environment: Option<String>,
    pub level: String,
    pub reason: String,
    pub author: String,
    pub changed_by: Option<String>,
    pub created_at: i64,
    pub from_at: i64,
    pub until_at: Option<i64>,
    pub lifted_by: Option<String>,
    pub lifted_at: Option<i64>,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}
