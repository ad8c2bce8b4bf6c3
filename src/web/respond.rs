//! Answers: a page, a redirect after a form, or an error page with a way out.

use std::io::Cursor;

use jiff::SignedDuration;
use rocket::http::{ContentType, Header, Status};
use rocket::request::Request;
use rocket::response::{self, Responder, Response};

use super::form::{SIGNED_OUT, Why};
use super::guard::{Frame, error_shell, is_anonymous};
use super::headers::SecurityHeaders;
use super::view::Link;
use super::view::error::ErrorPage;
use crate::app::Refusal;
use crate::domain::gate::Gate;

/// A rendered page with its status.
#[derive(Debug)]
pub struct Html {
    status: Status,
    body: String,
    wait: Option<SignedDuration>,
}

impl Html {
    pub fn page(page: &impl askama::Template) -> Result<Self, PageError> {
        Self::with_status(200, page)
    }

    pub fn with_status(status: u16, page: &impl askama::Template) -> Result<Self, PageError> {
        let body =
            page.render().map_err(|error| PageError(Refusal::Internal(format!("template: {error}"))))?;
        Ok(Self { status: Status::new(status), body, wait: None })
    }

    /// Says when it is worth to try again.
    #[must_use]
    pub fn after(self, wait: Option<SignedDuration>) -> Self {
        Self { wait, ..self }
    }
}

impl<'r> Responder<'r, 'static> for Html {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let mut response = Response::build();
        response.status(self.status).header(ContentType::HTML);
        if let Some(wait) = self.wait {
            response.header(retry_after(wait));
        }
        response.sized_body(self.body.len(), Cursor::new(self.body)).ok()
    }
}

/// In whole seconds, none of them too few.
pub fn retry_after(wait: SignedDuration) -> Header<'static> {
    let begun = i64::from(wait.subsec_nanos() > 0);
    Header::new("Retry-After", (wait.as_secs() + begun).max(1).to_string())
}

/// 303: the form is done, here is the thing's page (rules.md 46).
#[derive(Debug)]
pub struct SeeOther(pub String);

impl<'r> Responder<'r, 'static> for SeeOther {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        Response::build().status(Status::SeeOther).header(Header::new("Location", self.0)).ok()
    }
}

/// A refusal, as a page.
#[derive(Debug)]
pub struct PageError(pub Refusal);

impl<E: Into<Refusal>> From<E> for PageError {
    fn from(error: E) -> Self {
        PageError(error.into())
    }
}

impl<'r> Responder<'r, 'static> for PageError {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let status = self.0.status();
        // Somebody who is not signed in may see it once they are.
        let hidden = matches!(self.0, Refusal::NotFound | Refusal::Forbidden(_)) && is_anonymous(request);
        if hidden || matches!(self.0, Refusal::SignedOut) {
            return to_login(request).respond_to(request);
        }
        let (title, text, way_out, gates) = face(&self.0, request);
        let wait = match &self.0 {
            Refusal::TooMany { wait, .. } => Some(*wait),
            _ => None,
        };
        error_page(request, (status, wait), title, text, way_out, gates)
    }
}

type Face = (String, String, Link, Vec<Gate>);

/// The words for a person. Internal text goes to the log once, with the request id.
fn face(refusal: &Refusal, request: &Request<'_>) -> Face {
    let home = || Link::new("/", "Go home");
    match refusal {
        Refusal::SignedOut => ("Sign in first".to_owned(), String::new(), Link::new("/login", "Sign in"), Vec::new()),
        Refusal::NotFound => (
            "There is nothing here for you".to_owned(),
            "It does not exist, or you may not see it. If somebody sent you the address, ask them to check it.".to_owned(),
            home(),
            Vec::new(),
        ),
        Refusal::Forbidden(words) => ("You may not do this".to_owned(), words.clone(), home(), Vec::new()),
        Refusal::Stopped(gates) => (
            "Something is in the way".to_owned(),
            "Nothing was changed. What stopped it stands below, with what would fix it.".to_owned(),
            Link::new("/requests", "See the requests"),
            gates.clone(),
        ),
        Refusal::Gone(gone) => {
            let way_out = match gone.deployment {
                Some(deployment) => Link::new(format!("/deployments/{deployment}"), "Open the deployment"),
                None => Link::new(format!("/requests/{}", gone.request), "Open the request"),
            };
            ("This link has been spent".to_owned(), gone.words.clone(), way_out, Vec::new())
        }
        Refusal::Invalid(errors) => {
            let words: Vec<String> = errors.iter().map(|error| error.message.clone()).collect();
            ("The form has mistakes".to_owned(), format!("{} Nothing was changed.", words.join(" ")), home(), Vec::new())
        }
        Refusal::Conflict(words) => ("That is no longer possible".to_owned(), words.clone(), home(), Vec::new()),
        Refusal::TooMany { words, .. } => ("Too many tries".to_owned(), words.clone(), home(), Vec::new()),
        Refusal::Unavailable(words) => ("Something outside does not answer".to_owned(), format!("{words} Nothing was changed; try again in a moment."), home(), Vec::new()),
        Refusal::Internal(text) => {
            tracing::error!(request = Frame::of(request).request_id, path = %without_secret(request.uri().path().as_str()), error = text, "internal error");
            ("Something went wrong on our side".to_owned(), "It is written down. Try again, or tell an administrator the number below.".to_owned(), home(), Vec::new())
        }
    }
}

