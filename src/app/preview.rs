//! What a release would change on the hosts: asked for by somebody, found by a
//! runner, kept for ten minutes (rules.md 25).
//!
//! Whoever may read sees what was found. To have the hosts asked takes the right to
//! request or review there: who only reads does not make us knock at production.

use sha2::{Digest, Sha256};

use super::queries::applications;
use super::situation::{Situation, place_of, repository};
use super::{App, Refusal, check_start};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::deployment::Deployment;
use crate::domain::manifest::hex;
use crate::domain::name::{CommitId, Name, TagName};
use crate::domain::permission::Permission;
use crate::domain::plan::{HostFacts, RunFacts};
use crate::domain::preview::{GIVEN_UP_AFTER, Preview, PreviewState, why_none};
use crate::domain::scope::Scope;

/// A preview as its reader finds it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub application: Name,
    pub environment: Name,
    /// The tag, else the commit.
    pub release: String,
    pub commit: CommitId,
    /// `None`: nobody asked for it lately.
    pub preview: Option<Preview>,
    /// Why there can be none here.
    pub why_none: Option<String>,
    pub may_ask: bool,
    pub delete_threshold: u8,
    pub scope: Scope,
}

/// What a runner needs to find one.
#[derive(Debug, Clone)]
pub struct Work {
    pub preview: Preview,
    pub facts: RunFacts,
    /// All of the environment, those too that a deployment would skip.
    pub hosts: Vec<HostFacts>,
}

pub async fn find(
    app: &App,
    actor: &Actor,
    application: &str,
    environment: &str,
    release: &str,
    scope: Scope,
) -> Result<Seen, Refusal> {
    let situation = applications::situation(app, actor, application, environment).await?;
    let servers = situation.fleet.servers_within(&situation.environment, &scope);
    if servers.is_empty() && !scope.is_whole() {
        return Err(Refusal::NotFound);
    }
    applications::fresh_mirror(app, &situation.application).await?;
    let (release, commit) = resolve(app, &situation.application.name, release).await?;
    let (application, environment) = (situation.application.name.clone(), situation.environment.name.clone());
    let known = db::previews::find(&app.db, &application, &environment, &commit).await?;
    let mut preview = known.filter(|preview| preview.serves(&digest(&situation), app.clock.now()));
    if let Some(PreviewState::Ready { hosts, .. }) = preview.as_mut().map(|preview| &mut preview.state) {
        // Found for all of them at once, since that is what a later reader may want.
        hosts.retain(|host| servers.iter().any(|server| server.name == host.server));
    }
    Ok(Seen {
        may_ask: may_ask(actor, &application, &environment),
        why_none: why_none(&situation.environment),
        delete_threshold: situation.environment.delete_threshold,
        scope,
        application,
        environment,
        release,
        commit,
        preview,
    })
}

/// Wants it found, unless it is, or will be.
pub async fn ask(
    app: &App,
    actor: &Actor,
    application: &str,
    environment: &str,
    release: &str,
) -> Result<CommitId, Refusal> {
    let situation = applications::situation(app, actor, application, environment).await?;
    let (application, environment) = (&situation.application.name, &situation.environment.name);
    if !may_ask(actor, application, environment) {
        return Err(Refusal::Forbidden(
            "Only who may request, review or deploy there may have the hosts asked.".to_owned(),
        ));
    }
    if let Some(why) = why_none(&situation.environment) {
        return Err(Refusal::Conflict(why));
    }
    applications::fresh_mirror(app, &situation.application).await?;
    let (release, commit) = resolve(app, application, release).await?;
    let (now, digest) = (app.clock.now(), digest(&situation));
    let tx = app.db.begin().await?;
    let known = db::previews::find(&tx, application, environment, &commit).await?;
    let lacks =
        |preview: &Preview| matches!(preview.state, PreviewState::Failed { .. }) || preview.state.has_gaps();
    if known.is_some_and(|preview| !lacks(&preview) && preview.serves(&digest, now)) {
        return Ok(commit);
    }
    let preview = Preview {
        id: 0,
        application: application.clone(),
        environment: environment.clone(),
        release,
        commit: commit.clone(),
        digest,
        state: PreviewState::Wanted,
        wanted_by: actor.name.clone(),
        wanted_at: now,
    };
    db::previews::put(&tx, &preview).await?;
    tx.commit().await?;
    app.wake.preview.notify_one();
    Ok(commit)
}

/// The next one that somebody waits for, with what is needed to find it.
pub async fn claim_next(app: &App) -> Result<Option<Work>, Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let Some(preview) = db::previews::claim(&tx, now, now - GIVEN_UP_AFTER).await? else { return Ok(None) };
    tx.commit().await?;
    let situation = Situation::load(app, &app.db, &preview.application, &preview.environment, now).await?;
    let gone = match situation {
        Some(situation) if digest(&situation) == preview.digest => {
            let asked = Deployment {
                release: preview.release.clone(),
                ..Deployment::queued(
                    &preview.application,
                    &preview.environment,
                    &preview.commit,
                    &preview.wanted_by,
                    now,
                )
            };
            let facts = check_start::run_facts(&asked, &situation, Vec::new());
            let servers = situation.fleet.servers_of(&situation.environment);
            let hosts = servers.into_iter().map(place_of).collect();
            return Ok(Some(Work { preview, facts, hosts }));
        }
        Some(_) => "The hosts or the configuration changed meanwhile.",
        None => "The environment no longer exists.",
    };
    answer(app, &preview, &PreviewState::Failed { why: gone.to_owned(), at: now }).await?;
    Ok(None)
}

pub async fn answer(app: &App, preview: &Preview, state: &PreviewState) -> Result<(), Refusal> {
    let tx = app.db.begin().await?;
    match db::previews::answer(&tx, preview.id, state, app.clock.now()).await {
        Ok(()) => Ok(tx.commit().await?),
        // Asked anew meanwhile: that one will be answered.
        Err(db::DbError::Conflict(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether no deployment has the server just now (rules.md 27).
pub async fn is_free(app: &App, server: &Name) -> Result<bool, Refusal> {
    let locks = db::deployments::list_server_locks(&app.db).await?;
    Ok(!locks.iter().any(|(locked, _)| locked == server.as_str()))
}

fn may_ask(actor: &Actor, application: &Name, environment: &Name) -> bool {
    let may = |wanted| actor.access.may(wanted, application, environment);
    may(Permission::Request) || may(Permission::Review)
}

async fn resolve(app: &App, application: &Name, text: &str) -> Result<(String, CommitId), Refusal> {
    if let Ok(commit) = CommitId::parse(text) {
        app.mirrors.commit(application, &commit).await.map_err(repository)?.ok_or(Refusal::NotFound)?;
        return Ok((commit.to_string(), commit));
    }
    let tag = TagName::parse(text).map_err(|_| Refusal::NotFound)?;
    let found = app.mirrors.tag(application, &tag).await.map_err(repository)?.ok_or(Refusal::NotFound)?;
    Ok((tag.to_string(), found.commit))
}

/// Of all that a preview rests on beside the release.
fn digest(situation: &Situation) -> String {
    let active: Vec<String> = situation.active_servers().iter().map(ToString::to_string).collect();
    let parts = [situation.hosts_digest(), situation.configuration_digest(), active.join(" ")];
    hex(&Sha256::digest(parts.join("\n")))
}
