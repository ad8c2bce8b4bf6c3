//! Who asks, and how the answer is framed. A handler's signature says who may
//! call it: `Visit` is somebody signed in, `Stranger` is anybody.

use std::net::IpAddr;

use rocket::http::{CookieJar, Status};
use rocket::request::{FromRequest, Outcome, Request};

use super::view::{PersonView, Section, Shell, Theme};
use crate::app::session::{self, SignedIn};
use crate::app::{App, Refusal, queries};
use crate::domain::manifest::hex;
use crate::domain::permission::Permission;

pub const SESSION_COOKIE: &str = "countersign_session";
pub const THEME_COOKIE: &str = "countersign_theme";

/// Facts of the request that every page carries; made once per request.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Shown on error pages and written to the log.
    pub request_id: String,
    pub path: String,
    pub theme: Theme,
    pub address: Option<IpAddr>,
}

impl Frame {
    pub fn of<'r>(request: &'r Request<'_>) -> &'r Frame {
        request.local_cache(|| Frame {
            request_id: session::random::<6>().map_or_else(|_| "none".to_owned(), |bytes| hex(&bytes)),
            path: request.uri().to_string(),
            theme: request
                .cookies()
                .get(THEME_COOKIE)
                .map_or(Theme::Auto, |cookie| Theme::parse(cookie.value())),
            address: request.remote().map(|address| address.ip().to_canonical()),
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
    Failed(String),
}

async fn look<'r>(request: &'r Request<'_>) -> &'r Looked {
    request
        .local_cache_async(async {
            let Some(app) = request.rocket().state::<App>() else {
                return Looked::Failed("no app".to_owned());
            };
            match find(app, request.cookies()).await {
                Ok(Some(found)) => Looked::Somebody(Box::new(found)),
                Ok(None) => Looked::Nobody,
                Err(error) => Looked::Failed(error.to_string()),
            }
        })
        .await
}

async fn find(app: &App, cookies: &CookieJar<'_>) -> Result<Option<Found>, Refusal> {
    let Some(cookie) = cookies.get_private(SESSION_COOKIE) else { return Ok(None) };
    let Some(person) = session::find(app, cookie.value()).await? else { return Ok(None) };
    let waiting = queries::requests::list_waiting(app, &person.actor).await?.len() as u64;
    Ok(Some(Found { person, waiting }))
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
    match look(request).await {
        Looked::Somebody(found) => {
            Ok(Visit { app, person: found.person.clone(), frame, waiting: found.waiting })
        }
        Looked::Nobody => Err(Status::Unauthorized),
        Looked::Failed(error) => {
            tracing::error!(request = frame.request_id, error, "the session could not be read");
            Err(Status::InternalServerError)
        }
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
        let Some(app) = request.rocket().state::<App>() else {
            return Outcome::Error((Status::InternalServerError, ()));
        };
        let frame = Frame::of(request).clone();
        let found = match look(request).await {
            Looked::Somebody(found) => Some((**found).clone()),
            Looked::Nobody | Looked::Failed(_) => None,
        };
        Outcome::Success(Stranger { app, frame, found })
    }
}

/// The shell of an error page: with the person, if one was found before it went wrong.
pub fn error_shell(request: &Request<'_>) -> Option<Shell> {
    let app = request.rocket().state::<App>()?;
    let found = request.local_cache(|| Looked::Nobody);
    let person = match found {
        Looked::Somebody(found) => Some((&found.person, found.waiting)),
        Looked::Nobody | Looked::Failed(_) => None,
    };
    Some(shell(app, Frame::of(request), person, Section::Elsewhere))
}

fn shell(app: &App, frame: &Frame, person: Option<(&SignedIn, u64)>, section: Section) -> Shell {
    let view = person.map(|(person, _)| PersonView {
        name: person.actor.name.to_string(),
        display: person.actor.display.clone(),
        roles: person.actor.access.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        administers: may_administer(person),
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
        freezes: Vec::new(),
    }
}

/// Whether the administration is shown at all: people without any right there get 403.
pub fn may_administer(person: &SignedIn) -> bool {
    let access = &person.actor.access;
    access.is_admin() || access.globals.contains(&crate::domain::permission::GlobalPermission::ReadAll)
}

/// Somebody who may request in at least one place.
pub fn may_request_anywhere(person: &SignedIn) -> bool {
    let access = &person.actor.access;
    access.is_admin() || access.grants.iter().any(|grant| grant.permission.implies(Permission::Request))
}
