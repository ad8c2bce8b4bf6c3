//! The lines of an .ics file: unfolded, and cut into name, parameters and value.

use crate::domain::name::is_deceptive;

const MOST_LINES: usize = 100_000;

/// `DTSTART;VALUE=DATE:20261224`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// In capitals.
    pub(super) name: String,
    /// Names in capitals, values without quotes.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) value: String,
}

impl Line {
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.name == name && self.value.eq_ignore_ascii_case(value)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// All lines that are not empty. A line that begins with a space or a tab goes on
/// the one before it.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut whole: Vec<String> = Vec::new();
    for piece in text.split('\n') {
        let piece = piece.strip_suffix('\r').unwrap_or(piece);
        match (piece.strip_prefix([' ', '\t']), whole.last_mut()) {
            (Some(rest), Some(line)) => line.push_str(rest),
            _ if piece.is_empty() => {}
            _ => whole.push(piece.to_owned()),
        }
        if whole.len() > MOST_LINES {
            return Err(format!("has more than {MOST_LINES} lines"));
        }
    }
    whole.iter().map(|line| cut(line)).collect()
}

fn cut(line: &str) -> Result<Line, String> {
    let broken = || format!("is broken at the line {:?}", line.chars().take(60).collect::<String>());
    let mut quoted = false;
    let colon = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == ':' && !quoted
    });
    let (head, value) = colon.map(|(place, _)| (&line[..place], &line[place + 1..])).ok_or_else(broken)?;
    let mut parts = head.split(';');
    let name = parts.next().unwrap_or_default().to_ascii_uppercase();
    let plain = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !plain(&name) {
        return Err(broken());
    }
    let parameters = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.to_ascii_uppercase(), value.trim_matches('"').to_owned()))
        .collect();
    let value = if matches!(name.as_str(), "BEGIN" | "END") {
        value.trim().to_ascii_uppercase()
    } else {
        value.to_owned()
    };
    Ok(Line { name, parameters, value })
}

/// A name as people read it: what a terminal or a page could be fooled by is gone.
pub(super) fn plain_name(value: &str) -> String {
    const LONGEST: usize = 80;
    let mut plain = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                Some('n' | 'N') | None => ' ',
                Some(other) => other,
            },
            other => other,
        };
        plain.push(if is_deceptive(c) { ' ' } else { c });
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect::<String>().trim_end().to_owned()
}

/// The same as it is written in a file.
pub(super) fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for c in name.chars() {
        if matches!(c, '\\' | ';' | ',') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
