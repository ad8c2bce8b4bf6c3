//! The whole way of a release: people, fleet, requests, links, deployments,
//! journal, audit trail, outbox.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, integer, string_len, string_len_null, text,
    text_null,
};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_release"
    }
}

/// The longest string that every database indexes.
pub(crate) const KEY: u32 = 190;
pub(crate) const WORD: u32 = 32;

pub(crate) fn long_blob(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    // A BLOB of `MariaDB` holds 64 KiB; this type is its LONGBLOB and plain elsewhere.
    column.blob().not_null();
    column
}

pub(crate) fn long_blob_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.blob().null();
    column
}

pub(crate) fn table(name: &'static str) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(Alias::new(name));
    table
}

pub(crate) fn unique(name: &'static str, on: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = index(name, on, columns);
    index.unique();
    index
}

/// Further columns of tables that are there: one a statement, `SQLite` knows no other way.
pub(crate) async fn add_columns(
    manager: &SchemaManager<'_>,
    columns: Vec<(&'static str, ColumnDef)>,
) -> Result<(), DbErr> {
    for (name, column) in columns {
        manager.alter_table(Table::alter().table(Alias::new(name)).add_column(column).take()).await?;
    }
    Ok(())
}

pub(crate) async fn drop_columns(
    manager: &SchemaManager<'_>,
    columns: Vec<(&'static str, ColumnDef)>,
) -> Result<(), DbErr> {
    for (name, column) in columns {
        let column = Alias::new(column.get_column_name());
        manager.alter_table(Table::alter().table(Alias::new(name)).drop_column(column).take()).await?;
    }
    Ok(())
}

pub(crate) fn index(name: &'static str, on: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(Alias::new(on));
    for column in columns {
        index.col(Alias::new(*column));
    }
    index
}

fn people() -> Vec<TableCreateStatement> {
    vec![
        table("people")
            .col(big_pk_auto("id"))
            .col(string_len("name", KEY).unique_key())
            .col(string_len_null("provider", WORD))
            .col(string_len_null("subject", KEY))
            .col(string_len_null("reserved_for", WORD))
            .col(string_len("display", KEY))
            .col(string_len_null("mail", KEY))
            .col(long_blob_null("github_token"))
            .col(text("teams"))
            .col(boolean("member"))
            .col(big_integer("membership_at"))
            .col(big_integer_null("disabled_at"))
            .col(big_integer("created_at"))
            .take(),
        table("sessions")
            .col(big_pk_auto("id"))
            .col(string_len("hash", 64).unique_key())
            .col(big_integer("person_id"))
            .col(big_integer("created_at"))
            .col(big_integer("seen_at"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("ended_at"))
            .foreign_key(
                ForeignKey::create()
                    .from(Alias::new("sessions"), Alias::new("person_id"))
                    .to(Alias::new("people"), Alias::new("id")),
            )
            .take(),
        table("oauth_states").col(string_len("hash", 64).primary_key()).col(big_integer("expires_at")).take(),
        table("role_members")
            .col(big_pk_auto("id"))
            .col(string_len("role", 64))
            .col(string_len("kind", WORD))
            .col(string_len("member", 100))
            .col(string_len("source", WORD))
            .take(),
    ]
}

fn fleet() -> Vec<TableCreateStatement> {
    vec![
        table("fleet_objects")
            .col(big_pk_auto("id"))
            .col(string_len("kind", WORD))
            .col(string_len("parent", 64))
            .col(string_len("name", 64))
            .col(integer("position"))
            .col(text("spec"))
            .col(boolean("managed"))
            .col(big_integer("version"))
            .take(),
        table("fleet_secrets")
            .col(string_len("place", KEY).primary_key())
            .col(string_len("bound_to", KEY))
            .col(long_blob("sealed"))
            .take(),
    ]
}

fn requests() -> Vec<TableCreateStatement> {
    vec![
        table("requests")
            .col(big_pk_auto("id"))
            .col(string_len("identifier", 64).unique_key())
            .col(string_len("application", 64))
            .col(string_len("environment", 64))
            .col(string_len("tag", KEY))
            .col(string_len("commit_id", 64))
            .col(string_len_null("from_commit", 64))
            .col(string_len_null("from_tag", KEY))
            .col(string_len("requester", 64))
            .col(text("reason"))
            .col(text("ticket"))
            .col(boolean("rollback"))
            .col(string_len("state", WORD))
            .col(text("seal"))
            .col(string_len("fingerprint", 64))
            .col(string_len("patch_sha256", 64))
            .col(text("stat"))
            .col(text("notes"))
            .col(integer("required"))
            .col(big_integer("created_at"))
            .col(big_integer("review_until"))
            .col(big_integer_null("accepted_at"))
            .col(big_integer_null("stands_until"))
            .col(big_integer_null("ended_at"))
            .col(string_len_null("ended_by", 64))
            .col(text_null("ended_why"))
            .col(big_integer_null("deployment_id"))
            // One open request per environment and commit (rules.md 6): null once it is over.
            .col(string_len_null("open_key", KEY).unique_key())
            .col(big_integer("version"))
            .take(),
        table("decisions")
            .col(big_pk_auto("id"))
            .col(big_integer("request_id"))
            .col(string_len("person", 64))
            .col(string_len("kind", WORD))
            .col(text("comment"))
            .col(string_len("fingerprint", 64))
            .col(boolean("own_request"))
            .col(big_integer("at"))
            .foreign_key(
                ForeignKey::create()
                    .from(Alias::new("decisions"), Alias::new("request_id"))
                    .to(Alias::new("requests"), Alias::new("id")),
            )
            .take(),
        table("links")
            .col(big_pk_auto("id"))
            .col(string_len("purpose", WORD))
            .col(string_len("hash", 64).unique_key())
            .col(big_integer("request_id"))
            .col(string_len_null("person", 64))
            .col(big_integer("created_at"))
            .col(big_integer("starts_at"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("used_at"))
            .col(big_integer_null("revoked_at"))
            .col(big_integer_null("deployment_id"))
            .foreign_key(
                ForeignKey::create()
                    .from(Alias::new("links"), Alias::new("request_id"))
                    .to(Alias::new("requests"), Alias::new("id")),
            )
            .take(),
        table("patches")
            .col(string_len("sha256", 64).primary_key())
            .col(big_integer("size"))
            .col(long_blob("data"))
            .take(),
    ]
}

fn deployments() -> Vec<TableCreateStatement> {
    vec![
        table("deployments")
            .col(big_pk_auto("id"))
            .col(string_len("application", 64))
            .col(string_len("environment", 64))
            .col(string_len("tag", KEY))
            .col(string_len("commit_id", 64))
            .col(string_len_null("from_commit", 64))
            .col(string_len_null("from_tag", KEY))
            .col(string_len("state", WORD))
            .col(text_null("why"))
            .col(big_integer_null("request_id"))
            .col(string_len("requested_by", 64))
            .col(string_len("started_by", 64))
            .col(big_integer("created_at"))
            .col(big_integer_null("started_at"))
            .col(big_integer_null("ended_at"))
            .col(text_null("plan"))
            // One active deployment per environment: null unless it runs.
            .col(string_len_null("active_key", KEY).unique_key())
            .col(string_len_null("lease_owner", 64))
            .col(big_integer_null("lease_until"))
            .col(big_integer("fence"))
            .col(boolean("cancel_requested"))
            .col(string_len_null("cancelled_by", 64))
            .take(),
        // One deployment at a time per server, across the applications that share it.
        table("server_locks")
            .col(string_len("server", 64).primary_key())
            .col(big_integer("deployment_id"))
            .take(),
        table("live")
            .col(big_pk_auto("id"))
            .col(string_len("application", 64))
            .col(string_len("environment", 64))
            .col(string_len("server", 64))
            .col(string_len_null("commit_id", 64))
            .col(string_len_null("tag", KEY))
            .col(string_len("state", WORD))
            .col(big_integer_null("deployment_id"))
            .col(big_integer("at"))
            .take(),
        table("journal_chunks")
            .col(big_integer("deployment_id"))
            .col(big_integer("first_seq"))
            .col(big_integer("last_seq"))
            .col(long_blob("data"))
            .primary_key(Index::create().col(Alias::new("deployment_id")).col(Alias::new("first_seq")))
            .take(),
    ]
}

fn record() -> Vec<TableCreateStatement> {
    vec![
        table("audit_log")
            .col(big_integer("seq").primary_key())
            .col(big_integer("at"))
            .col(string_len("actor", 64))
            .col(string_len("action", 64))
            .col(string_len("subject", KEY))
            .col(text("facts"))
            .col(string_len("previous", 64))
            .col(string_len("mac", 64))
            .take(),
        table("audit_head")
            .col(integer("id").primary_key())
            .col(big_integer("count"))
            .col(string_len("mac", 64))
            .take(),
        table("outbox")
            .col(big_pk_auto("id"))
            .col(string_len("kind", WORD))
            .col(text("facts"))
            .col(long_blob_null("sealed"))
            .col(string_len("state", WORD))
            .col(integer("attempts"))
            .col(big_integer("next_at"))
            .col(text_null("error"))
            .col(big_integer("created_at"))
            .col(big_integer_null("ended_at"))
            .take(),
    ]
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        unique("people_identity", "people", &["provider", "subject"]),
        unique("role_members_once", "role_members", &["role", "kind", "member", "source"]),
        unique("fleet_objects_name", "fleet_objects", &["kind", "parent", "name"]),
        unique("live_place", "live", &["application", "environment", "server"]),
        index("sessions_person", "sessions", &["person_id"]),
        index("requests_state", "requests", &["state", "id"]),
        index("requests_place", "requests", &["application", "environment", "id"]),
        index("requests_requester", "requests", &["requester", "created_at"]),
        index("decisions_request", "decisions", &["request_id", "id"]),
        index("links_request", "links", &["request_id", "purpose"]),
        index("deployments_state", "deployments", &["state", "id"]),
        index("deployments_place", "deployments", &["application", "environment", "id"]),
        index("outbox_due", "outbox", &["state", "next_at"]),
    ]
}

const TABLES: [&str; 17] = [
    "outbox",
    "audit_head",
    "audit_log",
    "journal_chunks",
    "live",
    "server_locks",
    "deployments",
    "patches",
    "links",
    "decisions",
    "requests",
    "fleet_secrets",
    "fleet_objects",
    "role_members",
    "oauth_states",
    "sessions",
    "people",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [people(), fleet(), requests(), deployments(), record()].concat() {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES {
            manager.drop_table(Table::drop().table(Alias::new(name)).to_owned()).await?;
        }
        Ok(())
    }
}
