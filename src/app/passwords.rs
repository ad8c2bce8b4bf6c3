//! Passwords of our own: argon2id, off the threads that answer requests, and a few at
//! once, since each takes 19 MB and tens of milliseconds.
//!
//! A name without a password costs the same as a wrong password: a hash that fits
//! nothing is computed for it (security.md 24).

use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Argon2, Params};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::Refusal;

const AT_ONCE: usize = 2;
const SHORTEST: usize = 12;
const LONGEST: usize = 1024;

#[derive(Debug)]
pub struct Passwords {
    places: Semaphore,
    checked: AtomicU64,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { places: Semaphore::new(AT_ONCE), checked: AtomicU64::new(0) }
    }
}

impl Passwords {
    /// As a PHC string, with the parameters that the crate of argon2 recommends.
    pub async fn hash(&self, field: &'static str, password: SecretString) -> Result<String, Refusal> {
        if !(SHORTEST..=LONGEST).contains(&password.expose_secret().len()) {
            return Err(Refusal::field(field, format!("A password is {SHORTEST} to {LONGEST} bytes long.")));
        }
        self.work(move || hashed(password.expose_secret().as_bytes())).await?
    }

    /// Whether it is the password of that hash; of no hash, none is.
    pub async fn fits(&self, password: &SecretString, hash: Option<String>) -> Result<bool, Refusal> {
        let password = password.clone();
        self.checked.fetch_add(1, Ordering::Relaxed);
        self.work(move || {
            // What is longer than any password is cut, and then fits none.
            let text = password.expose_secret().as_bytes();
            let bytes = &text[..text.len().min(LONGEST)];
            let known = hash.is_some() && bytes.len() == text.len();
            let hash = match hash {
                Some(hash) => hash,
                None => nobodys()?,
            };
            Ok(Argon2::default().verify_password(bytes, hash.as_str()).is_ok() && known)
        })
        .await?
    }

    /// How many hashes were computed to check somebody.
    pub fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
        let _place = self.places.acquire().await.map_err(|error| failed(&error))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| failed(&error))
    }
}

/// What is checked for names that have no password: it costs what any other does, fits
/// none, and takes no hash to be made.
pub(crate) fn nobodys() -> Result<String, Refusal> {
    let salt = STANDARD_NO_PAD.encode(super::session::random::<16>()?);
    let hash = STANDARD_NO_PAD.encode(super::session::random::<32>()?);
    let (m, t, p) = (Params::DEFAULT_M_COST, Params::DEFAULT_T_COST, Params::DEFAULT_P_COST);
    Ok(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}"))
}

fn hashed(password: &[u8]) -> Result<String, Refusal> {
    Argon2::default().hash_password(password).map(|hash| hash.to_string()).map_err(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::Internal(format!("argon2: {error}"))
}
