//! What follows a change of rights or of a name: a session gets a new secret when the
//! rights behind it change, authors are known by their addresses also when they sign in
//! later, a run keeps the bounds of the token that started it, and what ran in a place
//! that was removed says nothing of a new one of its name.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, boolean, string_len_null, text_null};

use crate::m0001_release::{KEY, add_columns, drop_columns, index};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0011_following"
    }
}

fn new_columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("sessions", string_len_null("rights", 64)),
        ("sessions", string_len_null("former_hash", 64)),
        ("sessions", big_integer_null("renewed_at")),
        // JSON; null in rows that are older than this.
        ("requests", text_null("author_mails")),
        ("deployments", text_null("bounds")),
        ("deployments", string_len_null("acted_by", KEY)),
        // Its environment was removed since; another of that name is another place.
        ("deployments", boolean("place_removed").default(false).to_owned()),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, new_columns()).await?;
        manager.create_index(index("sessions_former_hash", "sessions", &["former_hash"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let former = Index::drop().name("sessions_former_hash").table(Alias::new("sessions")).to_owned();
        manager.drop_index(former).await?;
        drop_columns(manager, new_columns()).await
    }
}
