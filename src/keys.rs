//! The two secret keys and the SSH pair: making them, loading them, and the only
//! ways to use them.
//!
//! `auth_key` authenticates, `enc_key` encrypts. Every use names its purpose, and
//! what was made for one purpose is worthless for another. Rotation is by files:
//! a key that stood there before, renamed to `auth.key.1`, still verifies and opens
//! but makes nothing new (rules.md 40, 41).

mod generate;
mod load;

use std::fmt;
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use subtle::ConstantTimeEq;

pub use generate::{Made, generate};
pub use load::KeyError;

pub const AUTH_KEY_BYTES: usize = 64;
pub const ENC_KEY_BYTES: usize = 32;

/// How a sealed value begins, so that another form can follow this one.
const SEAL_FORM: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 12;
const HEAD_BYTES: usize = 1 + KEY_ID_BYTES;

/// The keys in use, newest first. Neither list is ever empty.
pub struct Keys {
    auth: Ring<AUTH_KEY_BYTES>,
    enc: Ring<ENC_KEY_BYTES>,
}

/// The newest key, and the ones before it.
struct Ring<const BYTES: usize> {
    newest: SecretBox<[u8; BYTES]>,
    older: Vec<(PathBuf, SecretBox<[u8; BYTES]>)>,
}

/// What a key is told from others by; it gives nothing away of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const BYTES: usize> Ring<BYTES> {
    fn newest(&self) -> &[u8] {
        self.newest.expose_secret()
    }

    fn all(&self) -> impl Iterator<Item = &[u8]> {
        let older = self.older.iter().map(|(_, key)| key);
        std::iter::once(&self.newest).chain(older).map(|key| key.expose_secret().as_slice())
    }

    fn older(&self) -> Vec<(KeyId, &Path)> {
        self.older.iter().map(|(file, key)| (id(key.expose_secret()), file.as_path())).collect()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("older_auth_keys", &self.auth.older.len())
            .field("older_enc_keys", &self.enc.older.len())
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// Authenticates a message under the newest key.
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        mac(self.auth.newest(), purpose, &[message])
    }

    /// Whether `code` authenticates the message under any of the keys, in constant time.
    pub fn verify(&self, purpose: &str, message: &[u8], code: &[u8]) -> bool {
        let fits = |right: [u8; 32]| right.as_slice().ct_eq(code);
        let none = subtle::Choice::from(0);
        self.macs(purpose, message).into_iter().map(fits).fold(none, |any, one| any | one).into()
    }

    /// One code per key, newest first: what a stored keyed hash may be.
    pub fn macs(&self, purpose: &str, message: &[u8]) -> Vec<[u8; 32]> {
        self.auth.all().map(|key| mac(key, purpose, &[message])).collect()
    }

    /// Encrypts and authenticates under the newest key.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let key = self.enc.newest();
        let nonce = fresh_nonce(key, purpose, plain);
        let head = head(key);
        let payload = Payload { msg: plain, aad: &head };
        // AES-GCM refuses nothing shorter than 64 GB; an empty seal opens to nothing.
        let encrypted = cipher(key, purpose).encrypt(&Nonce::from(nonce), payload).unwrap_or_default();
        [head.as_slice(), &nonce, &encrypted].concat()
    }

    /// Opens what `seal` made for the same purpose, with the newest or an older key.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (sealed_head, rest) = sealed.split_at_checked(HEAD_BYTES)?;
        let (nonce, encrypted) = rest.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        self.enc.all().filter(|key| head(key) == sealed_head).find_map(|key| {
            let payload = Payload { msg: encrypted, aad: sealed_head };
            cipher(key, purpose).decrypt(&Nonce::from(nonce), payload).ok()
        })
    }

    /// Whether a value was sealed with an older key and should be sealed again.
    pub fn is_outdated(&self, sealed: &[u8]) -> bool {
        !sealed.starts_with(&head(self.enc.newest()))
    }

    /// Which key a value was sealed with, be it in the ring or not.
    pub fn sealed_with(&self, sealed: &[u8]) -> Option<KeyId> {
        let (form, rest) = sealed.split_first()?;
        let id = rest.first_chunk::<KEY_ID_BYTES>()?;
        (*form == SEAL_FORM).then_some(KeyId(*id))
    }

    pub fn newest_auth(&self) -> KeyId {
        id(self.auth.newest())
    }

    /// Which key authenticates the message by `code`, the newest first.
    pub fn signer(&self, purpose: &str, message: &[u8], code: &[u8]) -> Option<KeyId> {
        let fits = |key: &&[u8]| bool::from(mac(key, purpose, &[message]).as_slice().ct_eq(code));
        self.auth.all().find(fits).map(id)
    }

    /// Authenticates a message under a key that is perhaps an older one: only to
    /// show that whoever rotated it held both. `None` where the ring has no such key.
    pub fn mac_with(&self, key: KeyId, purpose: &str, message: &[u8]) -> Option<[u8; 32]> {
        self.auth.all().find(|known| id(known) == key).map(|key| mac(key, purpose, &[message]))
    }

    /// The older keys that still verify, and their files, in the order of their numbers.
    pub fn older_auth(&self) -> Vec<(KeyId, &Path)> {
        self.auth.older()
    }

    /// The older keys that still open, and their files, in the order of their numbers.
    pub fn older_enc(&self) -> Vec<(KeyId, &Path)> {
        self.enc.older()
    }

    /// The secret of encrypted cookies; they end with the key they were made under.
    pub fn cookie_key(&self) -> [u8; 64] {
        let mut key = [0; 64];
        let (first, second) = key.split_at_mut(32);
        first.copy_from_slice(&mac(self.enc.newest(), "cookie", &[&[1]]));
        second.copy_from_slice(&mac(self.enc.newest(), "cookie", &[&[2]]));
        key
    }
}

/// HMAC-SHA-256 over purpose and parts, each behind its length, so that no two
/// different inputs read the same.
fn mac(key: &[u8], purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Each purpose has its own encryption key, derived from `enc_key`.
fn cipher(key: &[u8], purpose: &str) -> Aes256Gcm {
    let derived = mac(key, "seal", &[purpose.as_bytes()]);
    <Aes256Gcm as aes_gcm::KeyInit>::new(&derived.into())
}

fn head(key: &[u8]) -> [u8; HEAD_BYTES] {
    let mut head = [SEAL_FORM; HEAD_BYTES];
    head[1..].copy_from_slice(&id(key).0);
    head
}

fn id(key: &[u8]) -> KeyId {
    let code = mac(key, "key id", &[]);
    let mut id = [0; KEY_ID_BYTES];
    id.copy_from_slice(&code[..KEY_ID_BYTES]);
    KeyId(id)
}

/// A nonce from fresh randomness and the plain text together: even should the
/// system's randomness fail, two different texts never share one.
fn fresh_nonce(key: &[u8], purpose: &str, plain: &[u8]) -> [u8; NONCE_BYTES] {
    let mut random = [0; 32];
    if getrandom::fill(&mut random).is_err() {
        tracing::error!("the system gives no randomness; equal values are sealed alike");
    }
    let code = mac(key, "nonce", &[purpose.as_bytes(), &random, plain]);
    let mut nonce = [0; NONCE_BYTES];
    nonce.copy_from_slice(&code[..NONCE_BYTES]);
    nonce
}
