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
const TRIES_FOR_A_NAME: usize = 10;
const A_MINUTE: SignedDuration = SignedDuration::from_mins(1);
const A_QUARTER: SignedDuration = SignedDuration::from_mins(15);
/// A name that is typed may be anything; what is kept of it is bounded.
const LONGEST_NAME: usize = 64;

pub struct Limits {
    wrong: Windows<(IpAddr, &'static str)>,
    sign_in: Windows<IpAddr>,
    /// By the number of the token.
    api: Windows<i64>,
    anonymous: Windows<IpAddr>,
    /// By the name that a password was tried for.
    names: Windows<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wrong: Windows::of(A_MINUTE),
            sign_in: Windows::of(A_MINUTE),
            api: Windows::of(A_MINUTE),
            anonymous: Windows::of(A_MINUTE),
            names: Windows::of(A_QUARTER),
        }
    }
}

/// A try to come in that is under way. It counts as a wrong one from the beginning, so
/// that many at once do not slip through together; one that was right is taken back.
#[must_use]
pub struct Try<'a> {
    limits: &'a Limits,
    place: Option<(IpAddr, &'static str)>,
    name: Option<String>,
    at: Timestamp,
}

impl Try<'_> {
    pub fn take_back(self) {
        if let Some(place) = &self.place {
            self.limits.wrong.forget(place, self.at);
        }
        if let Some(name) = &self.name {
            self.limits.names.forget(name, self.at);
        }
    }
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

    /// Before a password or a foreign session is looked at. Over the limit it is not
    /// looked at, right or wrong: people choose passwords, and those can be guessed.
    pub fn begin_try(
        &self,
        address: Option<IpAddr>,
        route: &'static str,
        name: Option<&str>,
        now: Timestamp,
    ) -> Result<Try<'_>, Refusal> {
        let place = address.map(|address| (address, route));
        if let Some(place) = place
            && !self.wrong.admit(place, WRONG_SECRETS_A_MINUTE, now)
        {
            return Err(Refusal::TooMany(
                "Too many wrong tries from this address. Wait a minute.".to_owned(),
            ));
        }
        let name = name.map(|name| name.trim().chars().take(LONGEST_NAME).collect::<String>().to_lowercase());
        if let Some(name) = &name
            && !self.names.admit(name.clone(), TRIES_FOR_A_NAME, now)
        {
            return Err(Refusal::TooMany(
                "Too many wrong tries for this name. Wait a quarter of an hour.".to_owned(),
            ));
        }
        Ok(Try { limits: self, place, name, at: now })
    }

    pub fn anonymous(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Refusal> {
        match address {
            Some(address) if !self.anonymous.admit(address, API_CALLS_A_MINUTE, now) => {
                Err(Refusal::TooMany("Too many calls from this address. Wait a minute.".to_owned()))
            }
            _ => Ok(()),
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

/// When each key was admitted, as far back as the window reaches.
struct Windows<K> {
    reaches: SignedDuration,
    admitted: Mutex<HashMap<K, VecDeque<Timestamp>>>,
}

impl<K: Hash + Eq> Windows<K> {
    fn of(reaches: SignedDuration) -> Self {
        Self { reaches, admitted: Mutex::default() }
    }

    fn forget(&self, key: &K, at: Timestamp) {
        let mut windows = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(admitted) = windows.get_mut(key) else { return };
        if let Some(place) = admitted.iter().rposition(|admitted| *admitted == at) {
            admitted.remove(place);
        }
    }

    /// Whether this one is among the first `most` of the window before it. One that
    /// is not admitted does not count.
    fn admit(&self, key: K, most: usize, now: Timestamp) -> bool {
        let mut windows = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |at: &Timestamp| now.duration_since(*at) >= self.reaches;
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
