//! Values as HTML: the escaper every template prints through, and the small words
//! and figures that recur on all pages. A page never formats a time or draws an
//! icon by itself, so that each looks the same everywhere.

mod escape;
pub mod filters;
mod mark;
mod person;
mod rosette;
pub mod time;

pub use escape::{Escaper, escape, reveal};
pub use mark::{Mark, sentence_case};
pub use person::{hue, initials};
pub use rosette::{fingerprint_groups, rosette};

/// `1 host`, `2 hosts`: a number with its noun.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {many}", grouped(number)) }
}

/// `8 412`: thousands kept together by no-break spaces.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

/// `412 bytes`, `41 kB`, `4.2 MB`: decimal units, as disks and browsers count.
pub fn file_size(bytes: u64) -> String {
    let tenths = |unit: u64| (bytes / (unit / 10), bytes / unit);
    let (in_tenths, whole, unit) = match bytes {
        0..1_000 => return counted(bytes, "byte", "bytes"),
        1_000..1_000_000 => (tenths(1_000).0, tenths(1_000).1, "kB"),
        1_000_000..1_000_000_000 => (tenths(1_000_000).0, tenths(1_000_000).1, "MB"),
        _ => (tenths(1_000_000_000).0, tenths(1_000_000_000).1, "GB"),
    };
    if whole >= 10 || in_tenths % 10 == 0 {
        format!("{} {unit}", grouped(whole))
    } else {
        format!("{whole}.{} {unit}", in_tenths % 10)
    }
}

/// `web-a, web-b and web-c`.
pub fn listed<S: AsRef<str>>(words: &[S]) -> String {
    match words {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// The same with a capital letter at its beginning.
pub fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}
