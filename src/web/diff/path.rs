//! The paths of a patch. Git writes an unusual one in double quotes with the escapes
//! of C; paths are bytes, and what is not UTF-8 in them is shown as such.

/// The path of a `---` or `+++` line without its mark: `a/x`, `"b/\303\251"`, `/dev/null`.
pub fn of_side(text: &[u8], prefix: &str) -> Option<String> {
    let text = text.strip_suffix(b"\t").unwrap_or(text);
    let path = unquoted(text);
    let path = path.strip_prefix(prefix.as_bytes())?;
    Some(String::from_utf8_lossy(path).into_owned())
}

/// The path of `diff --git a/X b/X`, whose sides are equal because renames are not looked for.
pub fn of_header(text: &[u8]) -> String {
    if text.starts_with(b"\"") {
        let first = quoted_end(text).map_or(text, |end| &text[..=end]);
        return side_or_all(&unquoted(first), b"a/");
    }
    // `a/X b/X`: both halves are as long as each other, whatever X holds.
    let half = text.len() / 2;
    side_or_all(&text[..half], b"a/")
}

fn side_or_all(path: &[u8], prefix: &[u8]) -> String {
    String::from_utf8_lossy(path.strip_prefix(prefix).unwrap_or(path)).into_owned()
}

fn quoted_end(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().enumerate().skip(1).find_map(|(at, byte)| {
        let end = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        end.then_some(at)
    })
}

fn unquoted(text: &[u8]) -> Vec<u8> {
    let Some(inner) = text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return text.to_vec();
    };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(digit @ b'0'..=b'3') => {
                let mut value = digit - b'0';
                for _ in 0..2 {
                    if let Some(next) = rest.next_if(|next| (b'0'..=b'7').contains(next)) {
                        value = value.wrapping_mul(8).wrapping_add(next - b'0');
                    }
                }
                bytes.push(value);
            }
            Some(b'a') => bytes.push(7),
            Some(b'b') => bytes.push(8),
            Some(b't') => bytes.push(b'\t'),
            Some(b'n') => bytes.push(b'\n'),
            Some(b'v') => bytes.push(11),
            Some(b'f') => bytes.push(12),
            Some(b'r') => bytes.push(b'\r'),
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    bytes
}
