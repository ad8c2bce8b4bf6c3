//! What somebody sees before they deploy directly: the releases to choose from, and
//! for the chosen one the gates, the plan that would be run, and what would stop it.

use jiff::Timestamp;

use crate::app::candidate::not_allowed;
use crate::app::check_start::{clusters, run_facts};
use crate::app::deploy::{Ask, Candidate};
use crate::app::situation::{Situation, repository};
use crate::app::{App, Refusal, balancing, covering};
use crate::db::Source;
use crate::domain::actor::Actor;
use crate::domain::balancer::{Member, MemberState, TakeOut, may_take_out};
use crate::domain::deployment::Deployment;
use crate::domain::diff::{CommitInfo, TagInfo};
use crate::domain::fleet::DeployFrom;
use crate::domain::gate::Gate;
use crate::domain::name::CommitId;
use crate::domain::plan::{Plan, RunFacts, plan};
use crate::domain::policy::{self, Act, DeployFacts, HostFacts};
use crate::domain::request::release_words;
use crate::domain::scope::Scope;
use crate::repo::RepoError;

/// Tags and commits that are searched.
const SEARCHED: usize = 10_000;

/// A release that may be chosen.
#[derive(Debug, Clone)]
pub struct Release {
    /// A tag, or a full commit id.
    pub name: String,
    pub commit: CommitId,
    pub at: Timestamp,
    pub author: String,
    pub message: String,
    /// Tags of a commit.
    pub tags: Vec<String>,
    pub live: bool,
    /// Why the rules of the environment do not take it.
    pub why_not: Option<String>,
}

impl Release {
    fn has(&self, words: &str) -> bool {
        let texts = [&self.name, &self.author, &self.message];
        texts.into_iter().chain(&self.tags).any(|text| text.to_lowercase().contains(words))
            || self.commit.as_str().starts_with(words)
    }
}

/// Newest first, at most `limit` of those that hold `words`, and how many do.
pub async fn releases(
    app: &App,
    situation: &Situation,
    words: &str,
    limit: usize,
) -> Result<(Vec<Release>, usize), Refusal> {
    let application = &situation.application.name;
    let tags = app.mirrors.tags(application, SEARCHED).await.map_err(repository)?.tags;
    let mut all: Vec<Release> = match &situation.environment.deploy_from {
        DeployFrom::Tags(_) => tags.into_iter().map(|tag| of_tag(situation, tag)).collect(),
        DeployFrom::Branch(branch) => match app.mirrors.branch_commits(application, branch, SEARCHED).await {
            Ok(commits) => commits.into_iter().map(|commit| of_commit(situation, commit, &tags)).collect(),
            Err(RepoError::NoSuchBranch(_)) => Vec::new(),
            Err(other) => return Err(repository(other)),
        },
    };
    let words = words.trim().to_lowercase();
    if !words.is_empty() {
        all.retain(|release| release.has(&words));
    }
    let found = all.len();
    all.truncate(limit);
    Ok((all, found))
}

fn of_tag(situation: &Situation, tag: TagInfo) -> Release {
    Release {
        live: situation.recorded().contains(&&tag.commit),
        why_not: why_not(situation, tag.name.as_str(), &tag.commit),
        name: tag.name.to_string(),
        commit: tag.commit,
        at: tag.at,
        author: tag.author,
        message: tag.message,
        tags: Vec::new(),
    }
}

/// Why the rules of the environment do not take a tag, promotion among them.
fn why_not(situation: &Situation, tag: &str, commit: &CommitId) -> Option<String> {
    not_allowed(situation, tag).or_else(|| situation.not_promoted(commit, tag))
}

fn of_commit(situation: &Situation, commit: CommitInfo, tags: &[TagInfo]) -> Release {
    let of_it = tags.iter().filter(|tag| tag.commit == commit.id);
    Release {
        live: situation.recorded().contains(&&commit.id),
        why_not: situation.not_promoted(&commit.id, commit.id.short()),
        name: commit.id.to_string(),
        tags: of_it.map(|tag| tag.name.to_string()).collect(),
        at: commit.at,
        author: commit.author,
        message: commit.summary,
        commit: commit.id,
    }
}

/// Among how many the newest that may come is looked for.
const LOOKED_AT: usize = 200;

