//! Who calls: somebody whose token came as `Authorization: Bearer …`.

use rocket::request::{FromRequest, Outcome, Request};

use super::problem::{Problem, because};
use crate::app::{App, Refusal, tokens};
use crate::domain::actor::Actor;
use crate::web::guard::Frame;
use crate::web::limit::Limits;

pub struct Bearer<'r> {
    pub app: &'r App,
    pub held: tokens::Held,
    /// As it was presented; for the live feed, which looks at it again.
    pub secret: &'r str,
}

impl Bearer<'_> {
    pub fn actor(&self) -> &Actor {
        &self.held.actor
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
    let secret = presented(request).ok_or(Refusal::SignedOut)?;
    let Some(held) = tokens::find(app, secret).await? else {
        return Err(limits.wrong_token(Frame::of(request).address, now));
    };
    limits.api(held.token.id, now)?;
    if request.headers().contains("X-Impersonate-Username") {
        return Err(Refusal::Forbidden("Acting for another is not available yet.".to_owned()));
    }
    Ok(Bearer { app, held, secret })
}

/// The one token that was sent; several are none.
fn presented<'r>(request: &'r Request<'_>) -> Option<&'r str> {
    let mut headers = request.headers().get("Authorization");
    let (only, None) = (headers.next()?, headers.next()) else { return None };
    let (scheme, secret) = only.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}
