//! The two doors that need no token: name and password, or a session elsewhere, give
//! one for half an hour.

use rocket::State;
use rocket::http::{CookieJar, Status};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::answer::Answer;
use super::body::{Body, FromBody};
use super::problem::Problem;
use super::query::Query;
use crate::app::tokens::Short;
use crate::app::{App, exchange, sign_in_local};
use crate::domain::document::Reader;
use crate::web::guard::Address;
use crate::web::limit::Limits;

pub struct Credentials {
    username: String,
    password: SecretString,
}

impl FromBody for Credentials {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let username = r.required("username", str::parse::<String>);
        let password = r.required("password", str::parse::<String>);
        Some(Self { username: username?, password: SecretString::from(password?) })
    }
}

/// Without an id, the cookie that the configuration names is taken.
pub struct Foreign {
    session_id: Option<String>,
}

impl FromBody for Foreign {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        Some(Self { session_id: r.optional("session_id", str::parse::<String>) })
    }
}

#[rocket::post("/auth/token", data = "<body>")]
pub async fn token(
    app: &State<App>,
    limits: &State<Limits>,
    address: Address,
    query: Query,
    body: Body<Credentials>,
) -> Result<Answer, Problem> {
    query.none()?;
    let Credentials { username, password } = body.input;
    let tried = limits.begin_try(address.0, "auth/token", Some(&username), &app.clock).await?;
    let token = sign_in_local::token(app, &username, &password).await?;
    let token = token.ok_or_else(|| refused("The name or the password is wrong."))?;
    tried.take_back();
    answer(&token)
}

#[rocket::post("/auth/session", data = "<body>")]
pub async fn session(
    app: &State<App>,
    limits: &State<Limits>,
    address: Address,
    cookies: &CookieJar<'_>,
    query: Query,
    body: Body<Foreign>,
) -> Result<Answer, Problem> {
    query.none()?;
    // The answer is a token in a body that no other site can read, so the cookie gives
    // nothing away to whoever made the browser send it.
    let named = app.config.session_verifier.as_ref().and_then(|verifier| verifier.cookie.as_deref());
    let cookie = named.and_then(|name| cookies.get(name)).map(|cookie| cookie.value().to_owned());
    let id = body.input.session_id.or(cookie).unwrap_or_default();
    let tried = limits.begin_exchange(address.0, "auth/session", &app.clock).await?;
    let token = exchange::token(app, &id).await;
    if !matches!(token, Ok(None)) {
        tried.take_back();
    }
    answer(&token?.ok_or_else(|| refused("This session is nobody's here."))?)
}

fn refused(words: &str) -> Problem {
    Problem::Unreadable { status: Status::Unauthorized, code: "unauthorized", words: words.to_owned() }
}

fn answer(token: &Short) -> Result<Answer, Problem> {
    Answer::object(&json!({ "token": token.secret.expose_secret(), "expires_at": token.expires_at }))
}
