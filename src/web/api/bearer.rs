//! Who calls: somebody whose token came as `Authorization: Bearer …`.

use rocket::http::Method;
use rocket::request::{FromRequest, Outcome, Request};

use super::problem::{Problem, because};
use crate::app::tokens::{self, Token};
use crate::app::{App, Refusal, access, impersonate};
use crate::domain::actor::Actor;
use crate::web::feed::Pass;
use crate::web::guard::{Frame, presented_token};
use crate::web::limit::Limits;

/// Names the person that a program acts for (rules.md 31).
const ACTING_FOR: &str = "X-Impersonate-Username";

pub struct Bearer<'r> {
    pub app: &'r App,
    actor: Actor,
    /// `None`: nobody's, where the configuration lets the anonymous read.
    pub token: Option<Token>,
    presented: Option<(&'r str, Option<&'r str>)>,
}

impl Bearer<'_> {
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// For the live feed, which looks at it again.
    pub fn pass(&self) -> Pass {
        match self.presented {
            Some((secret, acting_for)) => {
                Pass::Token { secret: secret.to_owned(), acting_for: acting_for.map(str::to_owned) }
            }
            None => Pass::Anonymous,
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Bearer<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match find(request).await {
            Ok(bearer) => Outcome::Success(bearer),
            Err(refusal) => Outcome::Error((because(request, Problem::Refused(refusal)), ())),
        }
    }
}

async fn find<'r>(request: &'r Request<'_>) -> Result<Bearer<'r>, Refusal> {
    let rocket = request.rocket();
    let (Some(app), Some(limits)) = (rocket.state::<App>(), rocket.state::<Limits>()) else {
        return Err(Refusal::Internal("no app".to_owned()));
    };
    let now = app.clock.now();
    let address = Frame::of(request).address;
    let Some(secret) = presented_token(request) else {
        return anonymous(app, limits, request).await;
    };
    let Some(held) = tokens::find(app, secret).await? else {
        return Err(limits.wrong_token(address, now));
    };
    limits.api(held.token.id, now)?;
    let acting_for = acting_for(request)?;
    let actor = match acting_for {
        Some(name) => impersonate::act_for(app, &held.actor, name).await?,
        None => held.actor,
    };
    Ok(Bearer { app, actor, token: Some(held.token), presented: Some((secret, acting_for)) })
}

/// Who sent no token at all reads what the configuration lets everybody read.
async fn anonymous<'r>(app: &'r App, limits: &Limits, request: &Request<'_>) -> Result<Bearer<'r>, Refusal> {
    let looks = matches!(request.method(), Method::Get | Method::Head);
    if !looks || request.headers().contains("Authorization") || request.headers().contains(ACTING_FOR) {
        return Err(Refusal::SignedOut);
    }
    let actor = access::anonymous(app).await?.ok_or(Refusal::SignedOut)?;
    limits.anonymous(Frame::of(request).address, app.clock.now())?;
    Ok(Bearer { app, actor, token: None, presented: None })
}

/// The one person that is named; several are a mistake that must not pass for one.
fn acting_for<'r>(request: &'r Request<'_>) -> Result<Option<&'r str>, Refusal> {
    let mut names = request.headers().get(ACTING_FOR);
    match (names.next(), names.next()) {
        (name, None) => Ok(name),
        _ => Err(Refusal::Forbidden(format!("{ACTING_FOR} is there twice."))),
    }
}
