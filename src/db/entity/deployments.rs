//! Deployments, with the lease of the runner that has them.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deployments")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub application: String,
    pub environment: String,
    pub tag: String,
    pub commit_id: String,
    pub from_commit: Option<String>,
    pub from_tag: Option<String>,
    pub state: String,
    pub why: Option<String>,
    pub request_id: Option<i64>,
    pub requested_by: String,
    pub started_by: String,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub plan: Option<String>,
    pub active_key: Option<String>,
    pub lease_owner: Option<String>,
    pub lease_until: Option<i64>,
    pub fence: i64,
    pub cancelled_by: Option<String>,
    pub scope: Option<String>,
    pub retry_of: Option<i64>,
    pub covered_by: Option<i64>,
    pub direction: Option<String>,
    pub deletes_acknowledged: bool,
    pub cancel_when: Option<String>,
    pub continued_by: Option<String>,
    pub overridden: bool,
    pub bounds: Option<String>,
    pub acted_by: Option<String>,
    pub place_removed: bool,
    pub cancel_acting: Option<String>,
    pub continue_acting: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
