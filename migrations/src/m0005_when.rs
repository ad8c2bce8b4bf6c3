//! When something may start: freezes, and what was started by break-glass until
//! somebody else has signed it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, string_len, string_len_null, text, text_null,
};

use crate::m0001_release::{KEY, WORD, index, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_when"
    }
}

fn freezes() -> TableCreateStatement {
    table("freezes")
        .col(big_pk_auto("id"))
        // Null is every one.
        .col(string_len_null("application", 64))
        .col(string_len_null("environment", 64))
        .col(string_len("level", WORD))
        .col(text("reason"))
        .col(string_len("author", KEY))
        .col(big_integer("created_at"))
        .col(big_integer("from_at"))
        .col(big_integer_null("until_at"))
        .col(string_len_null("lifted_by", KEY))
        .col(big_integer_null("lifted_at"))
        .col(big_integer("version"))
        .take()
}

fn overrides() -> TableCreateStatement {
    table("overrides")
        .col(ColumnDef::new(Alias::new("deployment_id")).big_integer().not_null().primary_key())
        .col(string_len("who", 64))
        .col(text("reason"))
        .col(big_integer("at"))
        .col(string_len_null("signed_by", 64))
        .col(big_integer_null("signed_at"))
        .col(text_null("comment"))
        .take()
}

fn deployments() -> TableAlterStatement {
    Table::alter().table(Alias::new("deployments")).take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(freezes()).await?;
        manager.create_index(index("freezes_until", "freezes", &["lifted_at", "until_at"])).await?;
        manager.create_table(overrides()).await?;
        manager.create_index(index("overrides_signed", "overrides", &["signed_at"])).await?;
        let flag = boolean("overridden").default(false).to_owned();
        manager.alter_table(deployments().add_column(flag).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(deployments().drop_column(Alias::new("overridden")).take()).await?;
        for name in ["overrides", "freezes"] {
            manager.drop_table(Table::drop().table(Alias::new(name)).to_owned()).await?;
        }
        Ok(())
    }
}
