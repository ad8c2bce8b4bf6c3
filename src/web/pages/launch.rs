//! The launch link: a page that says what would start, and the POST that starts it.

use rocket::State;
use rocket::http::{Cookie, CookieJar, SameSite};

use super::freezes::{self, about};
use super::items::{places, sealed, slot};
use crate::app::review_release::{find_link, readable};
use crate::app::stored_request::Stored;
use crate::app::{App, Refusal, launch};
use crate::domain::link::{Link, Purpose};
use crate::domain::policy::{self, Act};
use crate::domain::request::{LinkState, RequestState, VoidCause};
use crate::web::form::{Nothing, Posted};
use crate::web::guard::Visit;
use crate::web::limit::Limits;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::launch::{Launch, LaunchStanding};
use crate::web::view::{Action, Section};

/// Refers to the deployment that was started; grants nothing beyond the session.
const DEPLOYMENT_COOKIE: &str = "countersign_deployment";

#[rocket::get("/launch/<link>")]
pub async fn page(visit: Visit<'_>, limits: &State<Limits>, link: &str) -> Result<Html, PageError> {
    show(&visit, limits, link).await
}

async fn show(visit: &Visit<'_>, limits: &Limits, link: &str) -> Result<Html, PageError> {
    let app = visit.app;
    let found = find_link(app, Purpose::Launch, link)
        .await
        .map_err(|refusal| limits.judge(visit.frame.address, "launch", refusal, visit.app.clock.now()))?;
    let mut stored = Stored::find(app, found.request).await?;
    let actor = visit.actor();
    // Theirs, and no longer theirs to read: a link is no way around that.
    if stored.request.requester == actor.name {
        readable(actor, &stored)?;
    }
    stored.look_at_tag(app).await?;
    let facts = stored.facts(&actor.name, &actor.access, Some(found.facts.state(app.clock.now())));
    let gates = policy::gates(Act::Launch, &facts);
    let standing = standing(visit, &stored, &found, policy::void_cause(&facts), policy::passes(&gates), link);
    let status = match standing {
        LaunchStanding::Ready { .. } => 200,
        LaunchStanding::Blocked { .. } | LaunchStanding::Void { .. } => 409,
        LaunchStanding::Foreign => 403,
        LaunchStanding::Expired { .. }
        | LaunchStanding::Used { .. }
        | LaunchStanding::Revoked { .. }
        | LaunchStanding::Unknown => 410,
    };
    let foreign = matches!(standing, LaunchStanding::Foreign);
    let page = Launch {
        sealed: if foreign { None } else { Some(sealed(app, &stored).await) },
        gates: if foreign { Vec::new() } else { gates },
        place: if foreign { String::new() } else { places(&stored.situation, &stored.situation.environment) },
        usually_takes: None,
        standing,
        shell: if foreign {
            visit.shell(Section::Requests)
        } else {
            freezes::shell(visit, Section::Requests, about(&stored)).await?
        },
    };
    Html::with_status(status, &page)
}

fn standing(
    visit: &Visit<'_>,
    stored: &Stored,
    link: &Link,
    changed: Option<VoidCause>,
    passes: bool,
    text: &str,
) -> LaunchStanding {
    let (app, request) = (visit.app, &stored.request);
    if request.requester != visit.actor().name {
        return LaunchStanding::Foreign;
    }
    let stands_until = match &request.state {
        RequestState::Accepted { stands_until, .. } if app.clock.now() < *stands_until => Some(*stands_until),
        _ => None,
    };
    let new_link = stands_until.map(|_| Action::to(format!("/requests/{}/new-link", request.id)));
    let link_state = link.facts.state(app.clock.now());
    if let (RequestState::Void { cause, .. }, true) = (&request.state, link_state != LinkState::Used) {
        return LaunchStanding::Void { cause: cause.words() };
    }
    match link_state {
        LinkState::Used => LaunchStanding::Used {
            by: request.requester.to_string(),
            at: link.facts.used_at.unwrap_or(link.created_at),
            deployment: link.deployment.unwrap_or_default(),
        },
        LinkState::Revoked => LaunchStanding::Revoked {
            at: link.facts.revoked_at.unwrap_or(link.created_at),
            why: launch::revoked_words(link, stored),
            new_link,
        },
        LinkState::Expired => LaunchStanding::Expired { at: link.facts.expires_at, stands_until, new_link },
        LinkState::Unused | LinkState::Early => {
            let slot = slot(&stored.situation, link);
            match changed {
                Some(cause) => LaunchStanding::Void { cause: cause.words() },
                None if passes => {
                    LaunchStanding::Ready { start: Action::to(format!("/launch/{text}")), slot }
                }
                None => LaunchStanding::Blocked { slot },
            }
        }
    }
}

/// The deployment's page, or why the link starts nothing any more (rules.md 35).
#[derive(rocket::Responder)]
pub enum Started {
    Now(SeeOther),
    Gone(Html),
}

#[rocket::post("/launch/<link>", data = "<posted>")]
pub async fn start(
    link: &str,
    limits: &State<Limits>,
    posted: Posted<'_, Nothing>,
    cookies: &CookieJar<'_>,
) -> Result<Started, PageError> {
    let visit = &posted.visit;
    match launch::launch(visit.app, visit.actor(), link).await {
        Ok(deployment) => {
            remember(visit.app, cookies, deployment);
            Ok(Started::Now(SeeOther(format!("/deployments/{deployment}"))))
        }
        Err(Refusal::Gone(_)) => show(visit, limits, link).await.map(Started::Gone),
        Err(refusal) => {
            Err(limits.judge(visit.frame.address, "launch", refusal, visit.app.clock.now()).into())
        }
    }
}

pub fn remember(app: &App, cookies: &CookieJar<'_>, deployment: i64) {
    let cookie = Cookie::build((DEPLOYMENT_COOKIE, deployment.to_string()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.config.base_url.scheme() == "https")
        .build();
    cookies.add_private(cookie);
}
