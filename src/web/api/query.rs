//! What stands after the `?`: each name once, and none that the route does not have.
//! It is read as documents are, so every mistake is named at once.

use std::ops::RangeInclusive;

use rocket::request::{FromRequest, Outcome, Request};
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::domain::document::{self, Reader};
use crate::domain::name::Name;
use jiff::Timestamp;

const LIMITS: RangeInclusive<usize> = 1..=200;
const USUAL_LIMIT: usize = 50;

pub struct Query(String);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Query {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        Outcome::Success(Query(request.uri().query().map(|query| query.to_string()).unwrap_or_default()))
    }
}

impl Query {
    pub fn read<T>(&self, read: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, Problem> {
        let mut fields = Map::new();
        for (name, value) in url::form_urlencoded::parse(self.0.as_bytes()) {
            if fields.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
                return Err(Problem::field(name, "is there twice"));
            }
        }
        document::read(&Value::Object(fields), |r| Some(read(r))).map_err(Problem::Fields)
    }

    /// For routes that take none.
    pub fn none(&self) -> Result<(), Problem> {
        self.read(|_| ())
    }
}

/// How much of a list is wanted, and after which of its items.
#[derive(Debug)]
pub struct Page<A> {
    pub limit: usize,
    pub after: Option<A>,
}

impl<A> Page<A> {
    pub fn read(r: &mut Reader<'_>, after: impl FnOnce(&str) -> Result<A, String>) -> Self {
        let limit = r.text_or("limit", USUAL_LIMIT, |text| {
            let limit = text.parse().ok().filter(|limit| LIMITS.contains(limit));
            limit.ok_or_else(|| format!("must be {} to {}", LIMITS.start(), LIMITS.end()))
        });
        Self { limit, after: r.optional("after", after) }
    }
}

pub fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "must be a whole number".to_owned())
}

pub fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "must be an instant like 2026-11-22T08:00:00Z".to_owned())
}

pub fn name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(|error| error.to_string())
}

/// One of the words of a state.
pub fn word<T>(text: &str, from_word: fn(&str) -> Option<T>) -> Result<T, String> {
    from_word(text).ok_or_else(|| "is not a state".to_owned())
}
