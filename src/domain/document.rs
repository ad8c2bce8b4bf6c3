//! Reading a JSON document by hand. serde stops at the first thing it dislikes;
//! people who wrote a file of two hundred lines want all of them at once, each
//! with its path. Both `config.json` and the fleet file are read through this.
//!
//! The code that reads a document is also the only list of its keys: read once
//! with nothing in hand (`keys`), it tells which keys it would have asked for.

mod strict;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

pub use strict::from_text;

/// One thing that is wrong, and where: `mail.smtp: is missing`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// `applications[0].environments[1].target_path`; empty for the document itself.
    pub path: String,
    pub message: String,
}

impl Problem {
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Flag,
    List,
    Object,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Kind::Text => "must be text",
            Kind::Number => "must be a whole number",
            Kind::Flag => "must be true or false",
            Kind::List => "must be a list",
            Kind::Object => "must be an object",
        }
    }
}

/// Reads a whole document: the value, or everything that is wrong with it.
///
/// `read` asks for every key it knows before it gives up on anything; a key
/// that nobody asked for is unknown, and a problem.
pub fn read<'a, T>(
    document: &'a Value,
    read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
) -> Result<T, Vec<Problem>> {
    let Some(fields) = document.as_object() else {
        return Err(vec![Problem::new("", Kind::Object.words())]);
    };
    let mut reader = Reader::over(Some(fields));
    let value = read(&mut reader);
    reader.refuse_unknown();
    match value {
        Some(value) if reader.problems.is_empty() => Ok(value),
        _ if reader.problems.is_empty() => Err(vec![Problem::new("", "is incomplete")]),
        _ => Err(reader.problems),
    }
}

/// Every key that `read` would ask for: `mail.smtp`, `webhooks[].url`.
pub fn keys<'a, T>(read: impl FnOnce(&mut Reader<'a>) -> Option<T>) -> BTreeMap<String, Kind> {
    let mut reader = Reader::over(None);
    read(&mut reader);
    reader.keys
}

/// A look at one object of the document, and the collection of what is wrong.
pub struct Reader<'a> {
    frame: Frame<'a>,
    problems: Vec<Problem>,
    keys: BTreeMap<String, Kind>,
}

