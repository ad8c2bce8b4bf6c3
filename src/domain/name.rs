//! Names and ids, parsed once at the border. A value of one of these types is
//! safe to print, to compare and to hand to a program as one argument.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("must be 1 to 63 of a-z, 0-9, '.', '_' and '-', starting with a letter or digit")]
    Name,
    #[error("must be a full commit id: 40 or 64 lower-case hexadecimal digits")]
    Commit,
    #[error("{0}")]
    Tag(&'static str),
}

fn parse_name(text: &str) -> Result<(), NameError> {
    let bytes = text.as_bytes();
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let rest = |b: &u8| plain(b) || matches!(b, b'.' | b'_' | b'-');
    match bytes.split_first() {
        Some((first, others)) if plain(first) && others.len() <= 62 && others.iter().all(rest) => Ok(()),
        _ => Err(NameError::Name),
    }
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> Result<(), NameError> = $parse;
                check(text)?;
                Ok(Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_type!(
    /// The name of an application, environment, server, cluster, load balancer,
    /// calendar, role or person (rules.md 32).
    Name,
    parse_name
);
text_type!(
    /// A full object id, never abbreviated (security.md 7).
    CommitId,
    |text| {
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex && matches!(text.len(), 40 | 64) { Ok(()) } else { Err(NameError::Commit) }
    }
);
text_type!(
    /// The short name of a tag (`v1.2`, `releases/über 1`): a ref that git allows,
    /// and none that could be mistaken for a commit id or for other text (rules.md 14).
    TagName,
    parse_tag
);

impl CommitId {
    /// The first 12 digits, for reading only; nothing accepts them back.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

fn parse_tag(text: &str) -> Result<(), NameError> {
    let looks_like_commit = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let refuse = |why| Err(NameError::Tag(why));
    if text.is_empty() || text.len() > 190 {
        return refuse("must be 1 to 190 bytes long");
    }
    if looks_like_commit {
        return refuse("must not look like a commit id");
    }
    if text.chars().any(is_deceptive) {
        return refuse("must not hold control or text-direction characters");
    }
    let forbidden = |c: char| matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\' | ' ');
    let bad_part = |part: &str| {
        part.is_empty()
            || part.starts_with('.')
            || part.strip_suffix(".lock").is_some()
            || part.ends_with('.')
    };
    if text.starts_with('-')
        || text == "@"
        || text.contains("..")
        || text.contains("@{")
        || text.chars().any(forbidden)
        || text.split('/').any(bad_part)
    {
        return refuse("is not a name that git allows for a tag");
    }
    Ok(())
}

/// Whether there is anything to see in it: a text of spaces and characters without a
/// form of their own says nothing.
pub fn has_visible(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && !is_deceptive(c) && !is_blank(c))
}

/// Characters that draw nothing, though they are letters, symbols or marks: fillers,
/// the empty braille pattern, joiners, soft hyphens, variation selectors and tags.
fn is_blank(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2800}' | '\u{3164}' | '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Characters that change what a reader sees: control characters, and Unicode's
/// direction and invisible format characters.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{061c}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
}
