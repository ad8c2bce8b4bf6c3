//! Decisions, each bound to the fingerprint it was made on.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "decisions")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub request_id: i64,
    pub person: String,
    pub kind: String,
    pub comment: String,
    pub fingerprint: String,
    pub own_request: bool,
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
