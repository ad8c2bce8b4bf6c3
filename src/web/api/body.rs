//! What a POST sends: JSON, of bounded size, with exactly the fields that the route
//! has. A request with an `Idempotency-Key` is acted on once.

use rocket::data::{self, Data, FromData, ToByteUnit};
use rocket::http::Status;
use rocket::request::Request;
use serde_json::Value;

use super::answer::Answer;
use super::bearer::Bearer;
use super::problem::{Problem, because};
use crate::app::idempotency::{self, Begun, Key};
use crate::domain::document::{self, Reader};

/// Larger than any object that a route takes.
const LARGEST_KIB: u64 = 64;

/// An input as a type; it asks for every key it knows.
pub trait FromBody: Sized {
    fn read(r: &mut Reader<'_>) -> Option<Self>;
}

/// A route that needs to know nothing.
pub struct Nothing;

impl FromBody for Nothing {
    fn read(_: &mut Reader<'_>) -> Option<Self> {
        Some(Self)
    }
}

pub struct Body<T> {
    pub input: T,
    pub once: Once,
}

/// What tells one request from another.
pub struct Once {
    key: Option<Key>,
    route: String,
    /// The body itself is not kept, and neither is a plain hash: it may hold a password.
    body: Vec<u8>,
}

/// An answer that is told once, and what is told when the request comes again.
pub struct Told {
    first: Answer,
    again: Answer,
}

impl Once {
    /// Acts, unless this very request was answered before. `act` does nothing until
    /// it is awaited.
    pub fn answer(
        self,
        bearer: &Bearer<'_>,
        act: impl Future<Output = Result<Answer, Problem>>,
    ) -> impl Future<Output = Result<Answer, Problem>> {
        // On the heap, so that a route is as large once and not for each that wraps it.
        let act = Box::pin(act);
        let act = async { act.await.map(|answer| Told { again: Answer(answer.0.clone()), first: answer }) };
        self.answer_once(bearer, act)
    }

    pub fn told(first: Answer, again: Answer) -> Told {
        Told { first, again }
    }

    /// The same for what is told only once.
    pub async fn answer_once(
        self,
        bearer: &Bearer<'_>,
        act: impl Future<Output = Result<Told, Problem>>,
    ) -> Result<Answer, Problem> {
        let Some(key) = &self.key else { return act.await.map(|told| told.first) };
        let (app, actor) = (bearer.app, bearer.actor());
        let first = match idempotency::begin(app, actor, key, &self.route, &self.body).await? {
            Begun::Again(answer) => return Ok(Answer(answer)),
            Begun::First(first) => first,
        };
        let answer = act.await;
        let kept = match &answer {
            Ok(told) => idempotency::end(app, first, &told.again.0).await,
            Err(_) => idempotency::give_up(app, first).await,
        };
        // What was done is done: the client gets its answer all the same.
        if let Err(error) = kept {
            tracing::error!(%error, route = self.route, "an answer could not be kept for its repetition");
        }
        answer.map(|told| told.first)
    }
}

#[rocket::async_trait]
impl<'r, T: FromBody + Send> FromData<'r> for Body<T> {
    type Error = ();

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        match read(request, data).await {
            Ok(body) => data::Outcome::Success(body),
            Err(problem) => data::Outcome::Error((because(request, problem), ())),
        }
    }
}

/// A document that is judged later, as a whole.
pub struct Object {
    pub object: Value,
    pub once: Once,
}

#[rocket::async_trait]
impl<'r> FromData<'r> for Object {
    type Error = ();

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        match receive(request, data).await {
            Ok((object, _)) if !object.is_object() => {
                data::Outcome::Error((because(request, Problem::field("", "must be an object")), ()))
            }
            Ok((object, once)) => data::Outcome::Success(Self { object, once }),
            Err(problem) => data::Outcome::Error((because(request, problem), ())),
        }
    }
}

async fn read<T: FromBody>(request: &Request<'_>, data: Data<'_>) -> Result<Body<T>, Problem> {
    let (value, once) = receive(request, data).await?;
    let input = document::read(&value, T::read).map_err(Problem::Fields)?;
    Ok(Body { input, once })
}

async fn receive(request: &Request<'_>, data: Data<'_>) -> Result<(Value, Once), Problem> {
    let unreadable = |status, code, words: String| Problem::Unreadable { status, code, words };
    let key = key_of(request)?;
    let bytes =
        data.open(LARGEST_KIB.kibibytes()).into_bytes().await.map_err(|_| {
            unreadable(Status::BadRequest, "malformed", "The body could not be read.".to_owned())
        })?;
    let is_json = request.content_type().is_some_and(|kind| kind.is_json());
    let is_nothing = bytes.is_empty() && request.content_type().is_none();
    if !is_json && !is_nothing {
        let words = "The body must be JSON, and `Content-Type: application/json` must say so.".to_owned();
        return Err(unreadable(Status::UnsupportedMediaType, "unsupported_media_type", words));
    }
    if !bytes.is_complete() {
        let words = format!("A body of more than {LARGEST_KIB} KiB is not taken.");
        return Err(unreadable(Status::PayloadTooLarge, "too_large", words));
    }
    let malformed = |words: String| unreadable(Status::BadRequest, "malformed", words);
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed("The body is not UTF-8.".to_owned()))?;
    let text = if is_nothing { "{}" } else { text };
    let value =
        document::from_text(text).map_err(|error| malformed(format!("The body is not JSON: {error}.")))?;
    let route = format!("{} {}", request.method(), request.uri().path());
    let body = if key.is_some() { bytes.into_inner() } else { Vec::new() };
    Ok((value, Once { key, route, body }))
}

fn key_of(request: &Request<'_>) -> Result<Option<Key>, Problem> {
    let mut keys = request.headers().get("Idempotency-Key");
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(Problem::field("Idempotency-Key", "is there twice"));
    }
    Key::parse(key).map(Some).map_err(|error| Problem::field(error.field, error.message))
}
