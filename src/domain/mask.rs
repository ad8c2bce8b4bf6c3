//! Takes known secrets out of what programs print, in each form they are likely to
//! have there.
//!
//! It is a net under a net: scripts get no secret of ours. But a deploy script prints
//! what it likes, and a journal is read by many and mailed. Only what is known can be
//! found, and a short text would be found everywhere, so those are left alone.
//!
//! Every place where a form begins is masked to where the longest form ends there;
//! what overlaps becomes one mark. That depends only on the text, not on how it
//! arrives: a masker holds back what may still become a secret, and no more than the
//! longest form.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::manifest::hex;

/// What stands for a secret.
pub const MARK: &str = "•••";

/// Bytes. Shorter values are words of everyday.
pub const SHORTEST: usize = 6;

/// Of a secret of several lines (a key file), each line of this length counts by
/// itself, because output comes in lines.
const SHORTEST_LINE: usize = 16;

/// The forms to look for. Cheap to share, never shown.
#[derive(Default)]
pub struct Mask {
    /// By their first byte, the longest first.
    forms: Vec<Vec<Box<[u8]>>>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mask").field("forms", &self.forms.iter().map(Vec::len).sum::<usize>()).finish()
    }
}

impl Mask {
    pub fn new(secrets: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let mut all = BTreeSet::new();
        for secret in secrets {
            add_forms(&mut all, secret.as_ref().trim_ascii());
        }
        if all.is_empty() {
            return Self::default();
        }
        let mut forms = vec![Vec::new(); 256];
        for form in all {
            if let Some(&first) = form.first() {
                forms[usize::from(first)].push(form.into_boxed_slice());
            }
        }
        for bucket in &mut forms {
            bucket.sort_by_key(|form| std::cmp::Reverse(form.len()));
        }
        Self { forms }
    }

    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// A text that is whole.
    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let is_clean = |at: usize| matches!(self.at(&text.as_bytes()[at..], true), At::Nothing);
        if self.is_empty() || (0..text.len()).all(is_clean) {
            return Cow::Borrowed(text);
        }
        let mut masker = Masker::default();
        let mut bytes = masker.push(self, text.as_bytes());
        bytes.extend(masker.finish(self));
        Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What begins at the first byte of `rest`. `whole`: nothing follows it.
    fn at(&self, rest: &[u8], whole: bool) -> At {
        let Some(bucket) = rest.first().and_then(|first| self.forms.get(usize::from(*first))) else {
            return At::Nothing;
        };
        for form in bucket {
            if rest.starts_with(form) {
                return At::Secret(form.len());
            }
            if !whole && form.starts_with(rest) {
                return At::Unknown;
            }
        }
        At::Nothing
    }
}

enum At {
    Nothing,
    Secret(usize),
    /// What follows will decide.
    Unknown,
}

/// Masks a stream that arrives in any pieces.
#[derive(Debug, Default)]
pub struct Masker {
    held: Vec<u8>,
    /// How many of the held bytes belong to a secret that began before them.
    covered: usize,
    /// The mark for the secret that goes on was already given.
    in_secret: bool,
}

impl Masker {
    /// What can be told already.
    pub fn push(&mut self, mask: &Mask, bytes: &[u8]) -> Vec<u8> {
        if mask.is_empty() {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        self.ready(mask, false)
    }

    /// The rest, when the stream has ended.
    pub fn finish(&mut self, mask: &Mask) -> Vec<u8> {
        self.ready(mask, true)
    }

    fn ready(&mut self, mask: &Mask, whole: bool) -> Vec<u8> {
        let mut ready = Vec::with_capacity(self.held.len());
        let mut at = 0;
        while at < self.held.len() {
            match mask.at(&self.held[at..], whole) {
                At::Unknown => break,
                At::Secret(length) => self.covered = self.covered.max(length),
                At::Nothing => {}
            }
            if self.covered == 0 {
                ready.push(self.held[at]);
                self.in_secret = false;
            } else {
                if !self.in_secret {
                    ready.extend_from_slice(MARK.as_bytes());
                }
                self.in_secret = true;
                self.covered -= 1;
            }
            at += 1;
        }
        self.held.drain(..at);
        ready
    }
}

fn add_forms(all: &mut BTreeSet<Vec<u8>>, secret: &[u8]) {
    if secret.len() < SHORTEST {
        return;
    }
    if secret.contains(&b'\n') {
        // The lines around a key are the same in every key.
        let is_long = |line: &&[u8]| line.len() >= SHORTEST_LINE && !line.starts_with(b"-----");
        for line in secret.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(is_long) {
            add_forms(all, line);
        }
    } else {
        all.insert(secret.to_vec());
    }
    let hex = hex(secret);
    all.insert(hex.to_uppercase().into_bytes());
    all.insert(hex.into_bytes());
    for before in 0..3 {
        base64_forms(all, secret, before);
    }
    for lower in [false, true] {
        for plus in [false, true] {
            all.insert(percent_encoded(secret, lower, plus));
        }
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        let quoted = serde_json::Value::from(text).to_string();
        let inner = quoted[1..quoted.len() - 1].to_owned();
        all.insert(inner.replace('/', "\\/").into_bytes());
        all.insert(inner.into_bytes());
    }
    // Forms of a secret of lines hold no line end, except where nothing was encoded.
    all.retain(|form| !form.contains(&b'\n'));
}

/// The digits that only the secret decides, when `before` bytes stand before it.
fn base64_forms(all: &mut BTreeSet<Vec<u8>>, secret: &[u8], before: usize) {
    let padded = [&[0; 2][..before], secret].concat();
    let (first, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
        all.insert(encoded.as_bytes()[first..end].to_vec());
    }
}

/// All but the unreserved characters; `plus` as forms do with a space.
fn percent_encoded(secret: &[u8], lower: bool, plus: bool) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(secret.len() * 3);
    for &byte in secret {
        match byte {
            b' ' if plus => encoded.push(b'+'),
            _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => encoded.push(byte),
            _ if lower => encoded.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            _ => encoded.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    encoded
}
