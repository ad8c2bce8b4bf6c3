//! The live feed of a deployment: the journal after a number, as it grows. The
//! right to watch is asked when it begins and again while it lasts (security.md 37).

use std::time::Duration;

use rocket::Shutdown;
use rocket::http::CookieJar;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::stream::{Event as Message, EventStream};
use serde_json::json;
use tokio::sync::broadcast::Receiver;

use super::deployments::release_names;
use crate::app::queries::deployments;
use crate::app::{App, session};
use crate::domain::deployment::Deployment;
use crate::domain::event::Event;
use crate::domain::request::release_words;
use crate::web::guard::{SESSION_COOKIE, Visit};
use crate::web::respond::PageError;
use crate::web::view::deployment::sentence;
use crate::web::view::journal::{Tiles, outgoing};

/// Without any event, the right is asked again, and the line kept open, this often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events in one message.
const AT_ONCE: usize = 500;

/// Where a browser that lost its connection stopped.
pub struct LastEventId(Option<u64>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for LastEventId {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        Outcome::Success(LastEventId(
            request.headers().get_one("Last-Event-ID").and_then(|id| id.parse().ok()),
        ))
    }
}

#[rocket::get("/deployments/<id>/events?<after>")]
pub async fn events(
    visit: Visit<'_>,
    id: i64,
    after: Option<u64>,
    last: LastEventId,
    cookies: &CookieJar<'_>,
    mut shutdown: Shutdown,
) -> Result<EventStream![Message], PageError> {
    deployments::find(visit.app, visit.actor(), id).await?;
    let app = visit.app.clone();
    let cookie =
        cookies.get_private(SESSION_COOKIE).map(|cookie| cookie.value().to_owned()).unwrap_or_default();
    let mut after = last.0.or(after).unwrap_or(0);
    // Subscribed before the first read, so that nothing falls between.
    let mut wake = app.wake.journal.subscribe();
    Ok(EventStream! {
        let mut hosts = Hosts::default();
        'watch: loop {
            // The state is read before the events: an end is sent only after all of them.
            let Some(deployment) = may_watch(&app, &cookie, id).await else {
                yield no_longer();
                break;
            };
            let over = deployment.state.is_over();
            let mut grew = false;
            while let Some(events) = next_events(&app, id, after).await {
                // A long journal takes its time, in which a right may end.
                if grew && may_watch(&app, &cookie, id).await.is_none() {
                    yield no_longer();
                    break 'watch;
                }
                grew = true;
                for chunk in events.chunks(AT_ONCE) {
                    after = chunk.last().map_or(after, |event| event.seq);
                    let chunk: Vec<Event> = chunk.iter().cloned().map(outgoing).collect();
                    let data = serde_json::to_string(&chunk).unwrap_or_default();
                    yield Message::data(data).event("journal").id(after.to_string());
                }
            }
            if (grew || over) && let Some(progress) = hosts.progress(&app, &deployment).await {
                yield Message::data(progress).event("progress");
            }
            if over {
                yield Message::data(deployment.state.word()).event("end");
                break;
            }
            tokio::select! {
                () = grown(&mut wake, id) => {}
                () = tokio::time::sleep(HEARTBEAT) => yield Message::comment("still here"),
                () = &mut shutdown => {
                    yield Message::data("the service restarts; the page goes on by itself").event("restart");
                    break;
                }
            }
        }
    })
}

fn no_longer() -> Message {
    Message::data("you may no longer watch this").event("end")
}

/// None when there is no more for now.
async fn next_events(app: &App, id: i64, after: u64) -> Option<Vec<Event>> {
    match deployments::journal(app, id, after, AT_ONCE).await {
        Ok(events) => Some(events).filter(|events| !events.is_empty()),
        Err(error) => {
            tracing::error!(deployment = id, %error, "the journal cannot be read for its viewer");
            None
        }
    }
}

/// Ends when the journal of this deployment grew. A lag says that something did.
async fn grown(wake: &mut Receiver<i64>, id: i64) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match wake.recv().await {
            Ok(woken) if woken != id => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

async fn may_watch(app: &App, cookie: &str, id: i64) -> Option<Deployment> {
    let person = session::find(app, cookie).await.ok().flatten()?;
    deployments::find(app, &person.actor, id).await.ok()
}

/// How the hosts are, as of the last event that was read for it.
#[derive(Default)]
struct Hosts {
    tiles: Option<Tiles>,
    read: u64,
}

impl Hosts {
    async fn progress(&mut self, app: &App, deployment: &Deployment) -> Option<String> {
        let tiles = match &mut self.tiles {
            Some(tiles) => tiles,
            none => none.insert(Tiles::new(deployment.plan.clone()?, release_names(deployment))),
        };
        while let Some(events) = next_events(app, deployment.id, self.read).await {
            self.read = events.last().map_or(self.read, |event| event.seq);
            for event in &events {
                tiles.take(event);
            }
        }
        let board = tiles.board();
        let say = sentence(
            deployment.state,
            &release_words(&deployment.release),
            deployment.why.as_deref(),
            &board,
        );
        Some(
            json!({ "state": deployment.state, "done": board.done(), "total": board.total(), "say": say })
                .to_string(),
        )
    }
}
