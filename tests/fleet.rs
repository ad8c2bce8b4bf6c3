//! The fleet file: what it takes, what it refuses, what comes back out, and what
//! applying it would change.

mod changes;
mod export;
mod forms;
mod objects;
mod parse;

use std::path::Path;

use serde_json::Value;

use crate::domain::fleet::{Fleet, parse::parse as parse_fleet};

/// The fleet of `examples/fleet.json`.
fn example() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn parsed(value: &Value) -> Fleet {
    parse_fleet(value).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The example with one value changed; `place` is a JSON pointer.
fn example_with(place: &str, value: impl Into<Value>) -> Value {
    let mut fleet = example();
    set(&mut fleet, place, value);
    fleet
}

fn set(fleet: &mut Value, place: &str, value: impl Into<Value>) {
    let (parent, key) = place.rsplit_once('/').unwrap();
    match fleet.pointer_mut(parent).unwrap() {
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value.into());
        }
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value.into(),
        other => panic!("nothing can be set in {other}"),
    }
}
