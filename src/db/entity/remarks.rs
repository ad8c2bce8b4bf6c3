//! Questions about a request, and the answers.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "remarks")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub request_id: i64,
    pub person: String,
    pub kind: String,
    pub comment: String,
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
