//! Answers: an object, or a list with where it goes on (rules.md 47).

use std::io::Cursor;

use rocket::http::{ContentType, Header, Status};
use rocket::request::Request;
use rocket::response::{self, Responder, Response};
use serde::Serialize;
use serde_json::json;

use super::BASE;
use super::problem::Problem;
use crate::app::{Refusal, idempotency};

#[derive(Debug)]
pub struct Answer(pub idempotency::Answer);

impl Answer {
    pub fn object(object: &impl Serialize) -> Result<Self, Problem> {
        Self::with_status(200, None, object)
    }

    /// Something new is there now.
    pub fn made(address: &str, object: &impl Serialize) -> Result<Self, Problem> {
        Self::with_status(201, Some(format!("{BASE}{address}")), object)
    }

    /// Something goes on that this answer does not wait for.
    pub fn begun(address: &str, object: &impl Serialize) -> Result<Self, Problem> {
        Self::with_status(202, Some(format!("{BASE}{address}")), object)
    }

    /// It is gone, or was never more than a wish.
    pub fn nothing() -> Self {
        Self(idempotency::Answer { status: 204, location: None, body: Vec::new() })
    }

    /// `next` is what to send as `after`; null at the end.
    pub fn list<T: Serialize>(items: &[T], next: Option<impl Serialize>) -> Result<Self, Problem> {
        Self::object(&json!({ "items": items, "next": next }))
    }

    fn with_status(status: u16, location: Option<String>, object: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(object)
            .map_err(|error| Refusal::Internal(format!("an answer does not serialise: {error}")))?;
        Ok(Self(idempotency::Answer { status, location, body }))
    }
}

impl<'r> Responder<'r, 'static> for Answer {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let idempotency::Answer { status, location, body } = self.0;
        let mut response = Response::build();
        response.status(Status::new(status));
        if status == 204 {
            return response.ok();
        }
        response.header(ContentType::JSON);
        if let Some(location) = location {
            response.header(Header::new("Location", location));
        }
        response.sized_body(body.len(), Cursor::new(body)).ok()
    }
}
