//! The host preview: what a release would change, and having it found.

use jiff::Timestamp;
use serde::Serialize;

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, FromBody};
use super::problem::Problem;
use super::query::Query;
use crate::app::preview::{self, Seen};
use crate::domain::document::Reader;
use crate::domain::name::{CommitId, Name};
use crate::domain::preview::{HostPreview, PreviewState, PreviewWord};
use crate::domain::scope::Scope;

/// `state` is `none` where nobody asked lately or there can be none, and `why` says
/// which; else `wanted`, `ready` or `failed`.
#[derive(Serialize)]
struct Object {
    application: Name,
    environment: Name,
    release: String,
    commit: CommitId,
    state: &'static str,
    why: Option<String>,
    found_at: Option<Timestamp>,
    hosts: Vec<HostPreview>,
}

impl From<Seen> for Object {
    fn from(seen: Seen) -> Self {
        let state = seen.preview.map(|preview| preview.state).filter(|_| seen.why_none.is_none());
        let word = state.as_ref().map_or(PreviewWord::None, PreviewState::word);
        let (why, found_at, hosts) = match state {
            None => (seen.why_none, None, Vec::new()),
            Some(PreviewState::Wanted) => (None, None, Vec::new()),
            Some(PreviewState::None { why }) => (Some(why), None, Vec::new()),
            Some(PreviewState::Failed { why, at }) => (Some(why), Some(at), Vec::new()),
            Some(PreviewState::Ready { hosts, at }) => (None, Some(at), hosts),
        };
        Self {
            application: seen.application,
            environment: seen.environment,
            release: seen.release,
            commit: seen.commit,
            state: word.word(),
            why,
            found_at,
            hosts,
        }
    }
}

#[rocket::get("/applications/<application>/environments/<environment>/preview")]
pub async fn one(
    bearer: Bearer<'_>,
    application: &str,
    environment: &str,
    query: Query,
) -> Result<Answer, Problem> {
    let text = |text: &str| Ok::<_, String>(text.to_owned());
    let (release, cluster, server) = query.read(|r| {
        (
            r.required("release", text),
            r.text_or("cluster", String::new(), text),
            r.text_or("server", String::new(), text),
        )
    })?;
    let scope = Scope::of_fields(&cluster, &server).map_err(|why| Problem::field("cluster", why))?;
    let release = release.unwrap_or_default();
    let seen = preview::find(bearer.app, bearer.actor(), application, environment, &release, scope).await?;
    Answer::object(&Object::from(seen))
}

pub struct Wanted {
    release: String,
}

impl FromBody for Wanted {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        Some(Self { release: r.required("release", |text| Ok::<_, String>(text.to_owned()))? })
    }
}

/// 202: a runner looks. It is read at the address given.
#[rocket::post("/applications/<application>/environments/<environment>/preview", data = "<body>")]
pub async fn ask(
    bearer: Bearer<'_>,
    application: &str,
    environment: &str,
    query: Query,
    body: Body<Wanted>,
) -> Result<Answer, Problem> {
    query.none()?;
    let Body { input: Wanted { release }, once } = body;
    let act = Box::pin(async {
        let commit = preview::ask(bearer.app, bearer.actor(), application, environment, &release).await?;
        let whole = Scope::Environment;
        let seen =
            preview::find(bearer.app, bearer.actor(), application, environment, &release, whole).await?;
        let address =
            format!("/applications/{application}/environments/{environment}/preview?release={commit}");
        Answer::begun(&address, &Object::from(seen))
    });
    once.answer(&bearer, act).await
}
