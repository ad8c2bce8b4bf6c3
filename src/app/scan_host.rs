//! Asks a host for its keys, so that a person can compare and pin one. Nothing is
//! pinned here: that is a change of the server like any other, made with the key that
//! the person was shown.

use serde_json::Value;

use super::administer::{self, Seen, Trouble};
use super::{App, Refusal, preview};
use crate::domain::actor::Actor;
use crate::domain::fleet::object::Place;
use crate::domain::target::{HostKey, ScanVerdict, judge_scan};

#[derive(Debug, Clone)]
pub struct Scan {
    pub server: Seen,
    pub host: String,
    pub port: u16,
    pub pinned: Option<HostKey>,
    /// What the host showed, the kind to prefer first.
    pub keys: Vec<HostKey>,
    pub verdict: ScanVerdict,
}

pub async fn scan(app: &App, actor: &Actor, place: &Place) -> Result<Scan, Refusal> {
    let server = administer::find(app, actor, place).await?;
    if !preview::is_free(app, &place.name).await? {
        return Err(Refusal::Conflict(format!(
            "A deployment has {} just now; it is asked nothing meanwhile.",
            place.name
        )));
    }
    let text = |key: &str| server.object.get(key).and_then(Value::as_str).map(str::to_owned);
    let host = text("host").unwrap_or_default();
    let port = server.object.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let port = port.unwrap_or(22);
    let mut keys = app.hosts.scan(&host, port).await.map_err(Refusal::Unavailable)?;
    keys.sort_by_key(HostKey::preference);
    keys.dedup();
    let pinned = text("host_key").and_then(|key| HostKey::parse(&key).ok());
    let verdict = judge_scan(pinned.as_ref(), &keys);
    Ok(Scan { server, host, port, pinned, keys, verdict })
}

/// Pins exactly this key, on the server as it was when the key was shown.
pub async fn pin(app: &App, actor: &Actor, place: &Place, key: &str, version: &str) -> Result<Seen, Trouble> {
    let mut object = administer::find(app, actor, place).await?.object;
    if let Some(fields) = object.as_object_mut() {
        fields.insert("host_key".to_owned(), key.into());
    }
    administer::replace(app, actor, place, object, Some(&[version.to_owned()])).await
}
