//! Who asks, and how the answer is framed. A handler's signature says who may
//! call it: `Visit` is somebody signed in, `Stranger` is anybody.

use std::net::IpAddr;

use rocket::http::{Cookie, Method, SameSite, Status};
use rocket::request::{FromRequest, Outcome, Request};

use super::form::Why;
use super::limit::Limits;
use super::proxy;
use super::respond::Wait;
use super::view::{PersonView, Section, Shell, Theme};
use crate::app::session::{self, SignedIn};
use crate::app::sign_in::NotIn;
use crate::app::{App, Refusal, access, queries, sign_in_proxy, tokens};
use crate::domain::manifest::hex;
use crate::domain::permission::{GlobalPermission, Permission};
use crate::domain::person::PROXY;

pub const SESSION_COOKIE: &str = "countersign_session";
pub const THEME_COOKIE: &str = "countersign_theme";

/// Facts of the request that every page carries; made once per request.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Shown on error pages and written to the log.
    pub request_id: String,
    pub path: String,
    pub theme: Theme,
    /// The other end of the connection.
    pub peer: Option<IpAddr>,
    /// Where whoever asks comes from, as far as it can be believed.
    pub address: Option<IpAddr>,
}

impl Frame {
    pub fn of<'r>(request: &'r Request<'_>) -> &'r Frame {
        let peer = request.remote().map(|address| address.ip().to_canonical());
        request.local_cache(|| Frame {
            request_id: session::random::<6>().map_or_else(|_| "none".to_owned(), |bytes| hex(&bytes)),
            path: request.uri().to_string(),
            theme: request
                .cookies()
                .get(THEME_COOKIE)
                .map_or(Theme::Auto, |cookie| Theme::parse(cookie.value())),
            peer,
            address: peer.map(|peer| proxy::client(request, peer)),
        })
    }
}

/// Who is signed in, found once per request, with what waits for them.
#[derive(Debug, Clone)]
pub struct Found {
    pub person: SignedIn,
    pub waiting: u64,
}

/// The outcome of looking, so that it is looked up once, also for error pages.
#[derive(Debug)]
enum Looked {
    Somebody(Box<Found>),
    Nobody,
    /// A proxy named somebody who may not come in, or named nobody rightly.
    Refused(String),
    Failed(String),
}

/// `enters`: whether somebody whom a trusted proxy names gets a session by it. Looking
/// at a page does that (rules.md 37); sending a form or asking for health does not.
async fn look<'r>(request: &'r Request<'_>, enters: bool) -> &'r Looked {
    request
        .local_cache_async(async {
            let Some(app) = request.rocket().state::<App>() else {
                return Looked::Failed("no app".to_owned());
            };
            match find(app, request, enters).await {
                Ok(Some(found)) => Looked::Somebody(Box::new(found)),
                Ok(None) => Looked::Nobody,
                Err(NotIn::Refused(error)) => Looked::Failed(error.to_string()),
                Err(other) => Looked::Refused(refused_words(&other)),
            }
        })
        .await
}

/// Session and proxy must agree: what the proxy made lasts while the proxy says so,
/// and another name is another session.
async fn find(app: &App, request: &Request<'_>, enters: bool) -> Result<Option<Found>, NotIn> {
    let cookies = request.cookies();
    let named = proxy::named(app, request).map_err(|words| NotIn::NotNamed { words })?;
    let mut person = match cookies.get_private(SESSION_COOKIE) {
        Some(cookie) => session::find(app, cookie.value()).await?,
        None => None,
    };
    let agrees = match (&named, &person) {
        (None, Some(person)) => person.how != PROXY,
        (Some(name), Some(person)) => sign_in_proxy::is(app, name, person.actor.id).await?,
        (_, None) => named.is_none(),
    };
    if !agrees {
        let before = person.take().map(|person| person.session);
        if let (Some(name), true) = (&named, enters) {
            let secret = sign_in_proxy::sign_in(app, name, before).await?;
            person = session::find(app, &secret).await?;
            cookies.add_private(private_cookie(app, SESSION_COOKIE, secret));
        }
    }
    let Some(person) = person else { return Ok(None) };
    if let (true, true, Some(cookie)) = (enters, person.is_outdated, cookies.get_private(SESSION_COOKIE))
        && let Some(secret) = session::bring_up_to_date(app, cookie.value(), &person).await?
    {
        cookies.add_private(private_cookie(app, SESSION_COOKIE, secret));
    }
    let waiting = queries::requests::list_waiting(app, &person.actor).await?.len() as u64;
    Ok(Some(Found { person, waiting }))
}

