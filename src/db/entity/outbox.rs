//! Effects that left a transaction and have yet to happen.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub kind: String,
    pub facts: String,
    pub sealed: Option<Vec<u8>>,
    pub state: String,
    pub attempts: i32,
    pub next_at: i64,
    pub error: Option<String>,
    pub created_at: i64,
    pub ended_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
