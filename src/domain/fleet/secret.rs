//! The forms a secret takes in a fleet file (rules.md 40).

use crate::domain::name::is_deceptive;

/// How an exported file stands for a secret that the server already knows.
pub const STORED: &str = "stored:";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm<'a> {
    /// The secret itself. It is stored sealed, and never shown again.
    Literal(&'a str),
    /// The name of a variable of the server's.
    Env(&'a str),
    /// A file of the server's.
    File(&'a str),
    /// The one already stored for the same object.
    Stored,
}

impl<'a> SecretForm<'a> {
    pub fn of(text: &'a str) -> Self {
        if text == STORED {
            return SecretForm::Stored;
        }
        if let Some(name) = text.strip_prefix("env:") {
            return SecretForm::Env(name);
        }
        match text.strip_prefix("file:") {
            Some(path) => SecretForm::File(path),
            None => SecretForm::Literal(text),
        }
    }

    /// Whether the server would read it from its own surroundings; accepted only
    /// from the command line.
    pub fn is_reference(self) -> bool {
        matches!(self, SecretForm::Env(_) | SecretForm::File(_))
    }
}

/// The secret as it may be shown: references as given, everything else as `stored:`.
pub fn shown(text: &str) -> &str {
    if SecretForm::of(text).is_reference() { text } else { STORED }
}

pub(super) fn check(text: &str) -> Result<String, &'static str> {
    let variable = |name: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        !name.is_empty() && name.bytes().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    match SecretForm::of(text) {
        SecretForm::Env(name) if !variable(name) => Err("must name a variable after env:"),
        SecretForm::File("") => Err("must name a file after file:"),
        SecretForm::Literal("") => Err("must not be empty"),
        SecretForm::Literal(text) if text.starts_with(STORED) => Err("must be \"stored:\" and nothing more"),
        _ if text.chars().any(is_deceptive) => Err("must not hold control or text-direction characters"),
        _ => Ok(text.to_owned()),
    }
}
