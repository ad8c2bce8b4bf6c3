//! Refusals as problem documents (RFC 9457): the same value that a page would show,
//! for programs. `code` is stable, `detail` is for people.

use std::io::Cursor;

use rocket::Route;
use rocket::http::{ContentType, Header, Status};
use rocket::request::Request;
use rocket::response::{self, Responder, Response};
use serde_json::{Value, json};

use crate::app::Refusal;
use crate::domain::document;
use crate::domain::gate::{Gate, Verdict};
use crate::web::guard::Frame;
use crate::web::headers::SecurityHeaders;
use crate::web::respond::retry_after;

#[derive(Debug)]
pub enum Problem {
    Refused(Refusal),
    /// What was sent could be read, and these fields of it are wrong.
    Fields(Vec<document::Problem>),
    /// What was sent could not be taken at all.
    Unreadable {
        status: Status,
        code: &'static str,
        words: String,
    },
    MethodNotAllowed {
        allow: String,
    },
}

impl<E: Into<Refusal>> From<E> for Problem {
    fn from(error: E) -> Self {
        Problem::Refused(error.into())
    }
}

/// A problem as it is sent.
struct Face {
    status: Status,
    code: &'static str,
    detail: String,
    gates: Vec<Value>,
    errors: Vec<Value>,
    header: Option<Header<'static>>,
}

impl Problem {
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Problem::Fields(vec![document::Problem::new(field, message)])
    }

    fn status(&self) -> Status {
        match self {
            Problem::Refused(refusal) => Status::new(refusal.status()),
            Problem::Fields(_) => Status::UnprocessableEntity,
            Problem::Unreadable { status, .. } => *status,
            Problem::MethodNotAllowed { .. } => Status::MethodNotAllowed,
        }
    }

    fn face(&self, request: &Request<'_>) -> Face {
        let (code, detail) = self.words(request);
        let (gates, errors, header) = match self {
            Problem::Refused(Refusal::Stopped(gates)) => (stops(gates), Vec::new(), None),
            Problem::Refused(Refusal::Invalid(errors)) => {
                let errors = errors.iter().map(|error| field(error.field, &error.message)).collect();
                (Vec::new(), errors, None)
            }
            Problem::Refused(Refusal::SignedOut) => {
                let how = Header::new("WWW-Authenticate", "Bearer realm=\"countersign\"");
                (Vec::new(), Vec::new(), Some(how))
            }
            Problem::Refused(Refusal::TooMany { wait, .. }) => {
                (Vec::new(), Vec::new(), Some(retry_after(*wait)))
            }
            Problem::Fields(problems) => {
                let errors = problems.iter().map(|problem| field(&problem.path, &problem.message)).collect();
                (Vec::new(), errors, None)
            }
            Problem::MethodNotAllowed { allow } => {
                (Vec::new(), Vec::new(), Some(Header::new("Allow", allow.clone())))
            }
            Problem::Refused(_) | Problem::Unreadable { .. } => (Vec::new(), Vec::new(), None),
        };
        Face { status: self.status(), code, detail, gates, errors, header }
    }

    /// Internal text goes to the log once, with the request id.
    fn words(&self, request: &Request<'_>) -> (&'static str, String) {
        match self {
            Problem::Refused(refusal) => refused(refusal, request),
            Problem::Fields(_) => ("invalid", "Fields are wrong. Nothing was changed.".to_owned()),
            Problem::Unreadable { code, words, .. } => (code, words.clone()),
            Problem::MethodNotAllowed { allow } => {
                ("method_not_allowed", format!("This address takes {allow}."))
            }
        }
    }
}

fn refused(refusal: &Refusal, request: &Request<'_>) -> (&'static str, String) {
    match refusal {
        Refusal::SignedOut => {
            ("unauthorized", "Send a token that works, as `Authorization: Bearer TOKEN`.".to_owned())
        }
        Refusal::NotFound => ("not_found", "It does not exist, or you may not see it.".to_owned()),
        Refusal::Forbidden(words) => ("forbidden", words.clone()),
        Refusal::Stopped(_) => {
            ("stopped", format!("Something is in the way, and nothing was changed. {refusal}"))
        }
        Refusal::Gone(gone) => ("gone", gone.words.clone()),
        Refusal::Invalid(_) => ("invalid", "Fields are wrong. Nothing was changed.".to_owned()),
        Refusal::Conflict(words) => ("conflict", words.clone()),
        Refusal::TooMany { words, .. } => ("too_many", words.clone()),
        Refusal::Unavailable(words) => ("unavailable", format!("{words} Nothing was changed.")),
        Refusal::Internal(text) => {
            tracing::error!(request = Frame::of(request).request_id, path = %request.uri().path(), error = text, "internal error");
            ("internal", "Something went wrong on our side. It is written down under request_id.".to_owned())
        }
    }
}

