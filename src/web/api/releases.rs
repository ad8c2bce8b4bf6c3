//! What a repository offers: tags, branches, commits, and what changes between two.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, Nothing};
use super::problem::{Problem, stops};
use super::query::{Page, Query};
use crate::app::queries::releases::{self, Read};
use crate::domain::deployment::Direction;
use crate::domain::name::{CommitId, TagName};
use crate::domain::policy;

#[derive(Serialize)]
struct Tag<'a> {
    name: &'a TagName,
    commit: &'a CommitId,
    /// Null for a lightweight one.
    object: Option<&'a CommitId>,
    author: &'a str,
    at: Timestamp,
    message: &'a str,
}

#[derive(Serialize)]
struct Branch<'a> {
    name: &'a str,
    commit: &'a CommitId,
    author: &'a str,
    at: Timestamp,
    summary: &'a str,
}

#[derive(Serialize)]
struct Offer<'a> {
    release: &'a str,
    commit: &'a CommitId,
    author: &'a str,
    at: Timestamp,
    summary: &'a str,
    direction: Option<Direction>,
    deployable: bool,
    gates: Vec<Value>,
}

/// A list, with how old the mirror is that it was read from.
fn listed<T: Serialize>(
    items: &[T],
    next: Option<impl Serialize>,
    read: &Read<impl Sized>,
) -> Result<Answer, Problem> {
    let Read { fetched_at, problem, .. } = read;
    Answer::object(&json!({ "items": items, "next": next, "fetched_at": fetched_at, "problem": problem }))
}

fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// A page of what is all there, after the one of that name.
fn part<'a, T>(
    all: &'a [T],
    name: impl Fn(&T) -> &str,
    page: &Page<String>,
) -> Result<(&'a [T], Option<&'a T>), Problem> {
    let from = match &page.after {
        None => 0,
        Some(after) => {
            let place = all.iter().position(|item| name(item) == after);
            place.ok_or_else(|| Problem::field("after", "is none of them"))? + 1
        }
    };
    let end = all.len().min(from + page.limit);
    let items = &all[from..end];
    Ok((items, items.last().filter(|_| end < all.len())))
}

#[rocket::get("/applications/<application>/tags")]
pub async fn tags(bearer: Bearer<'_>, application: &str, query: Query) -> Result<Answer, Problem> {
    let page = query.read(|r| Page::read(r, text))?;
    let read = releases::tags(bearer.app, bearer.actor(), application).await?;
    let (tags, last) = part(&read.value, |tag| tag.name.as_str(), &page)?;
    let items: Vec<Tag<'_>> = tags
        .iter()
        .map(|tag| Tag {
            name: &tag.name,
            commit: &tag.commit,
            object: tag.object.as_ref(),
            author: &tag.author,
            at: tag.at,
            message: &tag.message,
        })
        .collect();
    listed(&items, last.map(|last| &last.name), &read)
}

#[rocket::get("/applications/<application>/branches")]
pub async fn branches(bearer: Bearer<'_>, application: &str, query: Query) -> Result<Answer, Problem> {
    let page = query.read(|r| Page::read(r, text))?;
    let read = releases::branches(bearer.app, bearer.actor(), application).await?;
    let (branches, last) = part(&read.value, |branch| branch.name.as_str(), &page)?;
    let items: Vec<Branch<'_>> = branches
        .iter()
        .map(|branch| Branch {
            name: &branch.name,
            commit: &branch.commit.id,
            author: &branch.commit.author,
            at: branch.commit.at,
            summary: &branch.commit.summary,
        })
        .collect();
    listed(&items, last.map(|last| &last.name), &read)
}

/// Full ids only (security.md 7); without `from`, all that `to` has.
#[rocket::get("/applications/<application>/diff")]
pub async fn diff(bearer: Bearer<'_>, application: &str, query: Query) -> Result<Answer, Problem> {
    let (from, to) =
        query.read(|r| (r.optional("from", CommitId::parse), r.required("to", CommitId::parse)))?;
    let to = to.ok_or_else(|| Problem::field("to", "is missing"))?;
    let patch = releases::diff(bearer.app, bearer.actor(), application, from.as_ref(), &to).await?;
    let files = &patch.stat.files;
    Answer::object(&json!({
        "from": from,
        "to": to,
        "stat": { "files": files.len(), "added": patch.stat.added(), "deleted": patch.stat.deleted() },
        "files": files,
        "patch": String::from_utf8_lossy(&patch.bytes),
    }))
}

#[rocket::post("/applications/<application>/fetch", data = "<body>")]
pub async fn fetch(
    bearer: Bearer<'_>,
    application: &str,
    query: Query,
    body: Body<Nothing>,
) -> Result<Answer, Problem> {
    query.none()?;
    let act = Box::pin(async {
        let fetched_at = releases::fetch(bearer.app, bearer.actor(), application).await?;
        Answer::object(&json!({ "fetched_at": fetched_at }))
    });
    body.once.answer(&bearer, act).await
}

/// What the environment could be brought to, and what stands in the caller's way.
#[rocket::get("/applications/<application>/environments/<environment>/commits")]
pub async fn commits(
    bearer: Bearer<'_>,
    application: &str,
    environment: &str,
    query: Query,
) -> Result<Answer, Problem> {
    let page = query.read(|r| Page::read(r, |_| Err::<(), _>("this list is not read further".to_owned())))?;
    let read = releases::offers(bearer.app, bearer.actor(), application, environment, page.limit).await?;
    let items: Vec<Offer<'_>> = read
        .value
        .iter()
        .map(|offer| Offer {
            release: &offer.candidate.release,
            commit: &offer.commit.id,
            author: &offer.commit.author,
            at: offer.commit.at,
            summary: &offer.commit.summary,
            direction: offer.candidate.direction,
            deployable: policy::passes(&offer.gates),
            gates: stops(&offer.gates),
        })
        .collect();
    listed(&items, None::<()>, &read)
}
