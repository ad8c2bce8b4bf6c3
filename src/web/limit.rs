//! Rate limits on routes that check secrets. Only wrong and unknown
//! secrets count, so that nobody is locked out by doing the right thing.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::app::Refusal;

const WRONG_SECRETS_A_MINUTE: u32 = 60;
const SIGN_INS_A_MINUTE: u32 = 300;

pub struct Limits {
    wrong: DefaultKeyedRateLimiter<(IpAddr, &'static str)>,
    sign_in: DefaultKeyedRateLimiter<IpAddr>,
}

impl Default for Limits {
    fn default() -> Self {
        let a_minute = |count| Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN));
        Self {
            wrong: RateLimiter::keyed(a_minute(WRONG_SECRETS_A_MINUTE)),
            sign_in: RateLimiter::keyed(a_minute(SIGN_INS_A_MINUTE)),
        }
    }
}

impl Limits {
    /// An unknown link counts against its address; anything else passes through.
    pub fn judge(&self, address: Option<IpAddr>, route: &'static str, refusal: Refusal) -> Refusal {
        let (Refusal::NotFound, Some(address)) = (&refusal, address) else { return refusal };
        match self.wrong.check_key(&(address, route)) {
            Ok(()) => refusal,
            Err(_) => Refusal::TooMany("Too many unknown links from this address. Wait a minute.".to_owned()),
        }
    }

    pub fn sign_in(&self, address: Option<IpAddr>) -> Result<(), Refusal> {
        match address.map(|address| self.sign_in.check_key(&address)) {
            Some(Err(_)) => {
                Err(Refusal::TooMany("Too many sign-ins from this address. Wait a minute.".to_owned()))
            }
            _ => Ok(()),
        }
    }
}
