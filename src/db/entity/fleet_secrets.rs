//! Secrets given as literals in the fleet file, sealed.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "fleet_secrets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: String,
    pub bound_to: String,
    pub sealed: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
