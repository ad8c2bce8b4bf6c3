//! Who approves what: the terms a request was made and accepted under, the authors of
//! its commits, what its seal's digests were made of, questions and answers with the
//! clock they stop, who revoked a link, and which reminders were sent.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, string_len, string_len_null, text, text_null,
};

use crate::m0001_release::{KEY, WORD, add_columns, drop_columns, index, long_blob, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_approval"
    }
}

fn new_columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        // JSON; null in requests that are older than this.
        ("requests", text_null("terms")),
        ("requests", text_null("authors")),
        ("requests", big_integer_null("paused_since")),
        ("requests", big_integer_null("paused_ms")),
        ("links", string_len_null("revoked_by", 64)),
    ]
}

fn remarks() -> TableCreateStatement {
    table("remarks")
        .col(big_pk_auto("id"))
        .col(big_integer("request_id"))
        .col(string_len("person", 64))
        .col(string_len("kind", WORD))
        .col(text("comment"))
        .col(big_integer("at"))
        .foreign_key(
            ForeignKey::create()
                .from(Alias::new("remarks"), Alias::new("request_id"))
                .to(Alias::new("requests"), Alias::new("id")),
        )
        .take()
}

/// By digest, so that requests for the same hosts share one row.
fn recipes() -> TableCreateStatement {
    table("recipes").col(string_len("sha256", 64).primary_key()).col(long_blob("data")).take()
}

/// A row is a reminder that was sent: the key keeps a second one out.
fn reminders() -> TableCreateStatement {
    table("reminders").col(string_len("name", KEY).primary_key()).col(big_integer("at")).take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, new_columns()).await?;
        for table in [remarks(), recipes(), reminders()] {
            manager.create_table(table).await?;
        }
        manager.create_index(index("remarks_request", "remarks", &["request_id", "id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["reminders", "recipes", "remarks"] {
            manager.drop_table(Table::drop().table(Alias::new(name)).to_owned()).await?;
        }
        drop_columns(manager, new_columns()).await
    }
}
