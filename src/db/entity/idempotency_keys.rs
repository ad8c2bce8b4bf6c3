//! What was answered to a request that may be sent again; no status: not answered yet.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub person_id: i64,
    pub idempotency_key: String,
    pub route: String,
    pub body_sha256: String,
    pub status: Option<i32>,
    pub location: Option<String>,
    pub sealed_body: Option<Vec<u8>>,
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
