//! Links: 128 random bits and an HMAC over purpose and bits (security.md 2).
//! Only a keyed hash is stored; the link itself goes into one mail.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::link::Purpose;
use crate::domain::manifest::hex;
use crate::keys::Keys;

const BITS: usize = 16;
const MAC: usize = 16;

/// Makes the text of a new link: safe in a URL, 43 characters.
pub fn mint(keys: &Keys, purpose: Purpose, random: [u8; BITS]) -> String {
    let mac = keys.mac(mac_purpose(purpose), &random);
    URL_SAFE_NO_PAD.encode([&random[..], &mac[..MAC]].concat())
}

/// The hashes a link may be stored under, newest key first; `None` when the text
/// was not made here, without asking the database.
pub fn hashes(keys: &Keys, purpose: Purpose, link: &str) -> Option<Vec<String>> {
    let bytes = URL_SAFE_NO_PAD.decode(link).ok()?;
    let (random, mac) = bytes.split_at_checked(BITS)?;
    let genuine = keys.macs(mac_purpose(purpose), random).iter().any(|known| {
        use subtle::ConstantTimeEq;
        mac.len() == MAC && bool::from(known[..MAC].ct_eq(mac))
    });
    genuine.then(|| keys.macs(hash_purpose(purpose), random).iter().map(|hash| hex(hash)).collect())
}

/// What a new link is stored under.
pub fn hash(keys: &Keys, purpose: Purpose, random: [u8; BITS]) -> String {
    hex(&keys.mac(hash_purpose(purpose), &random))
}

fn mac_purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Review => "review link",
        Purpose::Launch => "launch link",
    }
}

fn hash_purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Review => "review link hash",
        Purpose::Launch => "launch link hash",
    }
}
