//! Applications and environments: what is released how, and what runs where.

use super::environment::environment_view;
use super::freezes;
use super::items::{diff_href, size};
use crate::app::Refusal;
use crate::app::queries::freezes::Concern;
use crate::app::queries::releases::may_fetch;
use crate::app::queries::{applications, deployments};
use crate::app::situation::repository;
use crate::domain::deployment::DeploymentState;
use crate::domain::fleet::{self};
use crate::domain::live::{LiveRow, LiveState};
use crate::domain::name::{CommitId, Name};
use crate::domain::permission::Permission;
use crate::domain::request::release_words;
use crate::web::guard::Looking;
use crate::web::respond::{Html, PageError};
use crate::web::view::Section;
use crate::web::view::application::Application;
use crate::web::view::applications::{ApplicationItem, Applications, EnvironmentItem, Live};
use crate::web::view::diff::{DiffPage, DiffView};

#[rocket::get("/applications?<q>")]
pub async fn list(looking: Looking<'_>, q: Option<&str>) -> Result<Html, PageError> {
    let Looking(visit) = looking;
    let (app, actor) = (visit.app, visit.actor());
    let q = q.unwrap_or_default().trim().to_lowercase();
    let fleet = applications::readable_fleet(app, actor).await?;
    let rows = applications::live_rows(app).await?;
    let running =
        deployments::Wanted { states: vec![DeploymentState::Running], ..deployments::Wanted::default() };
    let (running, _) = deployments::list(app, actor, &running, 1_000).await?;
    let running: Vec<i64> = running.iter().map(|deployment| deployment.id).collect();
    let wanted: Vec<&fleet::Application> = fleet
        .applications
        .iter()
        .filter(|application| q.is_empty() || application.name.as_str().contains(&q))
        .collect();
    let mut items = Vec::new();
    for application in wanted {
        let mut environments = Vec::new();
        for environment in application.environments_in_order() {
            let here = |row: &&(Name, Name, LiveRow)| row.0 == application.name && row.1 == environment.name;
            let own: Vec<LiveRow> = rows.iter().filter(here).map(|(_, _, row)| row.clone()).collect();
            let filter = deployments::Wanted {
                application: Some(application.name.clone()),
                environment: Some(environment.name.clone()),
                ..deployments::Wanted::default()
            };
            let (latest, _) = deployments::list(app, actor, &filter, 1).await?;
            let going_on = latest
                .first()
                .map(|deployment| deployment.state)
                .filter(|state| *state != DeploymentState::Succeeded);
            environments.push(EnvironmentItem {
                name: environment.name.to_string(),
                live: live(&own, &running),
                deployed_at: own.iter().map(|row| row.at).max(),
                going_on,
                servers: fleet.servers_of(environment).len() as u64,
            });
        }
        items.push(ApplicationItem {
            name: application.name.to_string(),
            repository: shown_repository(&application.repository),
            may_request: application
                .environments
                .iter()
                .any(|e| actor.access.may(Permission::Request, &application.name, &e.name)),
            environments,
        });
    }
    let shell = freezes::shell(&visit, Section::Applications, Concern::Anything).await?;
    let page = Applications { shell, q, items };
    Html::page(&page)
}

/// Without a login that may stand in it.
fn shown_repository(repository: &str) -> String {
    crate::domain::repository_url::RepositoryUrl::parse(repository)
        .map_or_else(|_| "not readable".to_owned(), |url| url.to_string())
}

