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

use super::tries::{Held, Tries};
use crate::app::Refusal;
use crate::clock::Clock;

pub use super::tries::Try;

const WRONG_SECRETS_A_MINUTE: usize = 60;
const SIGN_INS_A_MINUTE: usize = 300;
const API_CALLS_A_MINUTE: usize = 600;
const TRIES_FOR_A_NAME: usize = 10;
/// Of sessions elsewhere, from one address.
const EXCHANGES_AT_ONCE: usize = 2;
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
    /// Of passwords and of sessions elsewhere.
    tries: Tries<(IpAddr, &'static str)>,
    /// By the name that a password was tried for.
    names: Tries<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wrong: Windows::of(A_MINUTE),
            sign_in: Windows::of(A_MINUTE),
            api: Windows::of(A_MINUTE),
            anonymous: Windows::of(A_MINUTE),
            tries: Tries::of(A_MINUTE, WRONG_SECRETS_A_MINUTE),
            names: Tries::of(A_QUARTER, TRIES_FOR_A_NAME),
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
        match self.wrong.admit((address, route), WRONG_SECRETS_A_MINUTE, now) {
            Ok(()) => refusal,
            Err(wait) => Refusal::too_many("Too many unknown links from this address. Wait a minute.", wait),
        }
    }

    /// A token that speaks for nobody counts against its address.
    pub fn wrong_token(&self, address: Option<IpAddr>, now: Timestamp) -> Refusal {
        let Some(address) = address else { return Refusal::SignedOut };
        match self.wrong.admit((address, "api"), WRONG_SECRETS_A_MINUTE, now) {
            Ok(()) => Refusal::SignedOut,
            Err(wait) => Refusal::too_many("Too many unknown tokens from this address. Wait a minute.", wait),
        }
    }

    /// Before a password is looked at. Over the limit it is not looked at, right or
    /// wrong: people choose passwords, and those can be guessed. Waits while those that
    /// are under way could all turn out wrong.
    pub async fn begin_try(
        &self,
        address: Option<IpAddr>,
        route: &'static str,
        name: Option<&str>,
        clock: &Clock,
    ) -> Result<Try<'_>, Refusal> {
        let place = self.place(address, route, WRONG_SECRETS_A_MINUTE, clock).await?;
        let name = name.map(|name| name.trim().chars().take(LONGEST_NAME).collect::<String>().to_lowercase());
        let Some(name) = name else { return Ok(Try { place, name: None }) };
        match self.names.begin(name, TRIES_FOR_A_NAME, clock).await {
            Ok(name) => Ok(Try { place, name: Some(name) }),
            Err(wait) => {
                place.into_iter().for_each(Held::let_go);
                let words = "Too many wrong tries for this name. Wait a quarter of an hour.";
                Err(Refusal::too_many(words, wait))
            }
        }
    }

    /// Before a session elsewhere is asked about: the operator's system answers it, so
    /// one address gets few of its places at once.
    pub async fn begin_exchange(
        &self,
        address: Option<IpAddr>,
        route: &'static str,
        clock: &Clock,
    ) -> Result<Try<'_>, Refusal> {
        let place = self.place(address, route, EXCHANGES_AT_ONCE, clock).await?;
        Ok(Try { place, name: None })
    }

    async fn place(
        &self,
        address: Option<IpAddr>,
        route: &'static str,
        at_once: usize,
        clock: &Clock,
    ) -> Result<Option<Held<'_, (IpAddr, &'static str)>>, Refusal> {
        let Some(address) = address else { return Ok(None) };
        let held = self.tries.begin((address, route), at_once, clock).await;
        held.map(Some)
            .map_err(|wait| Refusal::too_many("Too many wrong tries from this address. Wait a minute.", wait))
    }

    pub fn anonymous(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Refusal> {
        let Some(address) = address else { return Ok(()) };
        let admitted = self.anonymous.admit(address, API_CALLS_A_MINUTE, now);
        admitted.map_err(|wait| Refusal::too_many("Too many calls from this address. Wait a minute.", wait))
    }

    pub fn api(&self, token: i64, now: Timestamp) -> Result<(), Refusal> {
        let admitted = self.api.admit(token, API_CALLS_A_MINUTE, now);
        admitted.map_err(|wait| Refusal::too_many("Too many calls with this token. Wait a minute.", wait))
    }

    pub fn sign_in(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Refusal> {
        let Some(address) = address else { return Ok(()) };
        let admitted = self.sign_in.admit(address, SIGN_INS_A_MINUTE, now);
        admitted
            .map_err(|wait| Refusal::too_many("Too many sign-ins from this address. Wait a minute.", wait))
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

    /// Whether this one is among the first `most` of the window before it; else how long
    /// until another is. One that is not admitted does not count.
    fn admit(&self, key: K, most: usize, now: Timestamp) -> Result<(), SignedDuration> {
        let mut windows = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |at: &Timestamp| now.duration_since(*at) >= self.reaches;
        // Keys that are quiet are forgotten, so that addresses do not pile up.
        windows.retain(|_, admitted| admitted.back().is_some_and(|last| !over(last)));
        let admitted = windows.entry(key).or_default();
        while admitted.front().is_some_and(over) {
            admitted.pop_front();
        }
        match admitted.front() {
            Some(first) if admitted.len() >= most => Err(self.reaches - now.duration_since(*first)),
            _ => {
                admitted.push_back(now);
                Ok(())
            }
        }
    }
}
