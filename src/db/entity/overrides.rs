//! Deployments that were started by break-glass.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "overrides")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub deployment_id: i64,
    pub who: String,
    pub reason: String,
    pub at: i64,
    pub signed_by: Option<String>,
    pub signed_at: Option<i64>,
    pub comment: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
