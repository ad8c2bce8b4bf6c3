//! Globs of tags and branches (rules.md 13): `*` stands for any run of
//! characters and `?` for one, and neither crosses a `/`. There are no classes
//! and no escapes, so that a pattern means what it looks like.

/// Whether the whole of `text` is what `pattern` describes.
pub fn matches(pattern: &str, text: &str) -> bool {
    // A `/` matches only itself, so the two must agree part by part.
    let (mut patterns, mut parts) = (pattern.split('/'), text.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if part_matches(pattern, part) => {}
            _ => return false,
        }
    }
}

/// One part, without a `/`. Only the last `*` is ever reconsidered, so the work
/// is bounded by the product of the lengths, whatever the pattern.
fn part_matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                last_star = Some((p, t));
                p += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star, from)) = last_star else { return false };
                last_star = Some((star, from + 1));
                p = star + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|&rest| rest == '*')
}
