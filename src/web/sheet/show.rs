//! From an object to what its form shows.

use serde_json::Value;

use super::{Field, Input, Sheet, Typed};

pub fn show(sheet: &Sheet, object: &Value) -> Typed {
    let mut typed = Typed::new();
    for field in sheet.fields() {
        let value = field.key.split('.').try_fold(object, |value, key| value.get(key));
        if let Some(value) = value {
            put(&mut typed, field, field.key, value);
        }
    }
    typed
}

fn put(typed: &mut Typed, field: &Field, name: &str, value: &Value) {
    let mut set = |name: String, text: String| {
        if !text.is_empty() {
            typed.insert(name, text);
        }
    };
    match field.input {
        Input::Check => set(name.to_owned(), if value == true { "1".to_owned() } else { String::new() }),
        Input::Set(words) => {
            for (word, _) in words {
                if texts(value).any(|text| text == *word) {
                    set(format!("{name}.{word}"), "1".to_owned());
                }
            }
        }
        Input::Lines => set(name.to_owned(), texts(value).collect::<Vec<_>>().join("\n")),
        // Never shown, whatever it is.
        Input::Secret => {}
        Input::Rows(columns) => {
            for (index, row) in value.as_array().into_iter().flatten().enumerate() {
                for column in columns {
                    // A text among objects is what the first column holds.
                    let first = columns.first().is_some_and(|first| first.key == column.key);
                    let cell = if row.is_string() { first.then_some(row) } else { row.get(column.key) };
                    if let Some(cell) = cell {
                        put(typed, column, &format!("{name}.{index}.{}", column.key), cell);
                    }
                }
            }
        }
        Input::Text
        | Input::Document
        | Input::Code
        | Input::Number
        | Input::Size
        | Input::Choice(_)
        | Input::Reference(_) => set(name.to_owned(), text(value)),
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
