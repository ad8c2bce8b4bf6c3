//! Text from a repository, made fit to show on one line. Commits and tags may hold
//! any bytes; whoever reads this must see what is there, and only that.

use std::borrow::Cow;

use crate::domain::name::is_deceptive;

const LONGEST_LINE: usize = 200;

/// The first line, without the white space around it: lossy UTF-8 of at most 200
/// characters (an ellipsis marks a cut), deceptive characters removed.
pub(super) fn first_line(bytes: &[u8]) -> String {
    let start = bytes.trim_ascii_start();
    let end = start.iter().position(|&b| b == b'\n' || b == b'\r').unwrap_or(start.len());
    line(&start[..end])
}

/// The same for text that is all one line: line breaks are removed.
pub(super) fn line(bytes: &[u8]) -> String {
    let text: Cow<'_, str> = String::from_utf8_lossy(bytes);
    let mut shown = text.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|&c| !is_deceptive(c));
    let mut line: String = shown.by_ref().take(LONGEST_LINE).collect();
    if shown.next().is_some() {
        line.pop();
        line.push('…');
    }
    line.trim().to_owned()
}
