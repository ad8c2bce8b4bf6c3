//! The end of the chain: one row, taken by every writer in turn.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_head")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    pub count: i64,
    pub mac: String,
}

impl ActiveModelBehavior for ActiveModel {}
