//! Who really did what: who asked for a release in another's name, which token made
//! which, and the address that an administrator vouches for.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, string_len_null};

use crate::m0001_release::{KEY, add_columns, drop_columns, index};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0012_identities"
    }
}

fn new_columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("requests", string_len_null("asked_by", KEY)),
        // The number of the token that was shown when this one was made.
        ("tokens", big_integer_null("made_by")),
        ("people", string_len_null("given_mail", 320)),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, new_columns()).await?;
        manager.create_index(index("tokens_made_by", "tokens", &["made_by"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let made_by = Index::drop().name("tokens_made_by").table(Alias::new("tokens")).to_owned();
        manager.drop_index(made_by).await?;
        drop_columns(manager, new_columns()).await
    }
}
