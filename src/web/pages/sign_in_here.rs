//! In without GitHub: a name and a password of ours, or a session that the operator's
//! verifier knows. Both are forms of the login page.

use rocket::State;
use rocket::http::CookieJar;
use secrecy::SecretString;

use super::sign_in::{Arrival, login_page};
use crate::app::{Refusal, exchange, sign_in, sign_in_local};
use crate::web::form::{Fields, FromFields, Knock};
use crate::web::guard::{SESSION_COOKIE, Stranger, private_cookie};
use crate::web::limit::Limits;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::login::SignInProblem;

pub struct Typed {
    name: String,
    password: SecretString,
    return_to: String,
}

impl FromFields for Typed {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            name: fields.take("name"),
            password: SecretString::from(fields.take("password")),
            return_to: fields.take("return_to"),
        }
    }
}

#[rocket::post("/login", data = "<knock>")]
pub async fn by_password(
    knock: Knock<'_, Typed>,
    limits: &State<Limits>,
    cookies: &CookieJar<'_>,
) -> Result<Arrival, PageError> {
    let Knock { stranger, form } = knock;
    let app = stranger.app;
    let tried = limits.begin_try(stranger.frame.address, "login", Some(&form.name), &app.clock).await;
    let tried = match tried {
        Ok(tried) => tried,
        Err(Refusal::TooMany { words, wait }) => {
            let problem = SignInProblem::TooMany { words };
            let page = again(&stranger, cookies, (429, problem), form.name, &form.return_to)?;
            return Ok(Arrival::Out(page.after(Some(wait))));
        }
        Err(other) => return Err(other.into()),
    };
    let session = sign_in_local::sign_in(app, &form.name, &form.password, before(&stranger)).await?;
    let Some(session) = session else {
        let problem = SignInProblem::DoesNotFit;
        return again(&stranger, cookies, (422, problem), form.name, &form.return_to).map(Arrival::Out);
    };
    tried.take_back();
    Ok(arrived(&stranger, cookies, session, &form.return_to))
}

pub struct Elsewhere {
    return_to: String,
}

impl FromFields for Elsewhere {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { return_to: fields.take("return_to") }
    }
}

#[rocket::post("/login/session", data = "<knock>")]
pub async fn by_session(
    knock: Knock<'_, Elsewhere>,
    limits: &State<Limits>,
    cookies: &CookieJar<'_>,
) -> Result<Arrival, PageError> {
    let Knock { stranger, form } = knock;
    let app = stranger.app;
    let named = app.config.session_verifier.as_ref().and_then(|verifier| verifier.cookie.as_deref());
    let id = named.and_then(|name| cookies.get(name)).map(|cookie| cookie.value().to_owned());
    let Some(id) = id else {
        let problem = SignInProblem::NoSessionElsewhere;
        return again(&stranger, cookies, (422, problem), String::new(), &form.return_to).map(Arrival::Out);
    };
    let tried = limits.begin_exchange(stranger.frame.address, "login/session", &app.clock).await?;
    let session = exchange::sign_in(app, &id, before(&stranger)).await;
    if !matches!(session, Ok(None)) {
        tried.take_back();
    }
    if let Some(session) = session? {
        return Ok(arrived(&stranger, cookies, session, &form.return_to));
    }
    let problem = SignInProblem::NoSessionElsewhere;
    again(&stranger, cookies, (422, problem), String::new(), &form.return_to).map(Arrival::Out)
}

fn before(stranger: &Stranger<'_>) -> Option<i64> {
    stranger.found.as_ref().map(|found| found.person.session)
}

fn arrived(stranger: &Stranger<'_>, cookies: &CookieJar<'_>, session: String, return_to: &str) -> Arrival {
    cookies.add_private(private_cookie(stranger.app, SESSION_COOKIE, session));
    Arrival::In(SeeOther(sign_in::local_path(return_to).to_owned()))
}

/// The form again, with the name that was typed and never the password.
fn again(
    stranger: &Stranger<'_>,
    cookies: &CookieJar<'_>,
    (status, problem): (u16, SignInProblem),
    name: String,
    return_to: &str,
) -> Result<Html, PageError> {
    let mut page = login_page(stranger, cookies, return_to, Some(problem))?;
    page.name = name;
    Html::with_status(status, &page)
}
