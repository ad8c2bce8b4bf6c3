//! The live feed of a deployment: the journal after a number, as it grows. Page and
//! API send the same messages. The right to watch is asked when it begins and again
//! while it lasts (security.md 37).

use std::time::Duration;

use rocket::Shutdown;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::stream::{Event as Message, EventStream};
use serde_json::json;
use tokio::sync::broadcast::Receiver;

use super::view::deployment::sentence;
use super::view::journal::{ReleaseNames, Tiles, outgoing};
use crate::app::queries::deployments;
use crate::app::{App, access, impersonate, session, tokens};
use crate::domain::deployment::Deployment;
use crate::domain::event::Event;
use crate::domain::request::release_words;

/// Without any event, the right is asked again, and the line kept open, this often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events in one message.
const AT_ONCE: usize = 500;

/// What the watcher showed on coming in, so that it can be looked at again.
pub enum Pass {
    /// The secret of a session's cookie.
    Session(String),
    /// The secret of a token, and the name it is used for when that is another's.
    Token { secret: String, acting_for: Option<String> },
    /// Nobody's, where the configuration lets the anonymous read.
    Anonymous,
}

impl Pass {
    async fn may_watch(&self, app: &App, id: i64) -> Option<Deployment> {
        let actor = match self {
            Pass::Session(secret) => session::find(app, secret).await.ok().flatten()?.actor,
            Pass::Token { secret, acting_for } => {
                let held = tokens::find(app, secret).await.ok().flatten()?.actor;
                match acting_for {
                    Some(name) => impersonate::act_for(app, &held, name).await.ok()?,
                    None => held,
                }
            }
            Pass::Anonymous => access::anonymous(app).await.ok().flatten()?,
        };
        deployments::find(app, &actor, id).await.ok()
    }
}

/// Where a client that lost its connection stopped.
pub struct LastEventId(pub Option<u64>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for LastEventId {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        Outcome::Success(LastEventId(
            request.headers().get_one("Last-Event-ID").and_then(|id| id.parse().ok()),
        ))
    }
}

/// The journal of a deployment after a number, until it ends or may no longer be watched.
pub fn follow(
    app: App,
    pass: Pass,
    id: i64,
    mut after: u64,
    mut shutdown: Shutdown,
) -> EventStream![Message] {
    // Subscribed before the first read, so that nothing falls between.
    let mut wake = app.wake.journal.subscribe();
    EventStream! {
        let mut hosts = Hosts::default();
        'watch: loop {
            // The state is read before the events: an end is sent only after all of them.
            let Some(deployment) = pass.may_watch(&app, id).await else {
                yield no_longer();
                break;
            };
            let over = deployment.state.is_over();
            let mut grew = false;
            while let Some(events) = next_events(&app, id, after).await {
                // A long journal takes its time, in which a right may end.
                if grew && pass.may_watch(&app, id).await.is_none() {
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
    }
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
            none => none.insert(Tiles::new(deployment.plan.clone()?, ReleaseNames::of(deployment))),
        };
        match deployments::outline(app, deployment.id, self.read).await {
            Ok(outline) => {
                self.read = outline.last_seq;
                outline.events.iter().for_each(|event| tiles.take(event));
            }
            Err(error) => {
                tracing::error!(deployment = deployment.id, %error, "the journal cannot be read for its viewer");
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
