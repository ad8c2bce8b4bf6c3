//! Somebody with the right deploys without a request (rules.md 18, 19): the same
//! policy function, any direction, and the whole environment, a cluster or a server.

use jiff::Timestamp;
use serde_json::json;

use super::access::Believed;
use super::break_glass::Break;
use super::candidate::{newer, not_allowed, succeeded_before};
use super::situation::{Situation, repository};
use super::{App, Refusal, access, covering, queue};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::deployment::{Deployment, Direction};
use crate::domain::diff::Relation;
use crate::domain::event::NoteLevel;
use crate::domain::fleet::DeployFrom;
use crate::domain::gate::Gate;
use crate::domain::name::{CommitId, Name, TagName};
use crate::domain::overriding::Via;
use crate::domain::permission::{Access, Permission};
use crate::domain::policy::{self, Act, Covering, DeployFacts, Facts, HostFacts, Newer};
use crate::domain::request::release_words;
use crate::domain::scope::Scope;

/// What somebody wants deployed, and where.
#[derive(Debug, Clone)]
pub struct Ask {
    pub application: Name,
    pub environment: Name,
    /// A tag, or a full commit id.
    pub release: String,
    pub scope: Scope,
    pub deletes_acknowledged: bool,
}

/// A release that was looked up for a place.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub situation: Situation,
    pub release: String,
    pub commit: CommitId,
    pub not_allowed: Option<String>,
    /// `None` where nothing is live.
    pub direction: Option<Direction>,
}

impl Candidate {
    pub fn facts<'a>(
        &'a self,
        actor: &'a Name,
        access: &'a Access,
        scope: &Scope,
        covered_by: Option<Covering>,
    ) -> Facts<'a> {
        let (fleet, environment) = (&self.situation.fleet, &self.situation.environment);
        Facts {
            hosts: HostFacts::within(fleet, environment, scope),
            deploying: Some(DeployFacts {
                release_words: release_words(&self.release),
                commit: Some(self.commit.clone()),
                not_allowed: self.not_allowed.clone(),
                direction: self.direction,
                scope: scope.clone(),
                covered_by,
                break_glass: None,
            }),
            ..self.situation.facts(actor, access)
        }
    }

    /// The same place as the transaction tells it. Another release may have gone live
    /// meanwhile: which way it goes is found again when it begins (rules.md 18).
    pub(super) async fn renewed(self, tx: &db::Tx, now: Timestamp) -> Result<Self, Refusal> {
        let situation = self.situation.renewed(tx, now).await?;
        Ok(Self { situation, ..self })
    }

    /// All that policy says of it, for a page.
    pub fn gates(&self, actor: &Actor, scope: &Scope) -> Vec<Gate> {
        policy::gates(Act::Deploy, &self.facts(&actor.name, &actor.access, scope, None))
    }

    /// The same if they broke the glass.
    pub fn gates_by_override(&self, actor: &Actor, scope: &Scope) -> Vec<Gate> {
        let facts = self.facts(&actor.name, &actor.access, scope, None);
        policy::gates(Act::Deploy, &facts.breaking(Some(Via::Session)))
    }
}

/// What a deployment rests on beside the right to it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Grounds<'a> {
    /// Exactly what this one brought.
    pub back_to: Option<&'a Deployment>,
    /// An approval that seemed to cover it; whether it does is found in the transaction.
    pub covered_by: Option<i64>,
    pub broken: Option<Break<'a>>,
}

/// Queues it, and gives its number.
pub async fn deploy(app: &App, actor: &Actor, ask: &Ask) -> Result<i64, Refusal> {
    queue(app, actor, ask, Grounds::default()).await
}

/// Back to exactly the commit that was there, and under an approval that covers it.
pub(super) async fn deploy_again(
    app: &App,
    actor: &Actor,
    ask: &Ask,
    back_to: &Deployment,
    covered_by: Option<i64>,
) -> Result<i64, Refusal> {
    queue(app, actor, ask, Grounds { back_to: Some(back_to), covered_by, broken: None }).await
}

