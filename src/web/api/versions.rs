//! Versions of objects: `ETag` goes out with each, and may come back as `If-Match`
//! with a change, which is then made only to what its author saw. And what GET gives
//! beside what PUT takes: it may come back too, as it was.

use rocket::http::{Header, Status};
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::{self, Responder};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::answer::Answer;
use super::problem::Problem;
use crate::domain::document::{self, Reader};
use crate::domain::manifest::hex;

/// What `If-Match` asks for.
pub enum IfMatch {
    /// It was not sent, or is `*`.
    Anything,
    /// One of these; none, where only weak ones were sent, which never match.
    One(Vec<String>),
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for IfMatch {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let sent: Vec<&str> = request.headers().get("If-Match").collect();
        Outcome::Success(Self::read(&sent.join(",")))
    }
}

impl IfMatch {
    pub fn read(text: &str) -> Self {
        let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        let mut wanted = Vec::new();
        let mut sent = false;
        for tag in tags {
            if tag == "*" {
                return IfMatch::Anything;
            }
            sent = true;
            let strong = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            wanted.extend(strong.map(str::to_owned));
        }
        if sent { IfMatch::One(wanted) } else { IfMatch::Anything }
    }

    /// The versions of which one must still be there.
    pub fn versions(&self) -> Option<&[String]> {
        match self {
            IfMatch::Anything => None,
            IfMatch::One(wanted) => Some(wanted),
        }
    }

    /// Whether `object` is what its author saw; `what` names it.
    pub fn check(&self, what: &str, object: &Value, passing: &[&str]) -> Result<(), Problem> {
        match self.versions() {
            Some(wanted) if !wanted.contains(&version_of(object, passing)) => Err(changed(what)),
            _ => Ok(()),
        }
    }
}

/// 412: it is another one now.
pub fn changed(what: &str) -> Problem {
    Problem::Unreadable {
        status: Status::PreconditionFailed,
        code: "changed",
        words: format!(
            "The {what} was changed meanwhile: `If-Match` names another version. Nothing was changed."
        ),
    }
}

/// Of an object without what passes by itself: when it was last used.
fn version_of(object: &Value, passing: &[&str]) -> String {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|key, _| !passing.contains(&key.as_str()));
    }
    hex(&Sha256::digest(object.to_string().as_bytes())[..8])
}

/// An answer with the version of the object in it.
pub struct Tagged {
    answer: Answer,
    passing: &'static [&'static str],
}

impl Tagged {
    pub fn new(answer: Answer, passing: &'static [&'static str]) -> Self {
        Self { answer, passing }
    }
}

impl<'r> Responder<'r, 'static> for Tagged {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let object: Option<Value> = serde_json::from_slice(&self.answer.0.body).ok();
        let mut response = self.answer.respond_to(request)?;
        if let Some(object) = object {
            let version = version_of(&object, self.passing);
            response.set_header(Header::new("ETag", format!("\"{version}\"")));
        }
        Ok(response)
    }
}

/// Keys that are only read: GET gives them, and PUT takes them as they are.
pub struct Echoed(Vec<(&'static str, Value)>);

impl Echoed {
    pub fn read(r: &mut Reader<'_>, keys: &[&'static str]) -> Self {
        let mut echoed = Vec::new();
        for key in keys {
            r.skip(key);
            echoed.extend(r.raw(key).map(|value| (*key, value.clone())));
        }
        Self(echoed)
    }

    /// They say what stands; what passes by itself may have passed since.
    pub fn check(&self, object: &Value, passing: &[&str]) -> Result<(), Problem> {
        let differs =
            |(key, value): &&(&'static str, Value)| !passing.contains(key) && object.get(*key) != Some(value);
        self.refuse(differs, "is only read; leave it out, or as GET gave it")
    }

    /// There is nothing yet that they could say.
    pub fn none(&self) -> Result<(), Problem> {
        self.refuse(|_| true, "is only read")
    }

    fn refuse(&self, is_wrong: impl Fn(&&(&'static str, Value)) -> bool, words: &str) -> Result<(), Problem> {
        let wrong = self.0.iter().filter(is_wrong);
        let problems: Vec<_> = wrong.map(|(key, _)| document::Problem::new(*key, words)).collect();
        if problems.is_empty() { Ok(()) } else { Err(Problem::Fields(problems)) }
    }
}
