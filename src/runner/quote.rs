//! The one place where a word is made safe for a remote shell.
//!
//! Everything that a host's shell reads is built from constant text and from the
//! results of this function.

/// One word for a POSIX shell, whatever it holds. A NUL byte cannot be passed to
/// any program; it is dropped.
pub fn quote(word: &str) -> String {
    let plain =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b':' | b',' | b'@');
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('\'');
    for c in word.chars() {
        match c {
            '\0' => {}
            '\'' => quoted.push_str("'\\''"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// Several words, each quoted, with a space between.
pub fn quote_all<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}
