//! What each host said when it was last asked, and since when it differs.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "readings")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub application: String,
    pub environment: String,
    pub server: String,
    pub commit_id: Option<String>,
    pub tag: Option<String>,
    pub in_progress: bool,
    pub problem: Option<String>,
    pub at: i64,
    pub unreachable_since: Option<i64>,
    pub differs_since: Option<i64>,
    pub drifted: bool,
}

impl ActiveModelBehavior for ActiveModel {}
