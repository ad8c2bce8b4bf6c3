//! The live feed of a deployment, for its page.

use rocket::Shutdown;
use rocket::http::CookieJar;
use rocket::response::stream::{Event as Message, EventStream};

use crate::app::queries::deployments;
use crate::web::feed::{LastEventId, Pass, follow};
use crate::web::guard::{SESSION_COOKIE, Visit};
use crate::web::respond::PageError;

#[rocket::get("/deployments/<id>/events?<after>")]
pub async fn events(
    visit: Visit<'_>,
    id: i64,
    after: Option<u64>,
    last: LastEventId,
    cookies: &CookieJar<'_>,
    shutdown: Shutdown,
) -> Result<EventStream![Message], PageError> {
    deployments::find(visit.app, visit.actor(), id).await?;
    let cookie =
        cookies.get_private(SESSION_COOKIE).map(|cookie| cookie.value().to_owned()).unwrap_or_default();
    let after = last.0.or(after).unwrap_or(0);
    Ok(follow(visit.app.clone(), Pass::Session(cookie), id, after, shutdown))
}
