//! From what was typed to the object.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Field, Input, Sheet, Typed};
use crate::domain::fleet::secret::STORED;

/// A form that this page does not have.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownField;

/// The fields of the sheet, without empty ones, and with their rows one after the
/// other: row 2 is then the second object of its list.
pub fn normalised(sheet: &Sheet, sent: &Typed) -> Result<Typed, UnknownField> {
    let mut left = sent.clone();
    let mut typed = Typed::new();
    for field in sheet.fields() {
        if let Input::Rows(columns) = field.input {
            let mut rows: BTreeMap<u16, Typed> = BTreeMap::new();
            for name in rows_of(&left, field.key) {
                let value = left.remove(&name).unwrap_or_default();
                let (index, inner) = split_row(&name, field.key).ok_or(UnknownField)?;
                if !columns.iter().flat_map(names_of).any(|known| known == inner) {
                    return Err(UnknownField);
                }
                rows.entry(index).or_default().insert(inner.to_owned(), value);
            }
            let filled = rows.into_values().filter(|row| row.values().any(|value| !value.trim().is_empty()));
            for (index, row) in filled.enumerate() {
                let named =
                    row.into_iter().map(|(inner, value)| (format!("{}.{index}.{inner}", field.key), value));
                typed.extend(named.filter(|(_, value)| !value.trim().is_empty()));
            }
            continue;
        }
        for name in names_of(field) {
            if let Some(value) = left.remove(&name).filter(|value| !value.trim().is_empty()) {
                typed.insert(name, value);
            }
        }
    }
    if left.is_empty() { Ok(typed) } else { Err(UnknownField) }
}

fn rows_of(typed: &Typed, key: &str) -> Vec<String> {
    let prefix = format!("{key}.");
    typed.keys().filter(|name| name.starts_with(&prefix)).cloned().collect()
}

/// `servers.3.server` is in row 3 of `servers`.
fn split_row<'a>(name: &'a str, key: &str) -> Option<(u16, &'a str)> {
    let (index, inner) = name.strip_prefix(key)?.strip_prefix('.')?.split_once('.')?;
    let plain = !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit());
    Some((index.parse().ok().filter(|_| plain)?, inner))
}

/// The names that a field's inputs are sent under.
pub fn names_of(field: &Field) -> Vec<String> {
    match field.input {
        Input::Set(words) => words.iter().map(|(word, _)| format!("{}.{word}", field.key)).collect(),
        Input::Secret => vec![field.key.to_owned(), field.removal()],
        _ => vec![field.key.to_owned()],
    }
}

/// The object that was typed. A secret that was left empty is the one of `before`.
pub fn read(sheet: &Sheet, typed: &Typed, before: Option<&Value>) -> Value {
    let mut object = Map::new();
    for field in sheet.fields() {
        if let Some(value) = value_of(field, field.key, typed, before) {
            put(&mut object, field.key, value);
        }
    }
    Value::Object(object)
}

fn value_of(field: &Field, name: &str, typed: &Typed, before: Option<&Value>) -> Option<Value> {
    let sent = typed.get(name).map(|text| text.trim());
    match field.input {
        Input::Text | Input::Code | Input::Document | Input::Choice(_) | Input::Reference(_) => {
            sent.map(Value::from)
        }
        Input::Number | Input::Size => sent.map(number_or_text),
        Input::Check => Some(sent.is_some_and(|text| matches!(text, "1" | "on" | "true")).into()),
        Input::Set(words) => {
            let ticked = words.iter().filter(|(word, _)| typed.contains_key(&format!("{name}.{word}")));
            Some(ticked.map(|(word, _)| Value::from(*word)).collect())
        }
        Input::Lines => {
            let lines = sent.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
            Some(lines.map(Value::from).collect())
        }
        Input::Secret => {
            let is_stored = before.is_some_and(|before| before.get(field.key).is_some());
            let kept = is_stored && !typed.contains_key(&field.removal());
            // Not trimmed: a secret may begin or end with a space.
            let given = typed.get(name).map(|text| Value::from(text.as_str()));
            given.or_else(|| kept.then(|| Value::from(STORED)))
        }
        Input::Rows(columns) => Some((0..).map_while(|index| row(columns, name, index, typed)).collect()),
    }
}

fn row(columns: &[Field], name: &str, index: usize, typed: &Typed) -> Option<Value> {
    let prefix = format!("{name}.{index}.");
    if !typed.keys().any(|name| name.starts_with(&prefix)) {
        return None;
    }
    let mut object = Map::new();
    for column in columns {
        let cell = format!("{prefix}{}", column.key);
        let value = match column.input {
            Input::Secret => Some(typed.get(&cell).map_or(STORED, String::as_str).into()),
            _ => value_of(column, &cell, typed, None),
        };
        if let Some(value) = value {
            object.insert(column.key.to_owned(), value);
        }
    }
    Some(as_endpoint(columns, object))
}

/// An address alone, and no page that asks for an account, is text in its list.
fn as_endpoint(columns: &[Field], row: Map<String, Value>) -> Value {
    let is_endpoint = columns.iter().any(|column| matches!(column.input, Input::Secret));
    let url = row.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_page = url.starts_with("http://") || url.starts_with("https://");
    let is_alone = !row.contains_key("user") && row.get("password").is_none_or(|secret| secret == STORED);
    if is_endpoint && is_alone && !is_page && !url.is_empty() { Value::from(url) } else { Value::Object(row) }
}

/// What is no number stays what it is, and is refused as such.
fn number_or_text(text: &str) -> Value {
    text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from)
}

fn put(object: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(object.insert(key.to_owned(), value)),
        Some((outer, inner)) => {
            let nested = object.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if let Some(nested) = nested.as_object_mut() {
                put(nested, inner, value);
            }
        }
    }
}