pub(super) async fn queue(app: &App, actor: &Actor, ask: &Ask, grounds: Grounds<'_>) -> Result<i64, Refusal> {
    let Grounds { back_to, covered_by, broken } = grounds;
    if !actor.access.may(Permission::Read, &ask.application, &ask.environment) {
        return Err(Refusal::NotFound);
    }
    let rests_on = [actor.names(), covering::accepted_by(app, covered_by).await?].concat();
    let believed = access::refresh_all(app, &rests_on).await?;
    let candidate = look_up(app, ask, back_to.map(|to| &to.commit)).await?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = access::again(&tx, actor).await?;
    let candidate = candidate.renewed(&tx, now).await?;
    check_scope(&candidate.situation, &ask.scope)?;
    let covering = match back_to.filter(|_| covered_by.is_some()) {
        Some(to) => covering::of_the_last(app, &tx, (&actor.name, &actor.access), to).await?,
        None => None,
    };
    let covered_by = covering.as_ref().map(|covering| covering.request);
    let facts = candidate.facts(&actor.name, &actor.access, &ask.scope, covering);
    let without = policy::gates(Act::Deploy, &facts);
    if broken.is_some() && policy::passes(&without) {
        let words = "Nothing is to be overridden: it may be deployed as it is.";
        return Err(Refusal::field("break_glass", words));
    }
    let gates = policy::gates(Act::Deploy, &facts.breaking(broken.map(|broken| broken.via)));
    if !policy::passes(&gates) {
        return Err(Refusal::Stopped(gates));
    }
    // Nothing may name it later: a tag can move, a branch be rewritten (rules.md 14).
    app.mirrors.keep(&ask.application, &candidate.commit).await.map_err(repository)?;
    let mut deployment = Deployment {
        application: ask.application.clone(),
        environment: ask.environment.clone(),
        release: candidate.release.clone(),
        commit: candidate.commit.clone(),
        scope: ask.scope.clone(),
        covered_by,
        deletes_acknowledged: ask.deletes_acknowledged,
        overridden: broken.is_some(),
        ..Deployment::queued(&ask.application, &ask.environment, &candidate.commit, &actor.name, now)
    }
    .bounded_as(&actor.access);
    let said = broken.map(|broken| {
        let reason = broken.reason.trim().trim_end_matches('.');
        (
            NoteLevel::Warning,
            format!("Override by {}: {reason}. Approval and calendar were passed.", actor.name),
        )
    });
    let notes = believed.iter().map(Believed::note).chain(access::note_of(&actor)).chain(said);
    deployment.id = queue::put(&tx, &deployment, notes).await?;
    if let Some(broken) = broken {
        super::break_glass::record(app, &tx, &deployment, broken.reason, now).await?;
    }
    let entry = db::audit::Entry {
        actor: &actor.signature(),
        action: "deployment.queued",
        subject: format!("deployment {}", deployment.id),
        facts: json!({
            "application": ask.application, "environment": ask.environment, "release": deployment.release,
            "commit": deployment.commit, "scope": deployment.scope, "covered_by": covered_by,
            "deletes_acknowledged": ask.deletes_acknowledged, "overridden": deployment.overridden,
        }),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    app.wake.queue.notify_one();
    Ok(deployment.id)
}

fn check_scope(situation: &Situation, scope: &Scope) -> Result<(), Refusal> {
    let clusters: Vec<_> = situation.fleet.clusters_of(&situation.environment).collect();
    let is_there = match scope {
        Scope::Environment => true,
        Scope::Cluster(name) => clusters.iter().any(|cluster| &cluster.name == name),
        Scope::Server(name) => {
            clusters.iter().any(|cluster| cluster.servers.iter().any(|member| &member.server == name))
        }
        Scope::Servers(_) => false,
    };
    if is_there {
        Ok(())
    } else {
        Err(Refusal::field("target", format!("There is no {scope} in {}.", situation.environment.name)))
    }
}

/// Fetches, resolves and compares. `commit` is what it was resolved to before: a
/// tag that leads elsewhere now is refused.
pub async fn look_up(app: &App, ask: &Ask, commit: Option<&CommitId>) -> Result<Candidate, Refusal> {
    let fleet = db::fleet::load(&app.db).await?;
    let application = fleet.application(&ask.application).ok_or(Refusal::NotFound)?;
    let fetched = app.mirrors.fetch(&ask.application, &application.repository, app.clock.now());
    fetched.await.map_err(repository)?;
    // Only now: a fetch takes a while, and what changed meanwhile counts.
    let situation =
        Situation::load(app, &app.db, &ask.application, &ask.environment, app.clock.now()).await?;
    let situation = situation.ok_or(Refusal::NotFound)?;
    let mut situation = Situation { scope: ask.scope.clone(), ..situation };
    let (release, found, not_allowed) = resolve(app, &situation, &ask.release).await?;
    if commit.is_some_and(|commit| *commit != found) {
        let words = format!("{} was moved since: it is now {}.", release_words(&release), found.short());
        return Err(Refusal::field("release", words));
    }
    situation.find_base(app).await?;
    let direction = direction(app, &situation, &found).await?;
    Ok(Candidate { situation, release, commit: found, not_allowed, direction })
}

pub(super) async fn direction(
    app: &App,
    situation: &Situation,
    commit: &CommitId,
) -> Result<Option<Direction>, Refusal> {
    Ok(match newer(app, situation, commit).await? {
        Newer::First => None,
        Newer::FitsMixed | Newer::Is(Relation::Newer) => Some(Direction::Forward),
        Newer::Is(Relation::Same) => Some(Direction::Redeploys),
        Newer::Is(Relation::Older) => Some(Direction::GoesBack),
        Newer::BreaksMixed if goes_back(app, situation, commit).await? => Some(Direction::GoesBack),
        Newer::BreaksMixed | Newer::Is(Relation::Diverged) => Some(Direction::Diverged),
    })
}

/// All that is live contains it already.
async fn goes_back(app: &App, situation: &Situation, commit: &CommitId) -> Result<bool, Refusal> {
    for live in situation.recorded() {
        let relation = app.mirrors.relation(&situation.application.name, commit, live).await;
        if !matches!(relation.map_err(repository)?, Relation::Older | Relation::Same) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The release, its commit, and why the rules of the environment do not take it.
async fn resolve(
    app: &App,
    situation: &Situation,
    text: &str,
) -> Result<(String, CommitId, Option<String>), Refusal> {
    let application = &situation.application.name;
    let text = text.trim();
    if let Ok(commit) = CommitId::parse(text) {
        if app.mirrors.commit(application, &commit).await.map_err(repository)?.is_none() {
            return Err(Refusal::field("release", "There is no such commit in the repository."));
        }
        let why = commit_not_allowed(app, situation, &commit).await?;
        return Ok((commit.to_string(), commit, why));
    }
    let tag = TagName::parse(text)
        .map_err(|error| Refusal::field("release", format!("A tag or a full commit id: the tag {error}.")))?;
    let info = app.mirrors.tag(application, &tag).await.map_err(repository)?;
    let info =
        info.ok_or_else(|| Refusal::field("release", format!("There is no tag {tag} in the repository.")))?;
    let why = match &situation.environment.deploy_from {
        DeployFrom::Tags(_) => not_allowed(situation, tag.as_str()),
        DeployFrom::Branch(_) => commit_not_allowed(app, situation, &info.commit).await?,
    };
    Ok((tag.to_string(), info.commit, why))
}

/// A commit is on the branch, or has a tag that fits, or was deployed here before (rules.md 14).
async fn commit_not_allowed(
    app: &App,
    situation: &Situation,
    commit: &CommitId,
) -> Result<Option<String>, Refusal> {
    let application = &situation.application.name;
    let why = match &situation.environment.deploy_from {
        DeployFrom::Branch(branch) => {
            let reachable =
                app.mirrors.is_reachable(application, commit, branch).await.map_err(repository)?;
            (!reachable).then(|| format!("It is not on the branch {branch}."))
        }
        DeployFrom::Tags(glob) => {
            let tags = app.mirrors.tags(application, usize::MAX).await.map_err(repository)?;
            let fits = tags
                .tags
                .iter()
                .any(|tag| tag.commit == *commit && not_allowed(situation, tag.name.as_str()).is_none());
            (!fits).then(|| format!("This environment takes tags like {glob}, and this commit has none."))
        }
    };
    if why.is_none() || succeeded_before(app, situation, commit).await? { Ok(None) } else { Ok(why) }
}
