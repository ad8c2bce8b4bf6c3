//! What `check` asks of the database, before anything is opened for work: it must
//! neither make nor migrate one, since another version may be serving from it.

use std::path::Path;

use secrecy::ExposeSecret as _;

use super::Refusal;
use crate::config::Config;
use crate::db::{self, Db, DbError, Schema};
use crate::domain::fleet::Fleet;

#[derive(Debug)]
pub enum DatabaseWord {
    /// The first command that needs it makes it.
    Absent,
    /// How many changes of the schema the next start makes.
    Outdated { changes: usize },
    /// It can be written to; with the name of its schema.
    Ready { schema: String, fleet: Box<Fleet> },
}

pub async fn look_at_database(config: &Config) -> Result<DatabaseWord, Refusal> {
    let url = config.database.expose_secret();
    if url.strip_prefix("sqlite:").is_some_and(|file| !Path::new(file).exists()) {
        return Ok(DatabaseWord::Absent);
    }
    let db = Db::connect(url).await?;
    let word = look(&db).await;
    db.close().await?;
    Ok(word?)
}

async fn look(db: &Db) -> Result<DatabaseWord, DbError> {
    Ok(match db.schema().await? {
        Schema::Outdated { changes } => DatabaseWord::Outdated { changes },
        Schema::Current(schema) => {
            // Given up again: that it can be had shows that we may write.
            drop(db.begin().await?);
            DatabaseWord::Ready { schema, fleet: Box::new(db::fleet::load(db).await?) }
        }
    })
}
