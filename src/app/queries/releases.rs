//! What an application's repository offers, for those who may read the application.
//! Everything is read from the mirror, which is fetched first when it is old
//! (rules.md 45).

use jiff::Timestamp;

use super::applications;
use crate::app::candidate::not_allowed;
use crate::app::deploy::{Candidate, direction};
use crate::app::situation::{Situation, repository};
use crate::app::{App, Refusal};
use crate::domain::actor::Actor;
use crate::domain::diff::{BranchInfo, CommitInfo, Patch, TagInfo};
use crate::domain::fleet::{Application, DeployFrom};
use crate::domain::gate::Gate;
use crate::domain::name::{CommitId, Name};
use crate::domain::permission::Permission;
use crate::domain::scope::Scope;

/// What was read, how old the mirror is, and why it could not be made newer.
#[derive(Debug, Clone)]
pub struct Read<T> {
    pub value: T,
    pub fetched_at: Timestamp,
    pub problem: Option<String>,
}

/// Newest version first; those that can never be released are left out.
pub async fn tags(app: &App, actor: &Actor, name: &str) -> Result<Read<Vec<TagInfo>>, Refusal> {
    let (application, (fetched_at, problem)) = fresh(app, actor, name).await?;
    let list = app.mirrors.tags(&application.name, usize::MAX).await.map_err(repository)?;
    Ok(Read { value: list.tags, fetched_at, problem })
}

pub async fn branches(app: &App, actor: &Actor, name: &str) -> Result<Read<Vec<BranchInfo>>, Refusal> {
    let (application, (fetched_at, problem)) = fresh(app, actor, name).await?;
    let value = app.mirrors.branches(&application.name).await.map_err(repository)?;
    Ok(Read { value, fetched_at, problem })
}

/// What changes between two commits of this application, and of no other
/// (security.md 22).
pub async fn diff(
    app: &App,
    actor: &Actor,
    name: &str,
    from: Option<&CommitId>,
    to: &CommitId,
) -> Result<Patch, Refusal> {
    let (application, _) = fresh(app, actor, name).await?;
    for commit in from.into_iter().chain([to]) {
        app.mirrors.commit(&application.name, commit).await.map_err(repository)?.ok_or(Refusal::NotFound)?;
    }
    app.mirrors.patch(&application.name, from, to).await.map_err(repository)
}

/// Reading alone asks for no fetch.
pub fn may_fetch(actor: &Actor, application: &Application) -> bool {
    application.environments.iter().any(|environment| {
        let may = |wanted| actor.access.may(wanted, &application.name, &environment.name);
        may(Permission::Request) || may(Permission::Review)
    })
}

/// Fetches now, however new the mirror is.
pub async fn fetch(app: &App, actor: &Actor, name: &str) -> Result<Timestamp, Refusal> {
    let (_, application) = applications::find(app, actor, name).await?;
    if !may_fetch(actor, &application) {
        let words = "Only who may request, review or deploy may have it fetched.";
        return Err(Refusal::Forbidden(words.to_owned()));
    }
    let now = app.clock.now();
    app.mirrors.fetch(&application.name, &application.repository, now).await.map_err(repository)?;
    Ok(app.mirrors.fetched_at(&application.name).await.unwrap_or(now))
}

async fn fresh(
    app: &App,
    actor: &Actor,
    name: &str,
) -> Result<(Application, (Timestamp, Option<String>)), Refusal> {
    let (_, application) = applications::find(app, actor, name).await?;
    let mirror = applications::fresh_mirror(app, &application).await?;
    Ok((application, mirror))
}

/// A release that an environment could be brought to, and what policy says of this
/// person deploying it there now.
#[derive(Debug, Clone)]
pub struct Offer {
    pub candidate: Candidate,
    pub commit: CommitInfo,
    pub gates: Vec<Gate>,
}

/// The newest of the branch, or of the tags by version, whether the environment takes
/// them or not. Opens no connection to a host.
pub async fn offers(
    app: &App,
    actor: &Actor,
    application: &str,
    environment: &str,
    limit: usize,
) -> Result<Read<Vec<Offer>>, Refusal> {
    let mut situation = applications::situation(app, actor, application, environment).await?;
    let (fetched_at, problem) = applications::fresh_mirror(app, &situation.application).await?;
    situation.find_base(app).await?;
    let mut value = Vec::new();
    for (release, commit, not_allowed) in newest(app, &situation, limit).await? {
        let direction = direction(app, &situation, &commit.id).await?;
        let candidate = Candidate {
            situation: situation.clone(),
            release,
            commit: commit.id.clone(),
            not_allowed,
            direction,
        };
        let gates = candidate.gates(actor, &Scope::Environment);
        value.push(Offer { candidate, commit, gates });
    }
    Ok(Read { value, fetched_at, problem })
}

type Found = (String, CommitInfo, Option<String>);

async fn newest(app: &App, situation: &Situation, limit: usize) -> Result<Vec<Found>, Refusal> {
    let application: &Name = &situation.application.name;
    match &situation.environment.deploy_from {
        DeployFrom::Branch(branch) => {
            let commits = app.mirrors.branch_commits(application, branch, limit).await.map_err(repository)?;
            Ok(commits.into_iter().map(|commit| (commit.id.to_string(), commit, None)).collect())
        }
        DeployFrom::Tags(_) => {
            let mut found = Vec::new();
            for tag in app.mirrors.tags(application, limit).await.map_err(repository)?.tags {
                let commit = app.mirrors.commit(application, &tag.commit).await.map_err(repository)?;
                let why = not_allowed(situation, tag.name.as_str());
                found.extend(commit.map(|commit| (tag.name.to_string(), commit, why)));
            }
            Ok(found)
        }
    }
}
