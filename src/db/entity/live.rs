//! What each server runs, by the record.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "live")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub application: String,
    pub environment: String,
    pub server: String,
    pub commit_id: Option<String>,
    pub tag: Option<String>,
    pub state: String,
    pub deployment_id: Option<i64>,
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
