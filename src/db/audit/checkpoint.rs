//! The row that a rotation of `auth_key` leaves in the trail (rules.md 41). It is
//! sealed with the new key as every row is, and its facts hold a plain digest of
//! all rows before it, authenticated with the older key too: whoever wrote it had
//! both. From then on the trail can be verified without the older key.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::verify::Walk;
use super::{Broken, Entry, append, head};
use crate::db::entity::audit_log;
use crate::db::{Db, DbError};
use crate::domain::manifest::hex;
use crate::keys::{KeyId, Keys};

const ACTION: &str = "auth_key.rotated";
const PURPOSE: &str = "audit checkpoint";
/// Whoever comes in between wrote a row; this often nobody does.
const ATTEMPTS: usize = 5;

/// What a checkpoint vouches for: the rows 1 to `count`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    pub count: i64,
    /// Of the last of them.
    pub mac: String,
    /// SHA-256 over the messages and MACs of all of them.
    pub digest: String,
}

/// The facts of such a row.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claim {
    pub count: i64,
    pub mac: String,
    pub digest: String,
    /// Which key `older_mac` is of.
    pub older_key: String,
    pub older_mac: String,
}

impl Claim {
    /// What `older_mac` should be; `None` when the older key is no longer there.
    pub fn older_mac(&self, keys: &Keys) -> Option<[u8; 32]> {
        let older = keys
            .older_auth()
            .into_iter()
            .map(|(key, _)| key)
            .find(|key| key.to_string() == self.older_key)?;
        keys.mac_with(older, PURPOSE, &message(self.count, &self.mac, &self.digest))
    }
}

/// What a row claims, if it is a checkpoint.
pub(super) fn claim(row: &audit_log::Model) -> Option<Claim> {
    (row.action == ACTION).then(|| serde_json::from_str(&row.facts).ok()).flatten()
}

fn message(count: i64, mac: &str, digest: &str) -> Vec<u8> {
    format!("{count}:{mac}:{digest}").into_bytes()
}

/// What became of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing in the trail needs an older key.
    NotNeeded,
    /// The row it is in.
    Written(i64),
    /// The trail does not hold, and nobody vouches for it.
    Refused(Vec<Broken>),
}

/// Writes a checkpoint where rows rest on an older key alone. However many
/// processes do this at once, one of them writes it and the others find it.
pub async fn write(db: &Db, keys: &Keys, now: Timestamp) -> Result<Outcome, DbError> {
    let mut attempts = 0;
    let mut walk = Walk::new(None);
    // The long way outside of a transaction; within it only what came meanwhile.
    walk.on(db, keys).await?;
    loop {
        attempts += 1;
        match attempt(db, keys, now, &mut walk).await {
            Err(DbError::Conflict(_)) if attempts < ATTEMPTS => {}
            other => return other,
        }
    }
}

async fn attempt(db: &Db, keys: &Keys, now: Timestamp, walk: &mut Walk) -> Result<Outcome, DbError> {
    let tx = db.begin().await?;
    walk.on(&tx, keys).await?;
    let Some(older) = walk.uncovered(keys.newest_auth()) else { return Ok(Outcome::NotNeeded) };
    let said = head(&tx).await?;
    if let Err(broken) = walk.verdict(said) {
        return Ok(Outcome::Refused(broken));
    }
    let facts = facts(keys, older, walk.covered());
    let entry = Entry { actor: "policy", action: ACTION, subject: "audit trail".to_owned(), facts };
    let head = append(&tx, keys, now, entry).await?;
    tx.commit().await?;
    Ok(Outcome::Written(head.count))
}

fn facts(keys: &Keys, older: KeyId, covered: Covered) -> serde_json::Value {
    let Covered { count, mac, digest } = covered;
    let code = keys.mac_with(older, PURPOSE, &message(count, &mac, &digest));
    let older_mac = code.map(|code| hex(&code)).unwrap_or_default();
    json!(Claim { count, mac, digest, older_key: older.to_string(), older_mac })
}
