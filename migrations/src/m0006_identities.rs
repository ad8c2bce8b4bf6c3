//! What tokens are bounded to, further identities of a person, their account at the
//! operator's verifier, and how each session began.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_pk_auto, string_len, string_len_null, text_null};

use crate::m0001_release::{KEY, WORD, index, table, unique};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_identities"
    }
}

fn identities() -> TableCreateStatement {
    table("identities")
        .col(big_pk_auto("id"))
        .col(big_integer("person_id"))
        .col(string_len("provider", WORD))
        .col(string_len("subject", KEY))
        .col(big_integer("created_at"))
        .foreign_key(
            ForeignKey::create()
                .from(Alias::new("identities"), Alias::new("person_id"))
                .to(Alias::new("people"), Alias::new("id")),
        )
        .take()
}

/// One column a statement: `SQLite` takes no more.
fn columns() -> Vec<(&'static str, ColumnDef)> {
    let mut version = big_integer("version");
    version.default(0);
    vec![
        ("people", string_len_null("external_id", KEY)),
        ("people", version),
        // A scope as JSON; null where nothing bounds the token.
        ("tokens", text_null("scope")),
        ("tokens", string_len_null("kind", WORD)),
        ("sessions", string_len_null("how", WORD)),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns() {
            let add = Table::alter().table(Alias::new(table)).add_column(column).take();
            manager.alter_table(add).await?;
        }
        manager.create_index(unique("people_external", "people", &["external_id"])).await?;
        manager.create_table(identities()).await?;
        manager.create_index(unique("identities_once", "identities", &["provider", "subject"])).await?;
        manager.create_index(index("identities_person", "identities", &["person_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("identities")).to_owned()).await?;
        let name = Index::drop().name("people_external").table(Alias::new("people")).to_owned();
        manager.drop_index(name).await?;
        for (table, column) in columns().into_iter().rev() {
            let name = Alias::new(column.get_column_name());
            manager.alter_table(Table::alter().table(Alias::new(table)).drop_column(name).take()).await?;
        }
        Ok(())
    }
}
