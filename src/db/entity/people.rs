//! Person rows: one unique name, bound at first sight to (provider, subject).

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "people")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub name: String,
    pub provider: Option<String>,
    pub subject: Option<String>,
    pub reserved_for: Option<String>,
    pub display: String,
    pub mail: Option<String>,
    pub github_token: Option<Vec<u8>>,
    pub teams: String,
    pub member: bool,
    pub membership_at: i64,
    pub disabled_at: Option<i64>,
    pub created_at: i64,
    pub password_hash: Option<String>,
    pub external_id: Option<String>,
    pub version: i64,
    pub given_mail: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
