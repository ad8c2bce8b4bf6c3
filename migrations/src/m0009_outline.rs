//! What happened in a chunk of a journal, beside its output: a reader who wants to
//! know how far a run is does not unpack a million lines for it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;

use crate::m0001_release::long_blob_null;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_outline"
    }
}

fn chunks() -> TableAlterStatement {
    Table::alter().table(Alias::new("journal_chunks")).take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null in chunks that were written before: those are unpacked.
        for mut column in [long_blob_null("outline"), big_integer_null("lines")] {
            manager.alter_table(chunks().add_column(&mut column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["lines", "outline"] {
            manager.alter_table(chunks().drop_column(Alias::new(name)).take()).await?;
        }
        Ok(())
    }
}