/// `under_way` are the deployments that run: what they have begun to change is being
/// changed, and what an earlier one left so is unknown.
pub fn live(rows: &[LiveRow], under_way: &[i64]) -> Live {
    let changing = |row: &LiveRow| {
        row.state == LiveState::Unknown && row.deployment.is_some_and(|id| under_way.contains(&id))
    };
    let runs = |row: &LiveRow| match row.state {
        LiveState::Unknown if !changing(row) => Some("something unknown".to_owned()),
        LiveState::Settled | LiveState::Unknown => row.release.as_deref().map(release_words),
    };
    let mut releases: Vec<String> = rows.iter().filter_map(runs).collect();
    releases.sort();
    releases.dedup();
    releases.reverse();
    if rows.iter().any(changing) {
        return Live::Changing(releases);
    }
    match releases.len() {
        0 => Live::Nothing,
        1 => Live::One(releases.remove(0)),
        _ => Live::Mixed(releases),
    }
}

#[rocket::get("/applications/<name>")]
pub async fn one(looking: Looking<'_>, name: &str) -> Result<Html, PageError> {
    let Looking(visit) = looking;
    let (app, actor) = (visit.app, visit.actor());
    let (_, application) = applications::find(app, actor, name).await?;
    let mut environments = Vec::new();
    for environment in application.environments_in_order() {
        let situation = applications::situation(app, actor, name, environment.name.as_str()).await?;
        environments.push(environment_view(app, actor, &situation).await?);
    }
    let page = Application {
        name: application.name.to_string(),
        repository: shown_repository(&application.repository),
        github: application.github.clone(),
        tags: application.tags.clone().unwrap_or_else(|| "*".to_owned()),
        owners: application.owners.clone(),
        fetch: if may_fetch(actor, &application) {
            Some(app.mirrors.fetched_at(&application.name).await)
        } else {
            None
        },
        environments,
        shell: freezes::shell(&visit, Section::Applications, Concern::Application(&application.name)).await?,
    };
    Html::page(&page)
}

/// Tags among which the name of a commit is looked for.
const TAGS: usize = 1_000;

/// Between two full commits of this application, and nothing else (security.md 22, 27).
#[rocket::get("/applications/<name>/diff?<from>&<to>&<view>&<file>", rank = 10)]
pub async fn diff(
    looking: Looking<'_>,
    name: &str,
    from: Option<&str>,
    to: Option<&str>,
    view: Option<&str>,
    file: Option<usize>,
) -> Result<Html, PageError> {
    let Looking(visit) = looking;
    let (app, actor) = (visit.app, visit.actor());
    let (_, application) = applications::find(app, actor, name).await?;
    let parse = |field, text: &str| {
        CommitId::parse(text).map_err(|error| Refusal::field(field, format!("{field}: the commit {error}.")))
    };
    let to = parse("to", to.unwrap_or_default())?;
    let from = from.filter(|from| !from.is_empty()).map(|from| parse("from", from)).transpose()?;
    applications::fresh_mirror(app, &application).await?;
    for commit in from.iter().chain([&to]) {
        app.mirrors.commit(&application.name, commit).await.map_err(repository)?.ok_or(Refusal::NotFound)?;
    }
    let range =
        app.mirrors.commits_between(&application.name, from.as_ref(), &to, 500).await.map_err(repository)?;
    let patch = app.mirrors.patch(&application.name, from.as_ref(), &to).await.map_err(repository)?;
    let total = size(Some(range.total as u64), &patch.stat);
    let view = if view == Some("commits") {
        DiffView::Commits(range.commits)
    } else {
        DiffView::Files(crate::web::diff::parse(&patch.bytes, file))
    };
    let tags = app.mirrors.tags(&application.name, TAGS).await.map_err(repository)?.tags;
    let named = |commit: &CommitId| {
        let tag = tags.iter().find(|tag| tag.commit == *commit);
        tag.map_or_else(|| commit.short().to_owned(), |tag| tag.name.to_string())
    };
    let page = DiffPage {
        application: application.name.to_string(),
        environment: None,
        from: from.as_ref().map(named),
        to: named(&to),
        fingerprint: None,
        back: None,
        href: diff_href(application.name.as_str(), from.as_ref().map(AsRef::as_ref), to.as_str()),
        view,
        size: total,
        shell: visit.shell(Section::Applications),
    };
    Html::page(&page)
}
