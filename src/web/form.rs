//! Forms that change something. Before anything else is looked at: a session, its
//! token, and an Origin that is ours (rules.md 36). Then exact fields, and no others.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rocket::data::{self, Data, FromData, ToByteUnit};
use rocket::http::Status;
use rocket::request::Request;

use super::guard::{Stranger, Visit, stranger, visit};
use crate::app::{App, Refusal, session};

/// Larger than any of our forms.
const LARGEST_KIB: u64 = 64;

/// What was typed into a form of ours, by somebody who saw that form.
pub struct Posted<'r, T> {
    pub visit: Visit<'r>,
    pub form: T,
}

/// A form's fields: each is taken by name, and what is left over is refused.
#[derive(Debug, Default)]
pub struct Fields {
    values: BTreeMap<String, String>,
}

impl Fields {
    /// Empty when it was not sent, as browsers do with an unticked box.
    pub fn take(&mut self, name: &str) -> String {
        self.values.remove(name).unwrap_or_default()
    }

    /// For a form whose fields its page knows, and this room does not.
    pub fn take_all(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.values)
    }

    pub fn take_flag(&mut self, name: &str) -> bool {
        matches!(self.take(name).as_str(), "1" | "on" | "true")
    }
}

/// A form as a type; it takes every field it knows.
pub trait FromFields: Sized {
    fn from_fields(fields: &mut Fields) -> Self;
}

/// The version of what a form was filled in for. Empty, or not sent: whatever stands now.
pub fn version(text: &str) -> Result<Option<i64>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let words = "The form does not say what it was filled in for. Load the page again.";
    text.parse().map(Some).map_err(|_| Refusal::field("version", words))
}

/// A form that is only a button.
#[derive(Debug)]
pub struct Nothing;

impl FromFields for Nothing {
    fn from_fields(_: &mut Fields) -> Self {
        Nothing
    }
}

#[rocket::async_trait]
impl<'r, T: FromFields + Send> FromData<'r> for Posted<'r, T> {
    type Error = &'static str;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        match posted(request, data).await {
            Ok(posted) => data::Outcome::Success(posted),
            Err((status, why)) => {
                request.local_cache(|| Why(why.into()));
                data::Outcome::Error((status, why))
            }
        }
    }
}

/// What was typed into a form by somebody who is not signed in, or not as they want to
/// be. Their browser was given a secret with the form, which stands for a session.
pub struct Knock<'r, T> {
    pub stranger: Stranger<'r>,
    pub form: T,
}

/// Why a request was refused, for the error page.
pub struct Why(pub Cow<'static, str>);

/// Holds what the form of a stranger is bound to.
pub const STRANGER_COOKIE: &str = "countersign_visitor";

const NOT_OURS: &str = "This form was not sent from a page of this site, or the page is too old. Load it again and send it once more; nothing was changed.";
/// What a page says that reads its fields by itself.
pub const UNKNOWN: &str = "The form held a field that this page does not have. Nothing was changed.";
const TWICE: &str = "The form held a field that was sent twice. Nothing was changed.";
/// For somebody whose session is over, or who never had one.
pub const SIGNED_OUT: &str =
    "You are not signed in any more, so nothing was changed. Sign in, and send it once more.";
const TOO_LARGE: &str = "The form is larger than this page takes. Nothing was changed.";
const MALFORMED: &str = "The form could not be read. Nothing was changed.";

async fn posted<'r, T: FromFields>(
    request: &'r Request<'_>,
    data: Data<'r>,
) -> Result<Posted<'r, T>, (Status, &'static str)> {
    let forbidden = (Status::Forbidden, NOT_OURS);
    let visit = match visit(request).await {
        Ok(visit) => visit,
        Err(Status::Unauthorized) => return Err((Status::Forbidden, SIGNED_OUT)),
        Err(status) => return Err((status, "")),
    };
    if !comes_from_us(request, visit.app) {
        return Err(forbidden);
    }
    let mut sent = read(request, data).await?;
    if !session::csrf_holds(&visit.person, &sent.fields.take("csrf")) {
        return Err(forbidden);
    }
    Ok(Posted { visit, form: sent.form()? })
}

#[rocket::async_trait]
impl<'r, T: FromFields + Send> FromData<'r> for Knock<'r, T> {
    type Error = &'static str;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        match knock(request, data).await {
            Ok(knock) => data::Outcome::Success(knock),
            Err((status, why)) => {
                request.local_cache(|| Why(why.into()));
                data::Outcome::Error((status, why))
            }
        }
    }
}

async fn knock<'r, T: FromFields>(
    request: &'r Request<'_>,
    data: Data<'r>,
) -> Result<Knock<'r, T>, (Status, &'static str)> {
    let forbidden = (Status::Forbidden, NOT_OURS);
    let stranger = stranger(request).await.map_err(|status| (status, ""))?;
    if !comes_from_us(request, stranger.app) {
        return Err(forbidden);
    }
    let mut sent = read(request, data).await?;
    let token = sent.fields.take("csrf");
    let of_session = stranger.found.as_ref().is_some_and(|found| session::csrf_holds(&found.person, &token));
    let secret = request.cookies().get_private(STRANGER_COOKIE);
    let of_stranger =
        secret.is_some_and(|secret| session::csrf_of_stranger_holds(stranger.app, secret.value(), &token));
    if !of_session && !of_stranger {
        return Err(forbidden);
    }
    Ok(Knock { stranger, form: sent.form()? })
}

/// A form as it came.
struct Sent {
    fields: Fields,
    twice: bool,
}

impl Sent {
    /// Exactly the fields that the form has, each once.
    fn form<T: FromFields>(mut self) -> Result<T, (Status, &'static str)> {
        let form = T::from_fields(&mut self.fields);
        if !self.fields.values.is_empty() {
            return Err((Status::UnprocessableEntity, UNKNOWN));
        }
        if self.twice {
            return Err((Status::UnprocessableEntity, TWICE));
        }
        Ok(form)
    }
}

async fn read(request: &Request<'_>, data: Data<'_>) -> Result<Sent, (Status, &'static str)> {
    if !request.content_type().is_some_and(|kind| kind.is_form()) {
        return Err((Status::Forbidden, NOT_OURS));
    }
    let body =
        data.open(LARGEST_KIB.kibibytes()).into_bytes().await.map_err(|_| (Status::BadRequest, MALFORMED))?;
    if !body.is_complete() {
        return Err((Status::PayloadTooLarge, TOO_LARGE));
    }
    let mut sent = Sent { fields: Fields::default(), twice: false };
    for (name, value) in url::form_urlencoded::parse(&body) {
        sent.twice |= sent.fields.values.insert(name.into_owned(), value.into_owned()).is_some();
    }
    Ok(sent)
}

/// The Origin must be ours; Sec-Fetch-Site may be missing, but must not say otherwise.
fn comes_from_us(request: &Request<'_>, app: &App) -> bool {
    let ours = app.config.base_url.origin().ascii_serialization();
    let mut origins = request.headers().get("Origin");
    let origin_fits = origins.next() == Some(ours.as_str()) && origins.next().is_none();
    let site_fits =
        request.headers().get("Sec-Fetch-Site").all(|site| matches!(site, "same-origin" | "none"));
    origin_fits && site_fits
}
