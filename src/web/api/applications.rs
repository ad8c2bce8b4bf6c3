//! Applications and environments, in the fleet file's form and without a secret.

use serde::Serialize;

use super::answer::Answer;
use super::bearer::Bearer;
use super::fleet::Headed;
use super::problem::Problem;
use super::query::{Page, Query, name};
use crate::app::administer;
use crate::app::queries::applications;
use crate::domain::fleet::export::sorted;
use crate::domain::fleet::object::Place as Object;
use crate::domain::fleet::secret::STORED;
use crate::domain::fleet::{Application, Kind};
use crate::domain::name::{CommitId, Name};
use crate::domain::policy::LiveFacts;

/// An environment with what is live there, by the record.
#[derive(Serialize)]
struct Place<'a, E: Serialize> {
    application: &'a Name,
    #[serde(flatten)]
    environment: &'a E,
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
        fleet.applications.into_iter().filter(after).map(|application| shown(&bearer, application)).collect();
    let goes_on = items.len() > page.limit;
    items.truncate(page.limit);
    let next = items.last().map(|last| last.name.clone()).filter(|_| goes_on);
    Answer::list(&items, next)
}

#[rocket::get("/applications/<application>")]
pub async fn one(bearer: Bearer<'_>, application: &str, query: Query) -> Result<Headed, Problem> {
    query.none()?;
    let (_, application) = applications::find(bearer.app, bearer.actor(), application).await?;
    if bearer.actor().access.is_admin() {
        let place = Object::new(Kind::Application, None, &application.name);
        return Headed::whole(&administer::find(bearer.app, bearer.actor(), &place).await?);
    }
    Ok(Headed::plain(Answer::object(&shown(&bearer, application))?))
}

#[rocket::get("/applications/<application>/environments/<environment>")]
pub async fn environment(
    bearer: Bearer<'_>,
    application: &str,
    environment: &str,
    query: Query,
) -> Result<Headed, Problem> {
    query.none()?;
    let situation = applications::situation(bearer.app, bearer.actor(), application, environment).await?;
    let LiveFacts { from, from_words, mixed, .. } = situation.live();
    let live = from.map(|commit| Live { commit, release: from_words, mixed });
    let (application, environment) = (&situation.application.name, &situation.environment);
    if !bearer.actor().access.is_admin() {
        return Ok(Headed::plain(Answer::object(&Place { application, environment, live })?));
    }
    // The object and its version have to be of the same moment.
    let place = Object::new(Kind::Environment, Some(application), &environment.name);
    let seen = administer::find(bearer.app, bearer.actor(), &place).await?;
    let answer = Answer::object(&Place { application, environment: &seen.object, live })?;
    Ok(Headed::of(answer, &seen))
}

/// Administrators see that there is a secret, others not even that. Nobody sees it as
/// a reference: that names a file or a variable of the server's.
fn shown(bearer: &Bearer<'_>, mut application: Application) -> Application {
    let is_admin = bearer.actor().access.is_admin();
    let stored = || STORED.to_owned();
    application.webhook_secret = application.webhook_secret.filter(|_| is_admin).map(|_| stored());
    application
}
