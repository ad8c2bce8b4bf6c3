//! Rate limits on routes that check secrets. Only wrong and unknown
//! secrets count, so that nobody is locked out by doing the right thing.
//!
//! The window slides and is exact: a bucket that refills while it is emptied lets
//! nearly twice the number through in a minute.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::app::Refusal;

const WRONG_SECRETS_A_MINUTE: usize = 60;
const SIGN_INS_A_MINUTE: usize = 300;
const API_CALLS_A_MINUTE: usize = 600;
const A_MINUTE: SignedDuration = SignedDuration::from_mins(1);

#[derive(Default)]
pub struct Limits {
    wrong: Windows<(IpAddr, &'static str)>,
    sign_in: Windows<IpAddr>,
    /// By the number of the token.
    api: Windows<i64>,
}

impl Limits {
    /// An unknown link counts against its address; anything else passes through.
    pub fn judge(
        &self,
        address: Option<IpAddr>,
        route: &'static str,
        refusal: Refusal,
        now: Timestamp,
    ) -> Refusal {
        let (Refusal::NotFound, Some(address)) = (&refusal, address) else { return refusal };
        if self.wrong.admit((address, route), WRONG_SECRETS_A_MINUTE, now) {
            refusal
        } else {
            Refusal::TooMany("Too many unknown links from this address. Wait a minute.".to_owned())
        }
    }

    /// A token that speaks for nobody counts against its address.
    pub fn wrong_token(&self, address: Option<IpAddr>, now: Timestamp) -> Refusal {
        match address {
            Some(address) if !self.wrong.admit((address, "api"), WRONG_SECRETS_A_MINUTE, now) => {
                Refusal::TooMany("Too many unknown tokens from this address. Wait a minute.".to_owned())
            }
            _ => Refusal::SignedOut,
        }
    }

    pub fn api(&self, token: i64, now: Timestamp) -> Result<(), Refusal> {
        if self.api.admit(token, API_CALLS_A_MINUTE, now) {
            Ok(())
        } else {
            Err(Refusal::TooMany("Too many calls with this token. Wait a minute.".to_owned()))
        }
    }

    pub fn sign_in(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Refusal> {
        match address {
            Some(address) if !self.sign_in.admit(address, SIGN_INS_A_MINUTE, now) => {
                Err(Refusal::TooMany("Too many sign-ins from this address. Wait a minute.".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// When each key was admitted in the last minute.
struct Windows<K>(Mutex<HashMap<K, VecDeque<Timestamp>>>);

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Windows<K> {
    /// Whether this one is among the first `most` of the minute before it. One that
    /// is not admitted does not count.
    fn admit(&self, key: K, most: usize, now: Timestamp) -> bool {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |at: &Timestamp| now.duration_since(*at) >= A_MINUTE;
        // Keys that are quiet are forgotten, so that addresses do not pile up.
        windows.retain(|_, admitted| admitted.back().is_some_and(|last| !over(last)));
        let admitted = windows.entry(key).or_default();
        while admitted.front().is_some_and(over) {
            admitted.pop_front();
        }
        let fits = admitted.len() < most;
        if fits {
            admitted.push_back(now);
        }
        fits
    }
}
