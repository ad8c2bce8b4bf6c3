//! Clusters, strategies, cancel, retry and rollback: what a deployment covers, how
//! it is steered while it runs, and what stands out of service.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, string_len, string_len_null, text_null,
};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_engine"
    }
}

fn deployments() -> TableAlterStatement {
    Table::alter().table(Alias::new("deployments")).take()
}

fn new_columns() -> Vec<ColumnDef> {
    vec![
        // JSON; null is the whole environment.
        text_null("scope"),
        big_integer_null("retry_of"),
        big_integer_null("covered_by"),
        string_len_null("direction", 32),
        boolean("deletes_acknowledged").default(false).to_owned(),
        string_len_null("cancel_when", 32),
        string_len_null("continued_by", 64),
    ]
}

fn out_of_service() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("out_of_service"))
        .col(big_pk_auto("id"))
        .col(string_len("balancer", 64))
        .col(string_len("backend", 100))
        .col(string_len("backend_server", 100))
        .col(string_len("server", 64))
        .col(string_len("application", 64))
        .col(string_len("environment", 64))
        .col(big_integer("deployment_id"))
        .col(big_integer("at"))
        .take()
}

fn place() -> IndexCreateStatement {
    Index::create()
        .name("out_of_service_place")
        .table(Alias::new("out_of_service"))
        .col(Alias::new("balancer"))
        .col(Alias::new("backend"))
        .col(Alias::new("backend_server"))
        .unique()
        .take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column a statement: SQLite knows no other way.
        for column in new_columns() {
            manager.alter_table(deployments().add_column(column).take()).await?;
        }
        manager.alter_table(deployments().drop_column(Alias::new("cancel_requested")).take()).await?;
        manager.create_table(out_of_service()).await?;
        manager.create_index(place()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("out_of_service")).to_owned()).await?;
        let flag = boolean("cancel_requested").default(false).to_owned();
        manager.alter_table(deployments().add_column(flag).take()).await?;
        for column in new_columns() {
            let name = Alias::new(column.get_column_name());
            manager.alter_table(deployments().drop_column(name).take()).await?;
        }
        Ok(())
    }
}
