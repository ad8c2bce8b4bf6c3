//! Text that others wrote, made fit for a header, a line or a mail's body.

use crate::domain::name::is_deceptive;

/// How wide our own sentences are. Room is left for a "> " of a reply.
const WIDTH: usize = 72;
/// The longest subject, name or server's reply that is passed on.
const LINE_LIMIT: usize = 200;

/// One line without control or text-direction characters: nothing of it can
/// begin another header (security.md 34) or change what a reader sees.
pub(super) fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if is_deceptive(c) { ' ' } else { c }).collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LINE_LIMIT {
        return line;
    }
    line.chars().take(LINE_LIMIT - 1).chain(['…']).collect()
}

/// The text with each deceptive character shown as its number, so that a
/// reviewer sees that it is there. Line ends and tabs stay.
pub(super) fn visible(text: &str, is_html: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => out.push('␍'),
            c if is_deceptive(c) => {
                let (open, close) = if is_html { ("&lt;", "&gt;") } else { ("<", ">") };
                out.extend([open, &format!("U+{:04X}", u32::from(c)), close]);
            }
            c => out.push(c),
        }
    }
    out
}

/// A paragraph in lines of at most 72 characters; longer words stay whole.
pub(super) fn wrap(text: &str) -> String {
    fill(text, "", "")
}

/// The same, as an item of a list.
pub(super) fn item(text: &str) -> String {
    fill(text, "- ", "  ")
}

/// Words of a person: every line marked as quoted, paragraphs kept.
pub(super) fn quote(text: &str) -> String {
    lines_of(text).map(|line| fill(line, "> ", "> ")).collect::<Vec<_>>().join("\n")
}

/// The lines of what a person wrote, without empty ones at either end.
pub(super) fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.trim().lines().map(str::trim_end)
}

fn fill(text: &str, first: &str, next: &str) -> String {
    let (mut out, mut line) = (String::new(), first.to_owned());
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            next.clone_into(&mut line);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    out.push_str(line.trim_end());
    out
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
