//! Applications and environments, in the fleet file's form and without a secret.

use serde::Serialize;

use super::answer::Answer;
use super::bearer::Bearer;
use super::problem::Problem;
use super::query::{Page, Query, name};
use crate::app::queries::applications;
use crate::domain::fleet::export::sorted;
use crate::domain::fleet::{Application, Environment};
use crate::domain::name::{CommitId, Name};
use crate::domain::policy::LiveFacts;

/// An environment with what is live there, by the record.
#[derive(Serialize)]
struct Place<'a> {
    application: &'a Name,
    #[serde(flatten)]
    environment: &'a Environment,
    live: Option<Live>,
}

#[derive(Serialize)]
struct Live {
    commit: CommitId,
    release: String,
    /// Not every server runs it.
    mixed: bool,
}

#[rocket::get("/applications")]
pub async fn list(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    let page = query.read(|r| Page::read(r, name))?;
    let fleet = sorted(applications::readable_fleet(bearer.app, bearer.actor()).await?);
    let after = |application: &Application| page.after.as_ref().is_none_or(|after| &application.name > after);
    let mut items: Vec<Application> =
        fleet.applications.into_iter().filter(after).map(without_secret).collect();
    let goes_on = items.len() > page.limit;
    items.truncate(page.limit);
    let next = items.last().map(|last| last.name.clone()).filter(|_| goes_on);
    Answer::list(&items, next)
}

#[rocket::get("/applications/<application>")]
pub async fn one(bearer: Bearer<'_>, application: &str, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    let (_, application) = applications::find(bearer.app, bearer.actor(), application).await?;
    Answer::object(&without_secret(application))
}

#[rocket::get("/applications/<application>/environments/<environment>")]
pub async fn environment(
    bearer: Bearer<'_>,
    application: &str,
    environment: &str,
    query: Query,
) -> Result<Answer, Problem> {
    query.none()?;
    let situation = applications::situation(bearer.app, bearer.actor(), application, environment).await?;
    let LiveFacts { from, from_words, mixed, .. } = situation.live();
    let live = from.map(|commit| Live { commit, release: from_words, mixed });
    Answer::object(&Place {
        application: &situation.application.name,
        environment: &situation.environment,
        live,
    })
}

/// Not even as a reference: it names a file or a variable of the server's.
fn without_secret(mut application: Application) -> Application {
    application.webhook_secret = None;
    application
}