fn refused_words(why: &NotIn) -> String {
    match why {
        NotIn::NotNamed { words } => (*words).to_owned(),
        NotIn::NameTaken { login } => {
            format!("{login} is known here as somebody else. An administrator can link the account.")
        }
        NotIn::Disabled { login } => format!("{login} may not sign in any more."),
        _ => "The proxy's word was not accepted.".to_owned(),
    }
}

/// Rocket marks cookies Secure only when it ends TLS itself; here the address
/// that people type decides.
pub fn private_cookie(app: &App, name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.config.base_url.scheme() == "https")
        .build()
}

/// Somebody signed in.
#[derive(Debug)]
pub struct Visit<'r> {
    pub app: &'r App,
    pub person: SignedIn,
    pub frame: Frame,
    waiting: u64,
}

impl Visit<'_> {
    pub fn actor(&self) -> &crate::domain::actor::Actor {
        &self.person.actor
    }

    /// Nobody is signed in, and this is what they may see all the same.
    pub fn is_anonymous(&self) -> bool {
        self.person.session == 0
    }

    pub fn shell(&self, section: Section) -> Shell {
        shell(self.app, &self.frame, Some((&self.person, self.waiting)), section)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Visit<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        visit(request).await.map_or_else(|status| Outcome::Error((status, ())), Outcome::Success)
    }
}

pub async fn visit<'r>(request: &'r Request<'_>) -> Result<Visit<'r>, Status> {
    let app = request.rocket().state::<App>().ok_or(Status::InternalServerError)?;
    let frame = Frame::of(request).clone();
    let looks = matches!(request.method(), Method::Get | Method::Head);
    match look(request, looks).await {
        Looked::Somebody(found) => {
            Ok(Visit { app, person: found.person.clone(), frame, waiting: found.waiting })
        }
        Looked::Nobody => Err(Status::Unauthorized),
        Looked::Refused(words) => {
            request.local_cache(|| Why(words.clone().into()));
            Err(Status::Forbidden)
        }
        Looked::Failed(error) => {
            tracing::error!(request = frame.request_id, error, "the session could not be read");
            Err(Status::InternalServerError)
        }
    }
}

/// Somebody who looks: signed in, or anybody where the configuration gives the
/// anonymous a role. It has no session then, and no form takes it.
#[derive(Debug)]
pub struct Looking<'r>(pub Visit<'r>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Looking<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match looking(request).await {
            Ok(visit) => Outcome::Success(Looking(visit)),
            Err(status) => Outcome::Error((status, ())),
        }
    }
}

async fn looking<'r>(request: &'r Request<'_>) -> Result<Visit<'r>, Status> {
    let app = match visit(request).await {
        Err(Status::Unauthorized) => request.rocket().state::<App>().ok_or(Status::InternalServerError)?,
        other => return other,
    };
    let frame = Frame::of(request).clone();
    match access::anonymous(app).await {
        Ok(Some(actor)) => {
            request.local_cache(|| Anonymous(true));
            let (how, csrf) = (String::new(), String::new());
            let person = SignedIn { session: 0, how, actor, csrf, is_outdated: false };
            Ok(Visit { app, person, frame, waiting: 0 })
        }
        Ok(None) => Err(Status::Unauthorized),
        Err(error) => {
            tracing::error!(request = frame.request_id, %error, "the role of the anonymous could not be read");
            Err(Status::InternalServerError)
        }
    }
}

struct Anonymous(bool);

/// Whether the answer is for somebody who is not signed in: what they may not read
/// may be there once they are.
pub fn is_anonymous(request: &Request<'_>) -> bool {
    request.local_cache(|| Anonymous(false)).0
}

