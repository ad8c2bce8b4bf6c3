//! Further identities that an administrator linked to a person.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identities")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub person_id: i64,
    pub provider: String,
    pub subject: String,
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