/// The gates that stand in the way.
pub fn stops(gates: &[Gate]) -> Vec<Value> {
    let stops = gates.iter().filter(|gate| gate.verdict == Verdict::Stop);
    stops.map(|gate| json!(gate)).collect()
}

fn field(field: &str, message: &str) -> Value {
    json!({ "field": field, "message": message })
}

impl<'r> Responder<'r, 'static> for Problem {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        respond(&self, request)
    }
}

fn respond(problem: &Problem, request: &Request<'_>) -> response::Result<'static> {
    let Face { status, code, detail, gates, errors, header } = problem.face(request);
    let body = json!({
        // The status says what kind it is, and `code` which one (RFC 9457, 4.2.1).
        "type": "about:blank",
        "title": status.reason_lossy(),
        "status": status.code,
        "detail": detail,
        "code": code,
        "gates": gates,
        "errors": errors,
        "request_id": Frame::of(request).request_id,
    })
    .to_string();
    let mut response = Response::build();
    response.status(status).header(ContentType::new("application", "problem+json"));
    if let Some(header) = header {
        response.header(header);
    }
    response.sized_body(body.len(), Cursor::new(body)).ok()
}

/// Why a guard said no, for the catcher.
struct Cause(Option<Problem>);

/// Keeps the problem for the catcher; gives the status that calls it.
pub fn because(request: &Request<'_>, problem: Problem) -> Status {
    let status = problem.status();
    request.local_cache(|| Cause(Some(problem)));
    status
}

/// Everything that no handler answered.
#[rocket::catch(default)]
pub fn unanswered(status: Status, _: &Request<'_>) -> Unanswered {
    Unanswered(status)
}

pub struct Unanswered(Status);

impl<'r> Responder<'r, 'static> for Unanswered {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let mut response = match &request.local_cache(|| Cause(None)).0 {
            Some(problem) => respond(problem, request),
            None => respond(&unexplained(self.0, request), request),
        }?;
        if let Some(headers) = request.rocket().state::<SecurityHeaders>() {
            headers.harden(request, &mut response);
        }
        Ok(response)
    }
}

fn unexplained(status: Status, request: &Request<'_>) -> Problem {
    match status.code {
        // Rocket says 422 where a number of the address is none: that leads nowhere.
        404 | 422 => match other_methods(request) {
            allow if allow.is_empty() => Problem::Refused(Refusal::NotFound),
            allow => Problem::MethodNotAllowed { allow },
        },
        400 => {
            Problem::Unreadable { status, code: "malformed", words: "The request is malformed.".to_owned() }
        }
        code if code < 500 => {
            Problem::Unreadable { status, code: "refused", words: "This cannot be done.".to_owned() }
        }
        _ => Problem::Refused(Refusal::Internal(format!("no handler answered: {status}"))),
    }
}

/// The methods this address takes, where the one that was used is not among them.
fn other_methods(request: &Request<'_>) -> String {
    let here = super::routes().into_iter().filter(|route| leads_to(route, request.uri().path().as_str()));
    let mut methods: Vec<&str> = here.map(|route| route.method.as_str()).collect();
    methods.sort_unstable();
    methods.dedup();
    let used = request.method();
    let head = rocket::http::Method::Head;
    if methods.contains(&used.as_str()) || (used == head && methods.contains(&"GET")) {
        return String::new();
    }
    methods.join(", ")
}

fn leads_to(route: &Route, path: &str) -> bool {
    let Some(path) = path.strip_prefix(super::BASE) else { return false };
    let mut parts = path.split('/');
    let mut pattern = route.uri.path().split('/');
    loop {
        match (pattern.next(), parts.next()) {
            (None, None) => return true,
            (Some(wanted), Some(part)) if wanted == part || wanted.starts_with('<') => {}
            _ => return false,
        }
    }
}
