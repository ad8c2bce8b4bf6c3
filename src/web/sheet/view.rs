//! A form as its template draws it: each input with what it holds and what is wrong.

use std::collections::BTreeMap;

use super::{Errors, Field, Input, Sheet, Typed, Words};
use crate::domain::fleet::Kind;

/// Rows that wait to be filled; a page without scripts adds none.
const EMPTY_ROWS: usize = 3;

/// The names that other objects have, for fields that refer to one.
pub type Names = BTreeMap<Kind, Vec<String>>;

#[derive(Debug, Clone)]
pub struct SectionView {
    pub title: &'static str,
    pub inputs: Vec<InputView>,
}

#[derive(Debug, Clone)]
pub struct InputView {
    pub name: String,
    pub label: &'static str,
    pub hint: String,
    pub error: Option<String>,
    pub shape: Shape,
}

#[derive(Debug, Clone)]
pub enum Shape {
    Text { value: String, mono: bool, is_number: bool },
    Check { ticked: bool },
    Choice { options: Vec<OptionView> },
    Set { boxes: Vec<BoxView> },
    Lines { text: String },
    Secret { removal: Option<BoxView>, is_stored: bool, was_typed: bool },
    Rows { rows: Vec<Vec<InputView>> },
}

#[derive(Debug, Clone)]
pub struct OptionView {
    pub value: String,
    pub words: String,
    pub chosen: bool,
}

#[derive(Debug, Clone)]
pub struct BoxView {
    pub name: String,
    pub words: &'static str,
    pub ticked: bool,
}

/// A field that another person changed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub label: String,
    pub typed: String,
    pub now: String,
}

impl InputView {
    /// What `aria-describedby` points at, or nothing.
    pub fn described_by(&self) -> Option<String> {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-h", self.name));
        let error = self.error.is_some().then(|| format!("{}-e", self.name));
        let ids: Vec<String> = hint.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

pub fn sections(
    sheet: &Sheet,
    typed: &Typed,
    stored: &serde_json::Value,
    errors: &Errors,
    names: &Names,
) -> Vec<SectionView> {
    let draw = Draw { typed, errors, names };
    let section = |section: &'static super::Section| SectionView {
        title: section.title,
        inputs: section
            .fields
            .iter()
            .map(|field| draw.input(field, field.key, stored.get(field.key).is_some(), true))
            .collect(),
    };
    sheet.sections.iter().map(section).collect()
}

struct Draw<'a> {
    typed: &'a Typed,
    errors: &'a Errors,
    names: &'a Names,
}

