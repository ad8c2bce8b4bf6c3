//! A person as a small round mark: initials and a colour, both from the name alone.

/// `Dana Okafor` → `DO`, `rosa` → `RO`, nothing readable → `?`.
pub fn initials(display: &str) -> String {
    let mut words = display
        .split(|c: char| c.is_whitespace() || matches!(c, '-' | '_' | '.'))
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()).map(|c| (c, word)));
    let Some((first, word)) = words.next() else { return "?".to_owned() };
    let second = words
        .next_back()
        .map(|(c, _)| c)
        .or_else(|| word.chars().skip_while(|c| *c != first).skip(1).find(|c| c.is_alphanumeric()));
    let letters = std::iter::once(first).chain(second);
    letters.flat_map(char::to_uppercase).collect()
}

/// One of the four avatar colours, 0 to 3.
pub fn hue(name: &str) -> u32 {
    name.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) % 4
}
