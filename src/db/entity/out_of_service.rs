//! Servers that a deployment took out of service and that are not known to be back.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "out_of_service")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub balancer: String,
    pub backend: String,
    pub backend_server: String,
    pub server: String,
    pub application: String,
    pub environment: String,
    pub deployment_id: i64,
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
