//! Everything the database holds, as text, so that a test can say that nothing
//! changed, and the way in for a row that a fault of the machine broke.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use super::Service;

/// The rows of each table, in the order of their text.
pub type Dump = BTreeMap<String, Vec<String>>;

/// What a GET may change (rules.md 37).
pub const EXEMPT: [&str; 3] = ["sessions", "oauth_states", "tokens"];

impl Service {
    pub async fn tables(&self) -> Dump {
        let db = self.database().await;
        let tables =
            texts(&db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
                .await;
        let mut dump = Dump::new();
        for table in tables {
            let columns = texts(&db, &format!("SELECT name FROM pragma_table_info('{table}')")).await;
            let quoted: Vec<String> =
                columns.iter().map(|column| format!("'{column}=' || quote(\"{column}\")")).collect();
            let rows = texts(
                &db,
                &format!("SELECT {} AS row FROM \"{table}\" ORDER BY row", quoted.join(" || ' ' || ")),
            )
            .await;
            dump.insert(table, rows);
        }
        db.close().await.unwrap();
        dump
    }

    /// The same without what a GET may change.
    pub async fn tables_that_matter(&self) -> Dump {
        let mut dump = self.tables().await;
        dump.retain(|table, _| !EXEMPT.contains(&table.as_str()));
        dump
    }

    /// Changes a row behind the service's back.
    pub async fn damage(&self, sql: &str) {
        let db = self.database().await;
        let result = db.execute_unprepared(sql).await.unwrap();
        assert!(result.rows_affected() > 0, "{sql} changed nothing");
        db.close().await.unwrap();
    }
}

/// What differs, in words; empty when nothing does.
pub fn differences(before: &Dump, after: &Dump) -> Vec<String> {
    let tables: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut found = Vec::new();
    for table in tables {
        let none = Vec::new();
        let (old, new) = (before.get(table).unwrap_or(&none), after.get(table).unwrap_or(&none));
        found.extend(old.iter().filter(|row| !new.contains(row)).map(|row| format!("{table}: gone {row}")));
        found.extend(new.iter().filter(|row| !old.contains(row)).map(|row| format!("{table}: new {row}")));
    }
    found
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql.to_owned())).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()).collect()
}
