//! Who holds a role, and whether the fleet file or a command said so.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "role_members")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub role: String,
    pub kind: String,
    pub member: String,
    pub source: String,
}

impl ActiveModelBehavior for ActiveModel {}
