//! Review and launch links: only a keyed hash, kept as a tombstone when spent.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "links")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub purpose: String,
    pub hash: String,
    pub request_id: i64,
    pub person: Option<String>,
    pub created_at: i64,
    pub starts_at: i64,
    pub expires_at: i64,
    pub used_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub deployment_id: Option<i64>,
    pub revoked_by: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
