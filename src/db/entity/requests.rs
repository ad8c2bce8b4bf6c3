//! Release requests.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "requests")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub identifier: String,
    pub application: String,
    pub environment: String,
    pub tag: String,
    pub commit_id: String,
    pub from_commit: Option<String>,
    pub from_tag: Option<String>,
    pub requester: String,
    pub reason: String,
    pub ticket: String,
    pub rollback: bool,
    pub state: String,
    pub seal: String,
    pub fingerprint: String,
    pub patch_sha256: String,
    pub stat: String,
    pub notes: String,
    pub required: i32,
    pub created_at: i64,
    pub review_until: i64,
    pub accepted_at: Option<i64>,
    pub stands_until: Option<i64>,
    pub ended_at: Option<i64>,
    pub ended_by: Option<String>,
    pub ended_why: Option<String>,
    pub deployment_id: Option<i64>,
    pub open_key: Option<String>,
    pub version: i64,
    pub terms: Option<String>,
    pub authors: Option<String>,
    pub paused_since: Option<i64>,
    pub paused_ms: Option<i64>,
    pub author_mails: Option<String>,
    pub asked_by: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
