//! What somebody would ask for: the release resolved, how it stands to what is live, and
//! the facts that policy judges it by.

use jiff::Timestamp;

use super::situation::{Situation, repository};
use super::{App, Refusal};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::deployment::DeploymentState;
use crate::domain::diff::{Relation, TagInfo};
use crate::domain::fleet::DeployFrom;
use crate::domain::glob;
use crate::domain::name::{CommitId, Name, TagName};
use crate::domain::permission::Permission;
use crate::domain::policy::{self, AskingFacts, Facts, Newer};
use crate::domain::request::release_words;

/// A release that was looked up: what it is and how it stands to what is live.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub situation: Situation,
    pub release: String,
    pub commit: CommitId,
    pub tag: Option<TagInfo>,
    pub newer: Newer,
    pub not_allowed: Option<String>,
    pub rollback: bool,
    pub succeeded_before: bool,
}

/// Fetches, resolves and compares. Opens connections to the hosts to hear what they run.
pub async fn look_up(
    app: &App,
    actor: &Actor,
    (application, environment): (&Name, &Name),
    tag: &str,
    rollback: bool,
) -> Result<Candidate, Refusal> {
    let now = app.clock.now();
    let situation = Situation::load(app, &app.db, application, environment, now).await?;
    let mut situation = situation.ok_or(Refusal::NotFound)?;
    app.mirrors.fetch(application, &situation.application.repository, now).await.map_err(repository)?;
    let (release, commit, info, not_allowed) = resolve(app, &situation, tag, rollback).await?;
    situation.find_base(app).await?;
    // Who may only read does not make us knock at production.
    if actor.access.may(Permission::Request, application, environment) {
        situation.ask_hosts(app).await?;
    }
    let newer = newer(app, &situation, &commit).await?;
    let succeeded_before = succeeded_before(app, &situation, &commit).await?;
    Ok(Candidate { situation, release, commit, tag: info, newer, not_allowed, rollback, succeeded_before })
}

type Resolved = (String, CommitId, Option<TagInfo>, Option<String>);

async fn resolve(app: &App, situation: &Situation, text: &str, rollback: bool) -> Result<Resolved, Refusal> {
    let application = &situation.application.name;
    let text = text.trim();
    // What was deployed here by its commit is gone back to by its commit (rules.md 12, 14).
    if rollback && let Ok(commit) = CommitId::parse(text) {
        let known = app.mirrors.commit(application, &commit).await.map_err(repository)?;
        return match known {
            Some(_) => Ok((commit.to_string(), commit, None, None)),
            None => Err(Refusal::field("tag", "There is no such commit in the repository.")),
        };
    }
    match &situation.environment.deploy_from {
        DeployFrom::Tags(_) => {
            let tag =
                TagName::parse(text).map_err(|error| Refusal::field("tag", format!("The tag {error}.")))?;
            let info = app.mirrors.tag(application, &tag).await.map_err(repository)?;
            let info = info
                .ok_or_else(|| Refusal::field("tag", format!("There is no tag {tag} in the repository.")))?;
            let why = not_allowed(situation, tag.as_str());
            Ok((tag.to_string(), info.commit.clone(), Some(info), why))
        }
        DeployFrom::Branch(branch) => {
            let commit = CommitId::parse(text)
                .map_err(|error| Refusal::field("tag", format!("The commit {error}.")))?;
            let known = app.mirrors.commit(application, &commit).await.map_err(repository)?;
            if known.is_none() {
                return Err(Refusal::field("tag", "There is no such commit in the repository."));
            }
            let reachable =
                app.mirrors.is_reachable(application, &commit, branch).await.map_err(repository)?;
            let why = (!reachable).then(|| format!("It is not on the branch {branch}."));
            Ok((commit.to_string(), commit, None, why))
        }
    }
}

/// Why the rules of the environment do not take a tag, if they do not.
pub fn not_allowed(situation: &Situation, tag: &str) -> Option<String> {
    policy::not_allowed_by(
        &situation.environment.deploy_from,
        situation.application.tags.as_deref(),
        tag,
        glob::matches,
    )
}

/// Only that is gone back to (rules.md 12); in a place that was removed is not here.
pub(super) async fn succeeded_before(
    app: &App,
    situation: &Situation,
    commit: &CommitId,
) -> Result<bool, Refusal> {
    let filter = db::deployments::Filter {
        states: vec![DeploymentState::Succeeded],
        application: Some(situation.application.name.clone()),
        environment: Some(situation.environment.name.clone()),
        commit: Some(commit.clone()),
        standing: true,
        ..Default::default()
    };
    Ok(!db::deployments::list(&app.db, &filter, 1).await?.is_empty())
}

/// How a commit stands to what is live.
pub async fn newer(app: &App, situation: &Situation, commit: &CommitId) -> Result<Newer, Refusal> {
    let application = &situation.application.name;
    let live = situation.live();
    let Some(from) = &live.from else { return Ok(Newer::First) };
    if !live.mixed {
        let relation = app.mirrors.relation(application, commit, from).await.map_err(repository)?;
        return Ok(Newer::Is(relation));
    }
    if situation.base.is_none() {
        return Ok(Newer::BreaksMixed);
    }
    let mut newer_than_one = false;
    for other in situation.recorded() {
        match app.mirrors.relation(application, commit, other).await.map_err(repository)? {
            Relation::Newer => newer_than_one = true,
            Relation::Same => {}
            Relation::Older | Relation::Diverged => return Ok(Newer::BreaksMixed),
        }
    }
    Ok(if newer_than_one { Newer::FitsMixed } else { Newer::Is(Relation::Same) })
}

impl Candidate {
    /// The facts for policy; counts come from the database.
    pub fn facts<'a>(&'a self, actor: &'a Actor, counts: &Counts) -> Facts<'a> {
        Facts {
            asking: Some(AskingFacts {
                release_words: release_words(&self.release),
                commit: self.commit.clone(),
                not_allowed: self.not_allowed.clone(),
                newer: self.newer,
                rollback: self.rollback,
                succeeded_before: self.succeeded_before,
                twin: counts.twin,
                open: counts.open,
                last_hour: counts.last_hour,
            }),
            ..self.situation.facts(&actor.name, &actor.access)
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub twin: Option<i64>,
    pub open: u64,
    pub last_hour: u64,
}

pub async fn counts(
    source: &impl db::Source,
    actor: &Actor,
    candidate: &Candidate,
    now: Timestamp,
) -> Result<Counts, Refusal> {
    let (application, environment) =
        (&candidate.situation.application.name, &candidate.situation.environment.name);
    Ok(Counts {
        twin: db::requests::find_open_twin(source, application, environment, &candidate.commit).await?,
        open: db::requests::count_open(source, &actor.name).await?,
        last_hour: db::requests::count_since(source, &actor.name, policy::an_hour_before(now)).await?,
    })
}

/// The same for a page, outside a transaction.
pub async fn counts_now(app: &App, actor: &Actor, candidate: &Candidate) -> Result<Counts, Refusal> {
    counts(&app.db, actor, candidate, app.clock.now()).await
}
