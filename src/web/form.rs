//! Forms that change something. Before anything else is looked at: a session, its
//! token, and an Origin that is ours (rules.md 36). Then exact fields, and no others.

use std::collections::BTreeMap;

use rocket::data::{self, Data, FromData, ToByteUnit};
use rocket::http::Status;
use rocket::request::Request;

use super::guard::{Visit, visit};
use crate::app::session;

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
                request.local_cache(|| Why(why));
                data::Outcome::Error((status, why))
            }
        }
    }
}

/// Why a form was refused, for the error page.
pub struct Why(pub &'static str);

const NOT_OURS: &str = "This form was not sent from a page of this site, or the page is too old. Load it again and send it once more; nothing was changed.";
/// What a page says that reads its fields by itself.
pub const UNKNOWN: &str = "The form held a field that this page does not have. Nothing was changed.";
const TOO_LARGE: &str = "The form is larger than this page takes. Nothing was changed.";
const MALFORMED: &str = "The form could not be read. Nothing was changed.";

async fn posted<'r, T: FromFields>(
    request: &'r Request<'_>,
    data: Data<'r>,
) -> Result<Posted<'r, T>, (Status, &'static str)> {
    let forbidden = (Status::Forbidden, NOT_OURS);
    let visit = match visit(request).await {
        Ok(visit) => visit,
        Err(Status::Unauthorized) => return Err(forbidden),
        Err(status) => return Err((status, "")),
    };
    if !comes_from_us(request, &visit) {
        return Err(forbidden);
    }
    let is_form = request.content_type().is_some_and(|kind| kind.is_form());
    if !is_form {
        return Err(forbidden);
    }
    let body =
        data.open(LARGEST_KIB.kibibytes()).into_bytes().await.map_err(|_| (Status::BadRequest, MALFORMED))?;
    if !body.is_complete() {
        return Err((Status::PayloadTooLarge, TOO_LARGE));
    }
    let mut fields = Fields::default();
    let mut twice = false;
    for (name, value) in url::form_urlencoded::parse(&body) {
        twice |= fields.values.insert(name.into_owned(), value.into_owned()).is_some();
    }
    if !session::csrf_holds(&visit.person, &fields.take("csrf")) {
        return Err(forbidden);
    }
    let form = T::from_fields(&mut fields);
    if twice || !fields.values.is_empty() {
        return Err((Status::UnprocessableEntity, UNKNOWN));
    }
    Ok(Posted { visit, form })
}

/// The Origin must be ours; Sec-Fetch-Site may be missing, but must not say otherwise.
fn comes_from_us(request: &Request<'_>, visit: &Visit<'_>) -> bool {
    let ours = visit.app.config.base_url.origin().ascii_serialization();
    let mut origins = request.headers().get("Origin");
    let origin_fits = origins.next() == Some(ours.as_str()) && origins.next().is_none();
    let site_fits =
        request.headers().get("Sec-Fetch-Site").all(|site| matches!(site, "same-origin" | "none"));
    origin_fits && site_fits
}
