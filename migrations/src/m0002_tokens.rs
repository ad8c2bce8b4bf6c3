//! Tokens for programs, what was answered to a repeated request, and local passwords.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, integer_null, string_len, string_len_null,
};

use crate::m0001_release::{KEY, index, long_blob_null, table, unique};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_tokens"
    }
}

fn tokens() -> TableCreateStatement {
    table("tokens")
        .col(big_pk_auto("id"))
        .col(big_integer("person_id"))
        .col(string_len("name", KEY))
        .col(string_len("hash", 64).unique_key())
        .col(big_integer("created_at"))
        .col(string_len("created_by", KEY))
        .col(big_integer_null("expires_at"))
        .col(big_integer_null("last_used_at"))
        .col(big_integer_null("revoked_at"))
        .foreign_key(
            ForeignKey::create()
                .from(Alias::new("tokens"), Alias::new("person_id"))
                .to(Alias::new("people"), Alias::new("id")),
        )
        .take()
}

fn idempotency_keys() -> TableCreateStatement {
    table("idempotency_keys")
        .col(big_pk_auto("id"))
        .col(big_integer("person_id"))
        .col(string_len("idempotency_key", 100))
        .col(string_len("route", KEY))
        .col(string_len("body_sha256", 64))
        // The answer; null while the first request is at work.
        .col(integer_null("status"))
        .col(string_len_null("location", KEY))
        .col(long_blob_null("sealed_body"))
        .col(big_integer("at"))
        .foreign_key(
            ForeignKey::create()
                .from(Alias::new("idempotency_keys"), Alias::new("person_id"))
                .to(Alias::new("people"), Alias::new("id")),
        )
        .take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(tokens()).await?;
        manager.create_index(index("tokens_person", "tokens", &["person_id", "id"])).await?;
        manager.create_table(idempotency_keys()).await?;
        let once = unique("idempotency_keys_once", "idempotency_keys", &["person_id", "idempotency_key"]);
        manager.create_index(once).await?;
        manager.create_index(index("idempotency_keys_age", "idempotency_keys", &["at"])).await?;
        // A PHC string of argon2id.
        let password = Table::alter()
            .table(Alias::new("people"))
            .add_column(string_len_null("password_hash", KEY))
            .take();
        manager.alter_table(password).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let password =
            Table::alter().table(Alias::new("people")).drop_column(Alias::new("password_hash")).take();
        manager.alter_table(password).await?;
        for name in ["idempotency_keys", "tokens"] {
            manager.drop_table(Table::drop().table(Alias::new(name)).to_owned()).await?;
        }
        Ok(())
    }
}
