//! After `auth_key` or `enc_key` was rotated: what rests on the older key is put
//! under the newest, so that the older one can be taken away (rules.md 40, 41).
//! None of it is a gate: what cannot be done is said, and the service starts.

use std::path::PathBuf;

use jiff::Timestamp;

use super::App;
use super::access::TOKEN_PURPOSE;
use super::fleet_rows::SECRET_SEAL;
use super::stored_request::LINK_SEAL;
use crate::db::audit::checkpoint::{self, Outcome};
use crate::db::audit::{Broken, Walk};
use crate::db::sealed::{self, Place};
use crate::db::{self, Db, DbError};
use crate::keys::{KeyId, Keys};

/// Of sealed values that are read, and sealed again in one transaction.
const PAGE: u64 = 200;

/// At the start of whatever writes.
pub async fn follow(app: &App) {
    if let Err(error) = checkpoint(app).await {
        tracing::error!(%error, "the trail got no checkpoint after a rotation of auth_key");
    }
    if let Err(error) = seal_again(app).await {
        tracing::error!(%error, "values could not be sealed again after a rotation of enc_key");
    }
}

async fn checkpoint(app: &App) -> Result<(), DbError> {
    if app.keys.older_auth().is_empty() {
        return Ok(());
    }
    match checkpoint::write(&app.db, &app.keys, app.clock.now()).await? {
        Outcome::NotNeeded => {}
        Outcome::Written(row) => tracing::info!(row, "auth_key was rotated: the trail has a checkpoint"),
        Outcome::Refused(broken) => {
            let found = broken.iter().take(5).map(Broken::to_string).collect::<Vec<_>>().join("; ");
            tracing::error!(
                %found, places = broken.len(),
                "auth_key was rotated, but the trail does not hold: no checkpoint was written"
            );
        }
    }
    Ok(())
}

async fn seal_again(app: &App) -> Result<(), DbError> {
    let (mut again, mut shut) = (0_u64, 0_u64);
    for place in Place::ALL {
        let mut after = None;
        loop {
            let page = sealed::list(&app.db, place, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            let outdated: Vec<_> = page.iter().filter(|value| app.keys.is_outdated(&value.bytes)).collect();
            if outdated.is_empty() {
                continue;
            }
            let tx = app.db.begin().await?;
            for value in outdated {
                let purpose = purpose(place);
                let Some(plain) = app.keys.open(purpose, &value.bytes) else {
                    shut += 1;
                    continue;
                };
                let new = app.keys.seal(purpose, &plain);
                again += u64::from(sealed::replace(&tx, place, value, new).await?);
            }
            tx.commit().await?;
        }
    }
    if again > 0 {
        tracing::info!(values = again, "enc_key was rotated: values were sealed again with the newest");
    }
    if shut > 0 {
        tracing::warn!(
            values = shut,
            "sealed values open with no key that is there; they were left as they are"
        );
    }
    Ok(())
}

fn purpose(place: Place) -> &'static str {
    match place {
        Place::FleetSecret => SECRET_SEAL,
        Place::GitHubToken => TOKEN_PURPOSE,
        Place::OutboxLink => LINK_SEAL,
    }
}

/// What still rests on older keys: what `check` has to say of them.
#[derive(Debug, Default)]
pub struct OlderKeys {
    pub auth: Vec<(PathBuf, AuthNeed)>,
    /// How many values are still sealed with each.
    pub enc: Vec<(PathBuf, u64)>,
    /// Values that open with no key.
    pub shut: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthNeed {
    /// The trail verifies only with it.
    Trail,
    /// Links of before the rotation work until then.
    Links(Timestamp),
    Nothing,
}

pub async fn older_keys(db: &Db, keys: &Keys, now: Timestamp) -> Result<OlderKeys, DbError> {
    let (enc, shut) = older_enc(db, keys).await?;
    Ok(OlderKeys { auth: older_auth(db, keys, now).await?, enc, shut })
}

async fn older_auth(db: &Db, keys: &Keys, now: Timestamp) -> Result<Vec<(PathBuf, AuthNeed)>, DbError> {
    let older = keys.older_auth();
    if older.is_empty() {
        return Ok(Vec::new());
    }
    let mut walk = Walk::new(None);
    walk.on(db, keys).await?;
    let needed = walk.uncovered_keys(keys.newest_auth());
    let mut found = Vec::new();
    for (key, file) in older {
        let need = if needed.contains(&key) {
            AuthNeed::Trail
        } else if key == keys.newest_auth() {
            AuthNeed::Nothing
        } else {
            let replaced = replaced_at(&walk, key);
            let last = db::links::last_expiry(db, replaced, now).await?;
            last.map_or(AuthNeed::Nothing, AuthNeed::Links)
        };
        found.push((file.to_owned(), need));
    }
    Ok(found)
}

/// When nothing was made with a key any more: at the checkpoint that names it,
/// else at the last one. `None` where there is none.
fn replaced_at(walk: &Walk, key: KeyId) -> Option<Timestamp> {
    let name = key.to_string();
    let own = walk.checkpoints().rfind(|checkpoint| checkpoint.older_key == name);
    let checkpoint = own.or_else(|| walk.checkpoints().next_back())?;
    Timestamp::from_millisecond(checkpoint.at).ok()
}

async fn older_enc(db: &Db, keys: &Keys) -> Result<(Vec<(PathBuf, u64)>, u64), DbError> {
    let older = keys.older_enc();
    let mut counts = vec![0; older.len()];
    let mut shut = 0;
    for place in Place::ALL {
        let mut after = None;
        loop {
            let page = sealed::list(db, place, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for value in page.iter().filter(|value| keys.is_outdated(&value.bytes)) {
                let key = keys.sealed_with(&value.bytes);
                match older.iter().position(|(known, _)| Some(*known) == key) {
                    Some(place) => counts[place] += 1,
                    None => shut += 1,
                }
            }
        }
    }
    Ok((older.iter().map(|(_, file)| file.to_path_buf()).zip(counts).collect(), shut))
}