/// Whether whoever asks may see the details of health (rules.md 43): by session, by
/// bearer token, or by the address they come from.
#[derive(Debug)]
pub struct Oversees(pub bool);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Oversees {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let Some(app) = request.rocket().state::<App>() else {
            return Outcome::Error((Status::InternalServerError, ()));
        };
        let address = proxy::directly(request);
        let listed =
            |address| app.config.metrics.addresses.iter().any(|listed| listed.to_canonical() == address);
        if address.is_some_and(listed) {
            return Outcome::Success(Oversees(true));
        }
        if let Looked::Somebody(found) = look(request, false).await {
            return Outcome::Success(Oversees(may_administer(&found.person)));
        }
        let (Some(secret), Some(limits)) = (presented_token(request), request.rocket().state::<Limits>())
        else {
            return Outcome::Success(Oversees(false));
        };
        // It checks a secret, so it counts wrong ones like every other door (rules.md 39).
        let now = app.clock.now();
        let refused = match tokens::find(app, secret).await {
            Ok(Some(held)) => match limits.api(held.token.id, now) {
                Ok(()) => {
                    let oversees = held.actor.access.has(GlobalPermission::ReadAll);
                    return Outcome::Success(Oversees(oversees));
                }
                Err(refused) => refused,
            },
            Ok(None) => limits.wrong_token(Frame::of(request).address, now),
            Err(error) => error,
        };
        match refused {
            Refusal::TooMany { wait, .. } => {
                request.local_cache(|| Wait(Some(wait)));
                Outcome::Error((Status::TooManyRequests, ()))
            }
            _ => Outcome::Success(Oversees(false)),
        }
    }
}

/// The one token that was sent; several are none.
pub fn presented_token<'r>(request: &'r Request<'_>) -> Option<&'r str> {
    let mut headers = request.headers().get("Authorization");
    let (only, None) = (headers.next()?, headers.next()) else { return None };
    let (scheme, secret) = only.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// Where somebody comes from, for limits.
pub struct Address(pub Option<IpAddr>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Address {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        Outcome::Success(Address(Frame::of(request).address))
    }
}

/// Anybody; signed in or not.
#[derive(Debug)]
pub struct Stranger<'r> {
    pub app: &'r App,
    pub frame: Frame,
    pub found: Option<Found>,
}

impl Stranger<'_> {
    pub fn shell(&self, section: Section) -> Shell {
        let person = self.found.as_ref().map(|found| (&found.person, found.waiting));
        shell(self.app, &self.frame, person, section)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Stranger<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        stranger(request).await.map_or_else(|status| Outcome::Error((status, ())), Outcome::Success)
    }
}

pub async fn stranger<'r>(request: &'r Request<'_>) -> Result<Stranger<'r>, Status> {
    let app = request.rocket().state::<App>().ok_or(Status::InternalServerError)?;
    let frame = Frame::of(request).clone();
    let found = match look(request, false).await {
        Looked::Somebody(found) => Some((**found).clone()),
        Looked::Nobody | Looked::Refused(_) | Looked::Failed(_) => None,
    };
    Ok(Stranger { app, frame, found })
}

/// The shell of an error page: with the person, if one was found before it went wrong.
pub fn error_shell(request: &Request<'_>) -> Option<Shell> {
    let app = request.rocket().state::<App>()?;
    let found = request.local_cache(|| Looked::Nobody);
    let person = match found {
        Looked::Somebody(found) => Some((&found.person, found.waiting)),
        Looked::Nobody | Looked::Refused(_) | Looked::Failed(_) => None,
    };
    Some(shell(app, Frame::of(request), person, Section::Elsewhere))
}

fn shell(app: &App, frame: &Frame, person: Option<(&SignedIn, u64)>, section: Section) -> Shell {
    let view = person.map(|(person, _)| PersonView {
        name: person.actor.name.to_string(),
        display: person.actor.display.clone(),
        roles: person.actor.access.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        administers: may_administer(person),
        is_anonymous: person.session == 0,
    });
    Shell {
        person: view,
        csrf: person.map(|(person, _)| person.csrf.clone()).unwrap_or_default(),
        waiting: person.map_or(0, |(_, waiting)| waiting),
        section,
        path: frame.path.clone(),
        theme: frame.theme,
        now: app.clock.now(),
        version: env!("CARGO_PKG_VERSION"),
        zone: app.config.timezone.clone(),
        freezes: Vec::new(),
    }
}

/// Whether the administration is shown at all: people without any right there get 403.
pub fn may_administer(person: &SignedIn) -> bool {
    person.session != 0 && person.actor.access.has(GlobalPermission::ReadAll)
}

/// Somebody who may request in at least one place.
pub fn may_request_anywhere(person: &SignedIn) -> bool {
    let access = &person.actor.access;
    access.is_admin() || access.grants.iter().any(|grant| grant.permission.implies(Permission::Request))
}
