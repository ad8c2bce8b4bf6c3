//! What may reach a reader. Names, tags, messages, paths and output come from other
//! people; besides HTML's own characters, control and text-direction characters are
//! dropped, because they make a page say something else than what is stored
//! (security.md 33). In a diff they are evidence: there they are shown by number.

use std::fmt::{self, Write};

use crate::domain::name::is_deceptive;

/// The escaper of all templates, named in askama.toml.
#[derive(Debug, Clone, Copy, Default)]
pub struct Escaper;

impl askama::filters::Escaper for Escaper {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        write_escaped(&mut dest, text)
    }
}

/// The same for HTML that is made in Rust.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    // Writing into a String cannot fail.
    let _ = write_escaped(&mut safe, text);
    safe
}

/// Source text as HTML, in which hidden characters are shown: `<span class="ctl">U+202E</span>`.
pub fn reveal(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    let mut plain_from = 0;
    for (at, c) in text.char_indices() {
        if c == '\t' || !is_deceptive(c) {
            continue;
        }
        let _ = write_escaped(&mut safe, &text[plain_from..at]);
        let _ = write!(safe, "<span class=\"ctl\">U+{:04X}</span>", u32::from(c));
        plain_from = at + c.len_utf8();
    }
    let _ = write_escaped(&mut safe, &text[plain_from..]);
    safe
}

fn write_escaped(dest: &mut impl Write, text: &str) -> fmt::Result {
    let mut plain_from = 0;
    for (at, c) in text.char_indices() {
        let replacement = match c {
            '<' => "&#60;",
            '>' => "&#62;",
            '&' => "&#38;",
            '"' => "&#34;",
            '\'' => "&#39;",
            '\n' | '\t' => continue,
            c if is_deceptive(c) => "",
            _ => continue,
        };
        dest.write_str(&text[plain_from..at])?;
        dest.write_str(replacement)?;
        plain_from = at + c.len_utf8();
    }
    dest.write_str(&text[plain_from..])
}
