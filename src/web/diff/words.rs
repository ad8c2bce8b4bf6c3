//! The words that differ between a deleted line and the added one that replaces it.

use similar::{ChangeTag, TextDiff};

use super::{Line, LineKind, Part};

/// Longer lines are not compared: they are data, and comparing costs too much.
const COMPARED: usize = 1_000;
/// Lines that share less than this are two lines, not one that changed.
const ALIKE: f32 = 0.5;

/// Marks the changed words of each run of deleted lines followed by added ones.
pub fn mark(lines: &mut [Line]) {
    let mut at = 0;
    while at < lines.len() {
        let deleted = run(&lines[at..], LineKind::Deleted);
        if deleted == 0 {
            at += 1;
            continue;
        }
        let added = run(&lines[at + deleted..], LineKind::Added);
        for pair in 0..deleted.min(added) {
            let (before, after) = lines.split_at_mut(at + deleted);
            mark_pair(&mut before[at + pair], &mut after[pair]);
        }
        at += deleted + added;
    }
}

fn run(lines: &[Line], kind: LineKind) -> usize {
    lines.iter().take_while(|line| line.kind == kind).count()
}

fn mark_pair(old: &mut Line, new: &mut Line) {
    let ([before], [after]) = (old.parts.as_slice(), new.parts.as_slice()) else { return };
    if before.text.len().max(after.text.len()) > COMPARED || before.text == after.text {
        return;
    }
    let (old_words, new_words) = (words(&before.text), words(&after.text));
    let diff = TextDiff::from_slices(&old_words, &new_words);
    if diff.ratio() < ALIKE {
        return;
    }
    let (mut before_parts, mut after_parts) = (Vec::new(), Vec::new());
    for change in diff.iter_all_changes() {
        let text = change.value();
        match change.tag() {
            ChangeTag::Equal => {
                push(&mut before_parts, false, text);
                push(&mut after_parts, false, text);
            }
            ChangeTag::Delete => push(&mut before_parts, true, text),
            ChangeTag::Insert => push(&mut after_parts, true, text),
        }
    }
    old.parts = before_parts;
    new.parts = after_parts;
}

/// Words as programs have them: a run of letters, digits and underscores, or one other character.
fn words(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end =
            if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        words.push(&rest[..end]);
        rest = &rest[end..];
    }
    words
}

fn push(parts: &mut Vec<Part>, changed: bool, text: &str) {
    match parts.last_mut() {
        Some(last) if last.changed == changed => last.text.push_str(text),
        _ => parts.push(Part { changed, text: text.to_owned() }),
    }
}
