//! Who changed a freeze last: not always who set it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_len_null;

use crate::m0001_release::{KEY, add_columns, drop_columns};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0014_freezes"
    }
}

fn new_columns() -> Vec<(&'static str, ColumnDef)> {
    vec![("freezes", string_len_null("changed_by", KEY))]
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