/// The newest release that the rules take, by the mirror as it is: nothing is fetched.
pub async fn newest_allowed(app: &App, situation: &Situation) -> Option<(String, CommitId)> {
    let application = &situation.application.name;
    match &situation.environment.deploy_from {
        DeployFrom::Tags(_) => {
            let tags = app.mirrors.tags(application, LOOKED_AT).await.ok()?.tags;
            let fits =
                tags.into_iter().find(|tag| why_not(situation, tag.name.as_str(), &tag.commit).is_none())?;
            Some((fits.name.to_string(), fits.commit))
        }
        DeployFrom::Branch(branch) => {
            let looked_at = if situation.environment.promote_from.is_some() { LOOKED_AT } else { 1 };
            let commits = app.mirrors.branch_commits(application, branch, looked_at).await.ok()?;
            let fits = |commit: &CommitInfo| situation.not_promoted(&commit.id, commit.id.short()).is_none();
            commits.into_iter().find(fits).map(|commit| (commit.id.to_string(), commit.id))
        }
    }
}

/// The gates that stand for any release: what closes the way as such.
pub fn gates_of_place(situation: &Situation, actor: &Actor) -> Vec<Gate> {
    let mut facts = situation.facts(&actor.name, &actor.access);
    facts.deploying = Some(DeployFacts {
        release_words: String::new(),
        commit: None,
        not_allowed: None,
        direction: None,
        scope: Scope::Environment,
        covered_by: None,
        break_glass: None,
    });
    policy::gates(Act::Deploy, &facts)
}

/// The gates before a run without a request that is to be done again or to go on, by the record
/// alone: nothing is fetched for a page. None where its environment was removed.
pub async fn gates_again(
    app: &App,
    source: &impl Source,
    actor: &Actor,
    run: &Deployment,
    act: Act,
) -> Result<Vec<Gate>, Refusal> {
    let now = app.clock.now();
    let Some(situation) = Situation::load(app, source, &run.application, &run.environment, now).await? else {
        return Ok(Vec::new());
    };
    let mut facts = situation.facts(&actor.name, &actor.access);
    facts.hosts = HostFacts::within(&situation.fleet, &situation.environment, &run.scope);
    facts.deploying = Some(DeployFacts {
        release_words: release_words(&run.release),
        commit: Some(run.commit.clone()),
        not_allowed: None,
        direction: run.direction,
        scope: run.scope.clone(),
        covered_by: covering::of_run(app, source, (&actor.name, &actor.access), run).await?,
        break_glass: None,
    });
    Ok(policy::gates(act, &facts))
}

/// What a run would do, and what it would meet.
#[derive(Debug, Clone)]
pub struct Prospect {
    /// Or why there can be no plan.
    pub plan: Result<Plan, String>,
    /// Left out of service by an earlier run: they are deployed and put back (rules.md 20).
    pub taken_over: Vec<Member>,
    /// What load balancers say that stops a run before it touches anything.
    pub take_out: TakeOut,
    /// Cannot be asked just now.
    pub unanswered: Vec<Member>,
}

/// The plan as it would be made now. Asks the load balancers, for a few seconds at most.
pub async fn prospect(
    app: &App,
    actor: &Actor,
    candidate: &Candidate,
    ask: &Ask,
) -> Result<Prospect, Refusal> {
    let situation = &candidate.situation;
    let queued =
        Deployment::queued(&ask.application, &ask.environment, &candidate.commit, &actor.name, situation.now);
    let deployment = Deployment {
        release: candidate.release.clone(),
        from: situation.live().from,
        scope: ask.scope.clone(),
        deletes_acknowledged: ask.deletes_acknowledged,
        ..queued
    };
    let ours = balancing::taken_out(&app.db).await?;
    let out_of_service = ours.iter().cloned().collect();
    let facts = RunFacts { out_of_service, ..run_facts(&deployment, situation, Vec::new()) };
    let plan =
        clusters(situation).and_then(|clusters| plan(facts, &clusters)).map_err(|error| error.to_string());
    let members: Vec<Member> =
        plan.as_ref().map(|plan| plan.members().cloned().collect()).unwrap_or_default();
    let states = balancing::look_at(app, &members).await;
    let unanswered =
        members.iter().zip(&states).filter(|(_, state)| state.is_none()).map(|(member, _)| member.clone());
    let unanswered = unanswered.collect();
    let known: Vec<MemberState> = states.into_iter().flatten().collect();
    Ok(Prospect {
        plan,
        take_out: may_take_out(&known, &ours),
        taken_over: members.into_iter().filter(|member| ours.contains(member)).collect(),
        unanswered,
    })
}
