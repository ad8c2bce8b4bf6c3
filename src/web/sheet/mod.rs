//! The forms of administration, as data: for each kind of object its fields, and pure
//! functions from what was typed to the object and back.
//!
//! Nothing is judged here. What was typed becomes the object that a fleet file would
//! hold, and what is wrong with that comes back with its path, which leads to the
//! field. A number that is none therefore stays text, for the reader of documents to
//! refuse.

mod errors;
mod kinds;
mod read;
mod show;
pub mod view;

use std::collections::BTreeMap;

use crate::domain::fleet::Kind;

pub use errors::{Errors, sort_out};
pub use kinds::{blank, sheet_of};
pub use read::{normalised, read};
pub use show::show;

/// What each field of a form holds, by its name. A box that is not ticked and a field
/// that is empty are not there.
pub type Typed = BTreeMap<String, String>;

#[derive(Debug)]
pub struct Sheet {
    pub kind: Kind,
    pub sections: &'static [Section],
}

#[derive(Debug)]
pub struct Section {
    pub title: &'static str,
    pub fields: &'static [Field],
}

#[derive(Debug)]
pub struct Field {
    /// Where it is in the object, with dots: `approval.required`. Also the field's name.
    pub key: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub input: Input,
}

/// The words that are sent, and what people read.
pub type Words = &'static [(&'static str, &'static str)];

#[derive(Debug, Clone, Copy)]
pub enum Input {
    Text,
    /// Text that is read letter by letter: a path, a key.
    Code,
    Number,
    /// A number, or text like `25%`.
    Size,
    Check,
    Choice(Words),
    /// Several of a few words: a box for each.
    Set(Words),
    /// The name of another object, or none.
    Reference(Kind),
    /// One text a line.
    Lines,
    /// One text of many lines.
    Document,
    /// Shown to nobody; left empty, it stays.
    Secret,
    /// A list of objects, each a row; a row without anything in it is not there.
    Rows(&'static [Field]),
}

impl Sheet {
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> {
        self.sections.iter().flat_map(|section| section.fields)
    }
}

impl Field {
    /// The name of the box that takes an optional secret away.
    pub fn removal(&self) -> String {
        format!("{}.remove", self.key)
    }
}
