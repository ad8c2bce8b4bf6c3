//! Server-side sessions; the cookie holds only the secret whose keyed hash is here.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub hash: String,
    pub person_id: i64,
    pub created_at: i64,
    pub seen_at: i64,
    pub expires_at: i64,
    pub ended_at: Option<i64>,
    pub how: Option<String>,
    pub rights: Option<String>,
    pub former_hash: Option<String>,
    pub renewed_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
