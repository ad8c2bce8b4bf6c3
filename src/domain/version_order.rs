//! The order in which tags are offered: newest version first, and names that are
//! no versions after them. It depends on the names alone, so that two instances
//! show the same list.

use std::cmp::Ordering;

/// Orders `a` before `b` when `a` is the newer version. Total: only equal names
/// are equal.
pub fn newest_first(a: &str, b: &str) -> Ordering {
    match (Version::of(a), Version::of(b)) {
        (Some(left), Some(right)) => right.compare(&left).then_with(|| by_name(b, a)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => by_name(b, a),
    }
}

/// `v1.10.0-rc.1+build` in its parts. A prefix that ends in `/` or `-` or is a
/// word (`releases/v`, `shop-`, `release`) is ignored.
struct Version<'a> {
    numbers: Vec<&'a str>,
    /// What follows the numbers: empty for a final version.
    suffix: &'a str,
}

impl<'a> Version<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let start = name.find(|c: char| c.is_ascii_digit())?;
        let prefix_is_plain =
            name[..start].chars().all(|c| c.is_alphabetic() || matches!(c, '/' | '-' | '_'));
        if !prefix_is_plain {
            return None;
        }
        let mut rest = &name[start..];
        let mut numbers = Vec::new();
        loop {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            numbers.push(&rest[..end]);
            rest = &rest[end..];
            match rest.strip_prefix('.') {
                Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => rest = next,
                _ => break,
            }
        }
        Some(Self { numbers, suffix: rest })
    }

    fn compare(&self, other: &Self) -> Ordering {
        let parts = self.numbers.len().max(other.numbers.len());
        let part = |version: &Self, at: usize| version.numbers.get(at).copied().unwrap_or("0").to_owned();
        (0..parts)
            .map(|at| compare_numbers(&part(self, at), &part(other, at)))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| compare_suffixes(self.suffix, other.suffix))
    }
}

/// `-rc.1` comes before the final version, anything else (`+build`, `.final`)
/// after it.
fn compare_suffixes(a: &str, b: &str) -> Ordering {
    let rank = |suffix: &str| match suffix.chars().next() {
        Some('-' | '~' | '_') => 0,
        Some(c) if c.is_alphabetic() => 0,
        None => 1,
        Some(_) => 2,
    };
    rank(a).cmp(&rank(b)).then_with(|| by_name(a, b))
}

/// Runs of digits by their value, everything else by its characters.
fn by_name(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        match (left.is_empty(), right.is_empty()) {
            (true, true) => return a.cmp(b),
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        let (first, rest_of_left) = split_run(left);
        let (second, rest_of_right) = split_run(right);
        let both_numbers = is_number(first) && is_number(second);
        let order = if both_numbers { compare_numbers(first, second) } else { first.cmp(second) };
        if order.is_ne() {
            return order;
        }
        (left, right) = (rest_of_left, rest_of_right);
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

fn split_run(text: &str) -> (&str, &str) {
    let digits = is_number(text);
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

/// By value, however many digits there are.
fn compare_numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}
