//! The live feed of a deployment, for its page.

use rocket::Shutdown;
use rocket::http::CookieJar;
use rocket::response::stream::{Event as Message, EventStream};

use crate::app::queries::deployments;
use crate::web::feed::{LastEventId, Pass, follow};
use crate::web::guard::{Looking, SESSION_COOKIE};
use crate::web::respond::PageError;

#[rocket::get("/deployments/<id>/events?<after>")]
pub async fn events(
    looking: Looking<'_>,
    id: i64,
    after: Option<u64>,
    last: LastEventId,
    cookies: &CookieJar<'_>,
    shutdown: Shutdown,
) -> Result<EventStream![Message], PageError> {
    let Looking(visit) = looking;
    deployments::find(visit.app, visit.actor(), id).await?;
    let pass = if visit.is_anonymous() {
        Pass::Anonymous
    } else {
        Pass::Session(
            cookies.get_private(SESSION_COOKIE).map(|cookie| cookie.value().to_owned()).unwrap_or_default(),
        )
    };
    let after = last.0.or(after).unwrap_or(0);
    Ok(follow(visit.app.clone(), pass, id, after, shutdown))
}