impl Draw<'_> {
    fn input(&self, field: &'static Field, name: &str, is_stored: bool, alone: bool) -> InputView {
        let text = || self.typed.get(name).cloned().unwrap_or_default();
        let shape = match field.input {
            Input::Text => Shape::Text { value: text(), mono: false, is_number: false },
            Input::Code | Input::Size => Shape::Text { value: text(), mono: true, is_number: false },
            Input::Number => Shape::Text { value: text(), mono: false, is_number: true },
            Input::Check => Shape::Check { ticked: self.typed.contains_key(name) },
            Input::Choice(words) => Shape::Choice { options: choices(words, &text()) },
            Input::Reference(kind) => Shape::Choice { options: self.references(kind, &text()) },
            Input::Set(words) => Shape::Set { boxes: self.boxes(words, name) },
            Input::Lines | Input::Document => Shape::Lines { text: text() },
            Input::Secret => {
                let removal = (alone && is_stored).then(|| BoxView {
                    name: field.removal(),
                    words: "Remove the one that is stored",
                    ticked: self.typed.contains_key(&field.removal()),
                });
                Shape::Secret { removal, is_stored, was_typed: self.typed.contains_key(name) }
            }
            Input::Rows(columns) => Shape::Rows { rows: self.rows(columns, name) },
        };
        let known = match field.key {
            "clusters" => self.known(Kind::Cluster),
            "promote_from" => self.known(Kind::Environment),
            _ => String::new(),
        };
        InputView {
            name: name.to_owned(),
            label: field.label,
            hint: format!("{}{known}", field.hint),
            error: self.errors.of_fields.get(name).cloned(),
            shape,
        }
    }

    fn known(&self, kind: Kind) -> String {
        let names = self.names.get(&kind).map(Vec::as_slice).unwrap_or_default();
        if names.is_empty() { String::new() } else { format!(" There are: {}.", names.join(", ")) }
    }

    fn rows(&self, columns: &'static [Field], name: &str) -> Vec<Vec<InputView>> {
        let is_filled = |index: usize| {
            let prefix = format!("{name}.{index}.");
            self.typed.keys().chain(self.errors.of_fields.keys()).any(|name| name.starts_with(&prefix))
        };
        // No form holds more rows than fields.
        let filled =
            (0..self.typed.len() + self.errors.of_fields.len()).take_while(|index| is_filled(*index));
        let filled = filled.count();
        let row = |index: usize| {
            // An address alone has no account, so nothing is stored for it.
            let mut beside = columns.iter().skip(1);
            let has_account = beside.any(|column| {
                let cell = self.typed.get(&format!("{name}.{index}.{}", column.key));
                cell.is_some_and(|text| !text.is_empty())
            });
            let cell = |column: &'static Field| {
                let is_stored = index < filled && has_account;
                self.input(column, &format!("{name}.{index}.{}", column.key), is_stored, false)
            };
            columns.iter().map(cell).collect()
        };
        (0..filled + EMPTY_ROWS).map(row).collect()
    }

    fn boxes(&self, words: Words, name: &str) -> Vec<BoxView> {
        let view = |(word, words): &(&'static str, &'static str)| {
            let name = format!("{name}.{word}");
            BoxView { ticked: self.typed.contains_key(&name), name, words }
        };
        words.iter().map(view).collect()
    }

    /// With the one that was chosen, also where nothing has that name any more.
    fn references(&self, kind: Kind, chosen: &str) -> Vec<OptionView> {
        let mut names: Vec<&str> = vec![""];
        names.extend(self.names.get(&kind).into_iter().flatten().map(String::as_str));
        if !names.contains(&chosen) {
            names.push(chosen);
        }
        let words = |name: &str| if name.is_empty() { "–".to_owned() } else { name.to_owned() };
        let option =
            |name: &str| OptionView { value: name.to_owned(), words: words(name), chosen: name == chosen };
        names.into_iter().map(option).collect()
    }
}

fn choices(words: Words, chosen: &str) -> Vec<OptionView> {
    let option = |(value, words): &(&str, &str)| OptionView {
        value: (*value).to_owned(),
        words: (*words).to_owned(),
        chosen: *value == chosen,
    };
    let mut options: Vec<OptionView> = words.iter().map(option).collect();
    if !options.iter().any(|option| option.chosen) && !chosen.is_empty() {
        options.push(OptionView { value: chosen.to_owned(), words: chosen.to_owned(), chosen: true });
    }
    options
}

/// Where what was typed and what is there now are not the same.
pub fn differences(sheet: &Sheet, typed: &Typed, now: &Typed) -> Vec<Difference> {
    let mut found = Vec::new();
    for field in sheet.fields().filter(|field| !matches!(field.input, Input::Secret)) {
        let of = |form: &Typed| -> String {
            let inside = format!("{}.", field.key);
            let is_own = |name: &str| name == field.key || name.starts_with(&inside);
            let own = form.iter().filter(|(name, _)| is_own(name) && !name.ends_with(".password"));
            let words: Vec<String> = own.map(|(name, value)| said(field, name, value)).collect();
            words.join(", ")
        };
        let (typed, now) = (of(typed), of(now));
        if typed != now {
            found.push(Difference { label: field.label.to_owned(), typed, now });
        }
    }
    found
}

fn said(field: &Field, name: &str, value: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    match field.input {
        Input::Check => "yes".to_owned(),
        Input::Set(_) => last.to_owned(),
        Input::Rows(_) if value == "1" => last.to_owned(),
        _ => value.replace("\r\n", "\n").replace('\n', ", "),
    }
}
