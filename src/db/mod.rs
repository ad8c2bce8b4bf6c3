//! Rows and the domain's values: the only room that speaks SQL.
//!
//! `SQLite` has one writer. A deferred transaction that reads and then writes fails
//! under load whatever the busy time-out, so writes go through one connection and
//! begin IMMEDIATE; readers have a pool of their own.

use std::time::Duration;

use countersign_migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqlErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

pub mod audit;
pub mod deployments;
pub mod entity;
pub mod fleet;
pub mod freezes;
pub mod idempotency;
pub mod identities;
pub mod journal;
pub mod links;
pub mod live;
pub mod old_output;
pub mod out_of_service;
pub mod outbox;
pub mod overrides;
pub mod people;
pub mod previews;
pub mod readings;
pub mod recipes;
pub mod remarks;
pub mod reminders;
pub mod renames;
pub mod requests;
pub mod rounds;
pub mod sealed;
pub mod sessions;
pub mod tokens;

#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Somebody else changed the row first, or took the place this one wanted.
    #[error("somebody else was faster: {0}")]
    Conflict(&'static str),
    #[error("{table} {key}: {problem}")]
    Row { table: &'static str, key: String, problem: String },
    #[error("the database was made by a newer version of this program")]
    NewerSchema,
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl DbError {
    pub fn row(table: &'static str, key: impl ToString, problem: impl ToString) -> Self {
        DbError::Row { table, key: key.to_string(), problem: problem.to_string() }
    }

    /// A unique index refused the row.
    pub fn is_taken(&self) -> bool {
        matches!(self, DbError::Database(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))))
    }
}

#[derive(Debug, Clone)]
pub struct Db {
    write: DatabaseConnection,
    read: DatabaseConnection,
}

/// The schema of a database, against that of this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    /// With the name of its last migration.
    Current(String),
    /// How many migrations are still to be made.
    Outdated { changes: usize },
}

/// One transaction. `app` passes it on without looking inside.
pub struct Tx(DatabaseTransaction);

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tx")
    }
}

impl Db {
    /// Connects and, where `url` names a `SQLite` file that is not there yet, makes it.
    pub async fn connect(url: &str) -> Result<Self, DbError> {
        if url.starts_with("sqlite:") {
            let write = Database::connect(options(url, 1)).await?;
            let read = Database::connect(options(url, 8)).await?;
            Ok(Self { write, read })
        } else {
            let pool = Database::connect(options(url, 16)).await?;
            Ok(Self { write: pool.clone(), read: pool })
        }
    }

    /// Brings the schema up to date. A schema from a newer version is refused.
    pub async fn migrate(&self) -> Result<(), DbError> {
        Migrator::up(&self.write, None).await.map_err(newer_or_broken)
    }

    /// How far the schema is, without a change to anything.
    pub async fn schema(&self) -> Result<Schema, DbError> {
        let pending =
            Migrator::get_pending_migrations_read_only(&self.read).await.map_err(newer_or_broken)?;
        Ok(match Migrator::get_migration_files().last() {
            Some(last) if pending.is_empty() => Schema::Current(last.name().to_owned()),
            _ => Schema::Outdated { changes: pending.len() },
        })
    }

    pub async fn begin(&self) -> Result<Tx, DbError> {
        let sqlite = self.write.get_database_backend() == DbBackend::Sqlite;
        let options = TransactionOptions {
            sqlite_transaction_mode: sqlite.then_some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let tx = Tx(self.write.begin_with_options(options).await?);
        if !sqlite {
            // Writers there come one after another too: each act reads before it
            // writes, and its row of the audit trail follows the one before.
            audit::lock_head(&tx).await?;
        }
        Ok(tx)
    }

    pub(in crate::db) fn reader(&self) -> &DatabaseConnection {
        &self.read
    }

    /// A round trip, for `/health` and `check`.
    pub async fn ping(&self) -> Result<(), DbError> {
        Ok(self.read.ping().await?)
    }

    pub async fn close(self) -> Result<(), DbError> {
        self.read.close().await?;
        Ok(self.write.close().await?)
    }
}

/// The migrator misses the sources of a migration that the database knows.
fn newer_or_broken(error: DbErr) -> DbError {
    match error {
        DbErr::Custom(words) if words.contains("missing") => DbError::NewerSchema,
        other => other.into(),
    }
}

impl Tx {
    pub async fn commit(self) -> Result<(), DbError> {
        Ok(self.0.commit().await?)
    }

    pub(in crate::db) fn on(&self) -> &DatabaseTransaction {
        &self.0
    }
}

fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).acquire_timeout(Duration::from_secs(20)).sqlx_logging(false);
    options.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A used link must stay used after a power cut.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
    });
    options
}

/// Milliseconds of the epoch, as every column keeps instants.
pub(in crate::db) fn at(row: &'static str, key: impl ToString, ms: i64) -> Result<jiff::Timestamp, DbError> {
    jiff::Timestamp::from_millisecond(ms).map_err(|_| DbError::row(row, key, "an instant out of range"))
}

/// Where a read may come from: the pool of readers, or a transaction under way.
pub trait Source: Sync {
    #[doc(hidden)]
    type Connection: sea_orm::ConnectionTrait;
    #[doc(hidden)]
    fn connection(&self) -> &Self::Connection;
}

impl Source for Db {
    type Connection = DatabaseConnection;
    fn connection(&self) -> &DatabaseConnection {
        self.reader()
    }
}

impl Source for Tx {
    type Connection = DatabaseTransaction;
    fn connection(&self) -> &DatabaseTransaction {
        self.on()
    }
}

/// A conditional update must have met exactly the row it named.
pub(in crate::db) fn exactly_one(rows: u64, what: &'static str) -> Result<(), DbError> {
    if rows == 1 { Ok(()) } else { Err(DbError::Conflict(what)) }
}
