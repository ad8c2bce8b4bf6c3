//! From what is wrong with an object to the field that says it.

use std::collections::BTreeMap;

use super::{Field, Input, Sheet};
use crate::domain::document::Problem;

/// What is wrong, by the name of the field, and what no field of the form can say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Errors {
    pub of_fields: BTreeMap<String, String>,
    pub of_the_whole: Vec<String>,
}

impl Errors {
    pub fn is_empty(&self) -> bool {
        self.of_fields.is_empty() && self.of_the_whole.is_empty()
    }
}

pub fn sort_out(sheet: &Sheet, problems: &[Problem]) -> Errors {
    let mut errors = Errors::default();
    for problem in problems {
        match place(sheet, &problem.path) {
            Some((name, line)) => {
                let words = match line {
                    Some(line) => format!("line {line} {}", problem.message),
                    None => problem.message.clone(),
                };
                let said = errors.of_fields.entry(name).or_default();
                *said = if said.is_empty() { words } else { format!("{said}; {words}") };
            }
            None => errors.of_the_whole.push(problem.to_string()),
        }
    }
    errors
}

/// The name of the field, and the line in it.
fn place(sheet: &Sheet, path: &str) -> Option<(String, Option<usize>)> {
    let mut name = path.replace('[', ".").replace(']', "");
    let mut line = None;
    loop {
        if let Some(field) = field_named(sheet, &name) {
            let line = line.filter(|_| matches!(field.input, Input::Lines));
            return Some((name, line));
        }
        // What is wrong with a row as a whole stands in its first cell.
        if let Some(cell) = first_of_row(sheet, &name) {
            return Some((cell, None));
        }
        // A section that is no field by itself: its first one speaks for it.
        let inside = format!("{name}.");
        if let Some(field) = sheet.fields().find(|field| field.key.starts_with(&inside)) {
            return Some((field.key.to_owned(), None));
        }
        let (outer, last) = name.rsplit_once('.')?;
        line = last.parse::<usize>().ok().map(|index| index + 1);
        name.truncate(outer.len());
    }
}

fn first_of_row(sheet: &Sheet, name: &str) -> Option<String> {
    let (list, index) = name.rsplit_once('.')?;
    index.parse::<usize>().ok()?;
    let field = sheet.fields().find(|field| field.key == list)?;
    let Input::Rows(columns) = field.input else { return None };
    Some(format!("{name}.{}", columns.first()?.key))
}

fn field_named(sheet: &Sheet, name: &str) -> Option<&'static Field> {
    sheet.fields().find_map(|field| {
        if field.key == name {
            return Some(field);
        }
        let Input::Rows(columns) = field.input else { return None };
        let (index, column) = name.strip_prefix(field.key)?.strip_prefix('.')?.split_once('.')?;
        index.parse::<usize>().ok()?;
        columns.iter().find(|known| known.key == column)
    })
}
