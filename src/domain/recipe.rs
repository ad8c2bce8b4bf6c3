//! What the two digests of a seal were made of, kept so that a void request can say
//! which hosts and which settings differ, not only that some do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// More than a mail or a page should list.
const MOST: usize = 20;
const LONGEST_VALUE: usize = 120;

/// Something that was reviewed and is not so any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub what: String,
    pub reviewed: String,
    pub now: String,
}

impl Difference {
    fn new(what: impl Into<String>, reviewed: impl Into<String>, now: impl Into<String>) -> Self {
        Self { what: what.into(), reviewed: reviewed.into(), now: now.into() }
    }

    /// `port of web-1: 22 → 2222`.
    pub fn words(&self) -> String {
        format!("{}: {} → {}", self.what, self.reviewed, self.now)
    }
}

/// The fields of a host, after its name; those at the end say where it stands.
const HOST_FIELDS: [&str; 6] = ["address", "port", "host key", "user", "cluster", "backend"];
const CLUSTER: usize = 5;

/// Between two host lists as the seal has them: `[name, host, port, key, user, cluster, backend]`.
pub fn host_differences(reviewed: &Value, now: &Value) -> Vec<Difference> {
    let (before, after) = (hosts(reviewed), hosts(now));
    let places: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut found = Vec::new();
    for place in places {
        let (name, cluster) = place;
        match (before.get(place), after.get(place)) {
            (Some(_), None) => {
                found.push(Difference::new(format!("{name} in {cluster}"), "among the hosts", "removed"));
            }
            (None, Some(_)) => {
                found.push(Difference::new(format!("{name} in {cluster}"), "not there", "added"));
            }
            (Some(was), Some(is)) => {
                let fields =
                    HOST_FIELDS.iter().enumerate().filter(|(field, _)| was[field + 1] != is[field + 1]);
                found.extend(fields.map(|(field, word)| {
                    Difference::new(
                        format!("{word} of {name}"),
                        shown(&was[field + 1]),
                        shown(&is[field + 1]),
                    )
                }));
            }
            (None, None) => {}
        }
    }
    shortened(found)
}

/// Between two objects, key by key.
pub fn configuration_differences(reviewed: &Value, now: &Value) -> Vec<Difference> {
    let (Some(before), Some(after)) = (reviewed.as_object(), now.as_object()) else { return Vec::new() };
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of =
        |object: &serde_json::Map<String, Value>, key: &str| object.get(key).cloned().unwrap_or_default();
    let pairs = keys.into_iter().map(|key| (key, of(before, key), of(after, key)));
    let differ = pairs.filter(|(_, was, is)| was != is);
    shortened(differ.map(|(key, was, is)| Difference::new(key, shown(&was), shown(&is))).collect())
}

type Hosts<'a> = BTreeMap<(String, String), &'a Vec<Value>>;

fn hosts(list: &Value) -> Hosts<'_> {
    let rows = list.as_array().into_iter().flatten().filter_map(Value::as_array);
    let rows = rows.filter(|row| row.len() == HOST_FIELDS.len() + 1);
    rows.map(|row| ((shown(&row[0]), shown(&row[CLUSTER])), row)).collect()
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST_VALUE {
        return text;
    }
    let start: String = text.chars().take(LONGEST_VALUE).collect();
    format!("{start}…")
}

fn shortened(mut found: Vec<Difference>) -> Vec<Difference> {
    let more = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    if more > 0 {
        found.push(Difference::new(format!("{more} more"), "as it was", "not so"));
    }
    found
}
