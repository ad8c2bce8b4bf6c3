//! In and out: the login page, the way to GitHub and back, signing out.

use rocket::State;
use rocket::http::CookieJar;
use rocket::time::Duration;

use crate::app::{Refusal, session, sign_in};
use crate::web::form::{Fields, FromFields, Nothing, Posted, STRANGER_COOKIE};
use crate::web::guard::{SESSION_COOKIE, Stranger, THEME_COOKIE, private_cookie};
use crate::web::limit::Limits;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::login::{Login, SignInProblem};
use crate::web::view::{Section, Theme};

const STATE_COOKIE: &str = "countersign_state";

#[rocket::get("/login?<return_to>")]
pub fn login(
    stranger: Stranger<'_>,
    cookies: &CookieJar<'_>,
    return_to: Option<&str>,
) -> Result<Arrival, PageError> {
    let return_to = return_to.unwrap_or("/");
    if stranger.found.is_some() {
        return Ok(Arrival::In(SeeOther(sign_in::local_path(return_to).to_owned())));
    }
    let page = login_page(&stranger, cookies, return_to, None)?;
    Html::page(&page).map(Arrival::Out)
}

/// The page, and in the browser's cookie what its forms are bound to.
pub(super) fn login_page(
    stranger: &Stranger<'_>,
    cookies: &CookieJar<'_>,
    return_to: &str,
    problem: Option<SignInProblem>,
) -> Result<Login, Refusal> {
    let app = stranger.app;
    let secret = if let Some(cookie) = cookies.get_private(STRANGER_COOKIE) {
        cookie.value().to_owned()
    } else {
        let secret = session::strangers_secret()?;
        cookies.add_private(private_cookie(app, STRANGER_COOKIE, secret.clone()));
        secret
    };
    let verifier = app.config.session_verifier.as_ref().and_then(|verifier| verifier.cookie.as_deref());
    let return_to = sign_in::local_path(return_to);
    let query: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", return_to).finish();
    Ok(Login {
        shell: stranger.shell(Section::Elsewhere),
        organisation: app.config.github.organisation.clone(),
        authorize_href: format!("/authorize?{query}"),
        csrf: session::csrf_of_stranger(app, &secret),
        return_to: return_to.to_owned(),
        name: String::new(),
        session_elsewhere: verifier.is_some_and(|name| cookies.get(name).is_some()),
        problem,
    })
}

#[rocket::get("/authorize?<return_to>")]
pub async fn authorize(
    stranger: Stranger<'_>,
    limits: &State<Limits>,
    cookies: &CookieJar<'_>,
    return_to: Option<&str>,
) -> Result<SeeOther, PageError> {
    limits.sign_in(stranger.frame.address, stranger.app.clock.now())?;
    let (url, under_way) = sign_in::begin(stranger.app, return_to.unwrap_or("/")).await?;
    let value =
        serde_json::to_string(&under_way).map_err(|error| Refusal::Internal(format!("state: {error}")))?;
    let mut cookie = private_cookie(stranger.app, STATE_COOKIE, value);
    cookie.set_max_age(Duration::minutes(10));
    cookies.add_private(cookie);
    Ok(SeeOther(url))
}

/// Either a session, or the login page, which may say why not.
#[derive(rocket::Responder)]
pub enum Arrival {
    In(SeeOther),
    Out(Html),
}

#[rocket::get("/authorized?<code>&<state>&<error>")]
pub async fn authorized(
    stranger: Stranger<'_>,
    cookies: &CookieJar<'_>,
    code: Option<&str>,
    state: Option<&str>,
    error: Option<&str>,
) -> Result<Arrival, PageError> {
    let kept = cookies.get_private(STATE_COOKIE);
    let under_way = kept.and_then(|cookie| serde_json::from_str::<sign_in::UnderWay>(cookie.value()).ok());
    let back = under_way.as_ref().map_or("/", sign_in::UnderWay::return_to).to_owned();
    let out = |status, problem| out(&stranger, cookies, &back, status, problem);
    // Another tab may have begun a sign-in since, and goes on with it.
    let fits = |under_way: &sign_in::UnderWay| state.is_some_and(|state| under_way.is(state));
    let (Some(under_way), Some(state)) = (under_way.as_ref().filter(|kept| fits(kept)), state) else {
        return out(403, SignInProblem::Stale);
    };
    cookies.remove_private(private_cookie(stranger.app, STATE_COOKIE, String::new()));
    if error.is_some() {
        return out(403, SignInProblem::Declined);
    }
    let Some(code) = code.filter(|code| !code.is_empty()) else {
        return out(403, SignInProblem::Stale);
    };
    let before = stranger.found.as_ref().map(|found| found.person.session);
    match sign_in::complete(stranger.app, under_way, state, code, before).await {
        Ok(arrived) => {
            cookies.add_private(private_cookie(stranger.app, SESSION_COOKIE, arrived.session));
            Ok(Arrival::In(SeeOther(arrived.return_to)))
        }
        Err(sign_in::NotIn::Refused(refusal)) => Err(PageError(refusal)),
        Err(sign_in::NotIn::Stale) => out(403, SignInProblem::Stale),
        Err(sign_in::NotIn::NotAccepted) => out(403, SignInProblem::NotAccepted),
        Err(sign_in::NotIn::Outsider { login }) => out(403, SignInProblem::NotAMember { login }),
        Err(sign_in::NotIn::NotNamed { words }) => Err(PageError(Refusal::Forbidden(words.to_owned()))),
        Err(sign_in::NotIn::NameTaken { login }) => out(403, SignInProblem::NameTaken { login }),
        Err(sign_in::NotIn::Disabled { login }) => out(403, SignInProblem::Disabled { login }),
        Err(sign_in::NotIn::GitHubDown) => out(503, SignInProblem::Unreachable),
        Err(sign_in::NotIn::RateLimited { minutes }) => out(503, SignInProblem::RateLimited { minutes }),
    }
}

fn out(
    stranger: &Stranger<'_>,
    cookies: &CookieJar<'_>,
    return_to: &str,
    status: u16,
    problem: SignInProblem,
) -> Result<Arrival, PageError> {
    let page = login_page(stranger, cookies, return_to, Some(problem))?;
    Html::with_status(status, &page).map(Arrival::Out)
}

#[rocket::post("/logout", data = "<posted>")]
pub async fn logout(posted: Posted<'_, Nothing>, cookies: &CookieJar<'_>) -> Result<SeeOther, PageError> {
    session::sign_out(posted.visit.app, &posted.visit.person).await?;
    cookies.remove_private(private_cookie(posted.visit.app, SESSION_COOKIE, String::new()));
    Ok(SeeOther("/login".to_owned()))
}

pub struct Preferences {
    theme: String,
    back: String,
}

impl FromFields for Preferences {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { theme: fields.take("theme"), back: fields.take("back") }
    }
}

#[rocket::post("/preferences", data = "<posted>")]
pub fn preferences(posted: Posted<'_, Preferences>, cookies: &CookieJar<'_>) -> SeeOther {
    let theme = Theme::parse(&posted.form.theme);
    let mut cookie = private_cookie(posted.visit.app, THEME_COOKIE, theme.word().to_owned());
    cookie.set_max_age(Duration::days(365));
    cookies.add(cookie);
    SeeOther(sign_in::local_path(&posted.form.back).to_owned())
}