/// A path for the log: what follows `/review/` and `/launch/` opens something
/// (security.md 2).
pub fn without_secret(path: &str) -> String {
    for purpose in ["/review/", "/launch/"] {
        if let Some(rest) = path.strip_prefix(purpose) {
            let after = rest.find('/').map_or("", |at| &rest[at..]);
            return format!("{purpose}…{after}");
        }
    }
    path.to_owned()
}

fn error_page(
    request: &Request<'_>,
    (status, wait): (u16, Option<SignedDuration>),
    title: String,
    text: String,
    way_out: Link,
    gates: Vec<Gate>,
) -> response::Result<'static> {
    let Some(shell) = error_shell(request) else { return Err(Status::InternalServerError) };
    let request_id = Frame::of(request).request_id.clone();
    let page = ErrorPage { shell, status, title, text, way_out, request_id, gates };
    match Html::with_status(status, &page) {
        Ok(html) => html.after(wait).respond_to(request),
        Err(_) => Err(Status::InternalServerError),
    }
}

/// Where somebody signs in, and what they wanted to see.
fn to_login(request: &Request<'_>) -> SeeOther {
    let wanted = request.uri().to_string();
    let query: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", &wanted).finish();
    SeeOther(format!("/login?{query}"))
}

#[rocket::catch(401)]
pub fn unauthorized(request: &Request<'_>) -> PageError {
    let _ = request;
    PageError(Refusal::SignedOut)
}

/// Everything that no handler answered.
#[rocket::catch(default)]
pub fn other(status: Status, _: &Request<'_>) -> Unanswered {
    Unanswered(status)
}

pub struct Unanswered(Status);

/// How long a guard that said "too many" wants to be left alone.
pub struct Wait(pub Option<SignedDuration>);

impl<'r> Responder<'r, 'static> for Unanswered {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let why = request.local_cache(|| Why("".into())).0.clone();
        // Rocket says 422 where a number of the address is none: that leads nowhere.
        let no_such_address = self.0 == Status::UnprocessableEntity && why.is_empty();
        let status = if no_such_address { Status::NotFound } else { self.0 };
        if status.code >= 500 {
            tracing::error!(request = Frame::of(request).request_id, path = %without_secret(request.uri().path().as_str()), status = status.code, "no handler answered");
        }
        let (title, text) = unanswered_words(status);
        // The address of a form leads to its page, also after signing in.
        let (title, way_out) = if why == SIGNED_OUT {
            ("You are signed out", Link::new(to_login(request).0, "Sign in"))
        } else {
            (title, Link::new("/", "Go home"))
        };
        let text = if why.is_empty() { text.to_owned() } else { why.into_owned() };
        let wait = request.local_cache(|| Wait(None)).0;
        let face = (status.code, wait);
        let page = error_page(request, face, title.to_owned(), text, way_out, Vec::new());
        page.map(|mut response| {
            if let Some(headers) = request.rocket().state::<SecurityHeaders>() {
                headers.harden(request, &mut response);
            }
            response
        })
    }
}

fn unanswered_words(status: Status) -> (&'static str, &'static str) {
    match status.code {
        400 => ("This could not be read", "The request was malformed."),
        403 => ("You may not do this", "Nothing was changed."),
        404 => (
            "There is nothing here",
            "The address leads nowhere. It may have been mistyped, or cut off by a mail program.",
        ),
        413 => ("That is too large", "Nothing was changed."),
        422 => ("The form has mistakes", "Nothing was changed."),
        503 => ("The service cannot answer now", "Try again in a moment."),
        _ if status.code < 500 => ("This cannot be done", "Nothing was changed."),
        _ => (
            "Something went wrong on our side",
            "It is written down. Try again, or tell an administrator the number below.",
        ),
    }
}
