//! Who really cancelled a run or let it go on, when that was done in another's name.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_len_null;

use crate::m0001_release::{KEY, add_columns, drop_columns};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_steering"
    }
}

fn new_columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("deployments", string_len_null("cancel_acting", KEY)),
        ("deployments", string_len_null("continue_acting", KEY)),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, new_columns()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_columns(manager, new_columns()).await
    }
}
