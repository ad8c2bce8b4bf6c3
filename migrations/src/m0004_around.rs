//! What happens beside the runs: what hosts said when they were asked, which
//! periodic work was last begun, previews, and whose output was removed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, string_len, string_len_null, text_null,
};

use crate::m0001_release::{KEY, WORD, index, table, unique};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_around"
    }
}

fn readings() -> TableCreateStatement {
    table("readings")
        .col(big_pk_auto("id"))
        .col(string_len("application", 64))
        .col(string_len("environment", 64))
        .col(string_len("server", 64))
        .col(string_len_null("commit_id", 64))
        .col(string_len_null("tag", KEY))
        .col(boolean("in_progress"))
        // Why there was no answer; null where there was one.
        .col(text_null("problem"))
        .col(big_integer("at"))
        .col(big_integer_null("unreachable_since"))
        .col(big_integer_null("differs_since"))
        .col(boolean("drifted"))
        .take()
}

/// When each kind of periodic work was last begun, by any instance.
fn rounds() -> TableCreateStatement {
    table("rounds").col(string_len("name", WORD).primary_key()).col(big_integer("at")).take()
}

fn previews() -> TableCreateStatement {
    table("previews")
        .col(big_pk_auto("id"))
        .col(string_len("application", 64))
        .col(string_len("environment", 64))
        .col(string_len("commit_id", 64))
        .col(string_len("tag", KEY))
        // Of hosts and configuration: others make the preview worthless.
        .col(string_len("digest", 64))
        .col(string_len("state", WORD))
        .col(text_null("why"))
        .col(text_null("facts"))
        .col(string_len("wanted_by", 64))
        .col(big_integer("wanted_at"))
        .col(big_integer_null("claimed_at"))
        .col(big_integer_null("ready_at"))
        .take()
}

fn removed_outputs() -> TableCreateStatement {
    table("removed_outputs")
        .col(ColumnDef::new(Alias::new("deployment_id")).big_integer().not_null().primary_key())
        .col(big_integer("at"))
        .take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [readings(), rounds(), previews(), removed_outputs()] {
            manager.create_table(table).await?;
        }
        let place = ["application", "environment", "server"];
        manager.create_index(unique("readings_place", "readings", &place)).await?;
        let release = ["application", "environment", "commit_id"];
        manager.create_index(unique("previews_release", "previews", &release)).await?;
        manager.create_index(index("previews_state", "previews", &["state", "id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["removed_outputs", "previews", "rounds", "readings"] {
            manager.drop_table(Table::drop().table(Alias::new(name)).to_owned()).await?;
        }
        Ok(())
    }
}
