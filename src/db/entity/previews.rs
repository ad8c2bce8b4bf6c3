//! What a sync would change, as asked for and as found.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "previews")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub application: String,
    pub environment: String,
    pub commit_id: String,
    pub tag: String,
    pub digest: String,
    pub state: String,
    pub why: Option<String>,
    pub facts: Option<String>,
    pub wanted_by: String,
    pub wanted_at: i64,
    pub claimed_at: Option<i64>,
    pub ready_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
