//! Tries to come in with a secret that can be guessed. Only those that turned out wrong
//! count, and yet many at once do not slip through together: no more are under way than
//! could all be wrong without passing the limit, and the others wait for a place.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::clock::Clock;

/// A try that is under way. One that is dropped was wrong, or never came to its end.
#[must_use]
pub struct Try<'a> {
    pub(super) place: Option<Held<'a, (IpAddr, &'static str)>>,
    pub(super) name: Option<Held<'a, String>>,
}

impl Try<'_> {
    /// It was right, or says nothing of the secret.
    pub fn take_back(self) {
        let Self { place, name } = self;
        place.into_iter().for_each(Held::let_go);
        name.into_iter().for_each(Held::let_go);
    }
}

/// How many wrong ones there were of each key, as far back as the window reaches, and
/// how many are under way.
pub struct Tries<K: Hash + Eq + Clone> {
    reaches: SignedDuration,
    most: usize,
    tried: Mutex<HashMap<K, Tried>>,
    ended: Notify,
}

#[derive(Default)]
struct Tried {
    wrong: VecDeque<Timestamp>,
    under_way: usize,
}

enum Place {
    Taken,
    /// One that is under way has to end first.
    Wait,
    /// Too many were wrong; for how long that is so.
    Closed(SignedDuration),
}

/// A place among those that are under way.
#[must_use]
pub struct Held<'a, K: Hash + Eq + Clone> {
    tries: &'a Tries<K>,
    key: K,
    clock: Clock,
    was_wrong: bool,
}

impl<K: Hash + Eq + Clone> Held<'_, K> {
    pub fn let_go(mut self) {
        self.was_wrong = false;
    }
}

impl<K: Hash + Eq + Clone> Drop for Held<'_, K> {
    fn drop(&mut self) {
        self.tries.end(&self.key, self.was_wrong, self.clock.now());
    }
}

impl<K: Hash + Eq + Clone> Tries<K> {
    pub fn of(reaches: SignedDuration, most: usize) -> Self {
        Self { reaches, most, tried: Mutex::default(), ended: Notify::new() }
    }

    /// Waits for a place, `at_once` of them at most. When too many were wrong, after how
    /// long there are fewer.
    pub async fn begin(&self, key: K, at_once: usize, clock: &Clock) -> Result<Held<'_, K>, SignedDuration> {
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            // From here on, no end is missed.
            ended.as_mut().enable();
            match self.place(&key, at_once, clock.now()) {
                Place::Taken => {
                    return Ok(Held { tries: self, key, clock: clock.clone(), was_wrong: true });
                }
                Place::Closed(wait) => return Err(wait),
                Place::Wait => ended.await,
            }
        }
    }

    fn place(&self, key: &K, at_once: usize, now: Timestamp) -> Place {
        let mut all = self.lock();
        let over = |at: &Timestamp| now.duration_since(*at) >= self.reaches;
        // Keys that are quiet are forgotten, so that addresses do not pile up.
        all.retain(|_, tried| tried.under_way > 0 || tried.wrong.back().is_some_and(|last| !over(last)));
        let tried = all.entry(key.clone()).or_default();
        while tried.wrong.front().is_some_and(over) {
            tried.wrong.pop_front();
        }
        if let Some(last_too_many) = tried.wrong.len().checked_sub(self.most) {
            // Once this one is over, there are fewer than too many.
            let frees = tried.wrong.get(last_too_many).map_or(now, |at| *at);
            return Place::Closed(self.reaches - now.duration_since(frees));
        }
        if tried.under_way >= at_once || tried.wrong.len() + tried.under_way >= self.most {
            return Place::Wait;
        }
        tried.under_way += 1;
        Place::Taken
    }

    fn end(&self, key: &K, was_wrong: bool, now: Timestamp) {
        if let Some(tried) = self.lock().get_mut(key) {
            tried.under_way = tried.under_way.saturating_sub(1);
            if was_wrong {
                tried.wrong.push_back(now);
            }
        }
        self.ended.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Tried>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
