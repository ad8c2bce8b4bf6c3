//! Indexes for those who read the audit trail by person, act or object, and for
//! deliveries that failed.

use sea_orm_migration::prelude::*;

use crate::m0001_release::index;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_watching"
    }
}

const INDEXES: [(&str, &str); 3] =
    [("audit_log_actor", "actor"), ("audit_log_action", "action"), ("audit_log_subject", "subject")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, column) in INDEXES {
            manager.create_index(index(name, "audit_log", &[column, "seq"])).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in INDEXES {
            manager.drop_index(Index::drop().name(name).table(Alias::new("audit_log")).to_owned()).await?;
        }
        Ok(())
    }
}
