//! The journal: compressed runs of events, read by sequence number.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "journal_chunks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub deployment_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub first_seq: i64,
    pub last_seq: i64,
    pub data: Vec<u8>,
    /// The events that are not output; null in rows of an older schema.
    pub outline: Option<Vec<u8>>,
    /// How many events are output.
    pub lines: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
