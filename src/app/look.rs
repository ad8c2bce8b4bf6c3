//! What `check` asks of the database, before anything is opened for work: it must
//! neither make nor migrate one, since another version may be serving from it.

use std::path::Path;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::Refusal;
use super::rotation::{self, OlderKeys};
use crate::config::Config;
use crate::db::{self, Db, DbError, Schema};
use crate::domain::fleet::Fleet;
use crate::keys::Keys;

#[derive(Debug)]
pub enum DatabaseWord {
    /// The first command that needs it makes it.
    Absent,
    /// How many changes of the schema the next start makes.
    Outdated { changes: usize },
    /// It can be written to; with the name of its schema. What rests on older keys
    /// is known where the keys are.
    Ready { schema: String, fleet: Box<Fleet>, older_keys: Option<OlderKeys> },
}

pub async fn look_at_database(
    config: &Config,
    keys: Option<&Keys>,
    now: Timestamp,
) -> Result<DatabaseWord, Refusal> {
    let url = config.database.expose_secret();
    if url.strip_prefix("sqlite:").is_some_and(|file| !Path::new(file).exists()) {
        return Ok(DatabaseWord::Absent);
    }
    let db = Db::connect(url).await?;
    let word = look(&db, keys, now).await;
    db.close().await?;
    Ok(word?)
}

async fn look(db: &Db, keys: Option<&Keys>, now: Timestamp) -> Result<DatabaseWord, DbError> {
    Ok(match db.schema().await? {
        Schema::Outdated { changes } => DatabaseWord::Outdated { changes },
        Schema::Current(schema) => {
            // Given up again: that it can be had shows that we may write.
            drop(db.begin().await?);
            let older_keys = match keys {
                Some(keys) => Some(rotation::older_keys(db, keys, now).await?),
                None => None,
            };
            DatabaseWord::Ready { schema, fleet: Box::new(db::fleet::load(db).await?), older_keys }
        }
    })
}