struct Frame<'a> {
    /// None while only the keys are wanted: then nothing is a problem.
    fields: Option<&'a Map<String, Value>>,
    path: String,
    /// The path with `[]` for every index.
    pattern: String,
    asked: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    fn over(fields: Option<&'a Map<String, Value>>) -> Self {
        let frame = Frame { fields, path: String::new(), pattern: String::new(), asked: Vec::new() };
        Self { frame, problems: Vec::new(), keys: BTreeMap::new() }
    }

    /// Where this object is.
    pub fn path(&self) -> &str {
        &self.frame.path
    }

    /// The value of a key as it stands, without asking for it.
    pub fn raw(&self, key: &str) -> Option<&'a Value> {
        self.frame.fields.and_then(|fields| fields.get(key))
    }

    /// Records a problem with a key of this object; with the object itself when `key` is empty.
    pub fn problem(&mut self, key: &str, message: impl Into<String>) {
        let path = join(&self.frame.path, key);
        self.problem_at(path, message);
    }

    fn problem_at(&mut self, path: String, message: impl Into<String>) {
        if self.frame.fields.is_some() {
            self.problems.push(Problem::new(path, message));
        }
    }

    /// Text that may be absent.
    pub fn optional<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.ask(key, Kind::Text)?;
        let parsed = value.as_str().map(parse);
        match parsed {
            Some(Ok(value)) => return Some(value),
            Some(Err(error)) => self.problem(key, error.to_string()),
            None => self.problem(key, Kind::Text.words()),
        }
        None
    }

    /// Text that must be there.
    pub fn required<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> Option<T> {
        self.must_have(key);
        self.optional(key, parse)
    }

    /// Text with a default; the default also stands in for text that is wrong.
    pub fn text_or<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> T {
        self.optional(key, parse).unwrap_or(default)
    }

    /// One word out of a few, with the first as the default.
    pub fn word<T: Copy + Default>(&mut self, key: &'static str, words: &[(&str, T)]) -> T {
        self.text_or(key, T::default(), |text| one_of(text, words))
    }

    pub fn number<N: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: N,
    ) -> N {
        self.optional_number(key, range).unwrap_or(default)
    }

    pub fn optional_number<N: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<N> {
        let value = self.ask(key, Kind::Number)?;
        if !value.is_u64() && !value.is_i64() {
            self.problem(key, Kind::Number.words());
            return None;
        }
        let number = value.as_u64().filter(|number| range.contains(number));
        let number = number.and_then(|number| N::try_from(number).ok());
        if number.is_none() {
            self.problem(key, format!("must be {} to {}", range.start(), range.end()));
        }
        number
    }

    pub fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.ask(key, Kind::Flag) else { return default };
        value.as_bool().unwrap_or_else(|| {
            self.problem(key, Kind::Flag.words());
            default
        })
    }

    /// A list of texts; each that is wrong is a problem of its own.
    pub fn texts<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        mut parse: impl FnMut(&'a str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let items = self.list(key)?;
        let mut parsed = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str().map(&mut parse) {
                Some(Ok(value)) => parsed.push(value),
                Some(Err(error)) => self.problem(&format!("{key}[{index}]"), error.to_string()),
                None => self.problem(&format!("{key}[{index}]"), Kind::Text.words()),
            }
        }
        Some(parsed)
    }

    /// A list of texts in which nothing may stand twice; absent is empty.
    pub fn set<T: PartialEq, E: fmt::Display>(
        &mut self,
        key: &'static str,
        mut parse: impl FnMut(&'a str) -> Result<T, E>,
    ) -> Vec<T> {
        let mut before: Vec<&'a str> = Vec::new();
        self.texts(key, |text| {
            if before.contains(&text) {
                return Err("is listed twice".to_owned());
            }
            before.push(text);
            parse(text).map_err(|error| error.to_string())
        })
        .unwrap_or_default()
    }

    /// An object that may be absent. `read` is run in any case, to learn its keys.
    pub fn object<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
    ) -> Option<T> {
        let fields = self.fields_of(key);
        let value = self.enter(fields, key.to_owned(), key.to_owned(), read);
        value.filter(|_| fields.is_some())
    }

    /// An object whose every key has a default: absent, it is read all the same.
    pub fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Reader<'a>) -> T) -> T {
        let fields = self.fields_of(key);
        self.enter(fields, key.to_owned(), key.to_owned(), read)
    }

    /// A list of objects; absent is empty.
    pub fn objects<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Reader<'a>) -> Option<T>,
    ) -> Vec<T> {
        self.mixed(key, |_| Err(Kind::Object.words()), &mut read)
    }

    /// A list whose items are texts or objects; absent is empty.
    pub fn mixed<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        mut parse: impl FnMut(&'a str) -> Result<T, E>,
        mut read: impl FnMut(&mut Reader<'a>) -> Option<T>,
    ) -> Vec<T> {
        let pattern = format!("{key}[]");
        self.enter(None, pattern.clone(), pattern.clone(), &mut read);
        let mut parsed = Vec::new();
        for (index, item) in self.list(key).unwrap_or_default().iter().enumerate() {
            let place = format!("{key}[{index}]");
            match item {
                Value::Object(fields) => {
                    parsed.extend(self.enter(Some(fields), place, pattern.clone(), &mut read));
                }
                Value::String(text) => match parse(text) {
                    Ok(value) => parsed.push(value),
                    Err(error) => self.problem(&place, error.to_string()),
                },
                _ => self.problem(&place, Kind::Object.words()),
            }
        }
        parsed
    }

    /// Knows a key whose value says nothing here.
    pub fn skip(&mut self, key: &'static str) {
        self.frame.asked.push(key);
    }

    /// Makes the absence of a key a problem.
    pub fn must_have(&mut self, key: &'static str) {
        if self.frame.fields.is_some_and(|fields| !fields.contains_key(key)) {
            self.problem(key, "is missing");
        }
    }

    fn list(&mut self, key: &'static str) -> Option<&'a [Value]> {
        let value = self.ask(key, Kind::List)?;
        let items = value.as_array().map(Vec::as_slice);
        if items.is_none() {
            self.problem(key, Kind::List.words());
        }
        items
    }

    fn fields_of(&mut self, key: &'static str) -> Option<&'a Map<String, Value>> {
        let value = self.ask(key, Kind::Object)?;
        if !value.is_object() {
            self.problem(key, Kind::Object.words());
        }
        value.as_object()
    }

    fn ask(&mut self, key: &'static str, kind: Kind) -> Option<&'a Value> {
        self.keys.insert(join(&self.frame.pattern, key), kind);
        self.frame.asked.push(key);
        self.raw(key)
    }

    fn enter<T>(
        &mut self,
        fields: Option<&'a Map<String, Value>>,
        place: String,
        pattern: String,
        read: impl FnOnce(&mut Reader<'a>) -> T,
    ) -> T {
        let path = join(&self.frame.path, &place);
        let pattern = join(&self.frame.pattern, &pattern);
        let inner = Frame { fields, path, pattern, asked: Vec::new() };
        let outer = std::mem::replace(&mut self.frame, inner);
        let value = read(self);
        self.refuse_unknown();
        self.frame = outer;
        value
    }

    fn refuse_unknown(&mut self) {
        let Some(fields) = self.frame.fields else { return };
        for key in fields.keys() {
            if !self.frame.asked.contains(&key.as_str()) {
                let path = join(&self.frame.path, &printable(key));
                self.problem_at(path, "is not a known key");
            }
        }
    }
}

/// The value that a word stands for, or the words that are allowed.
pub fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        format!("must be {}", words.join(" or "))
    })
}

fn join(path: &str, key: &str) -> String {
    match (path, key) {
        ("", key) => key.to_owned(),
        (path, "") => path.to_owned(),
        (path, key) => format!("{path}.{key}"),
    }
}

/// A key that a stranger wrote, fit for a terminal and of bounded length.
fn printable(key: &str) -> String {
    let plain = |c: char| if super::name::is_deceptive(c) { '\u{fffd}' } else { c };
    key.chars().take(80).map(plain).collect()
}
