//! Finds what a release would change, host by host, without changing anything: the
//! sources are exported as for a run, and rsync is asked in its own words.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::local::scripts::PREDEPLOY;
use super::ssh::connection::{Connection, HostTarget, SshSettings};
use super::ssh::ground::Ground;
use super::ssh::live::Inspection;
use super::ssh::remote::Stopped;
use super::ssh::run_dir::RunDir;
use super::ssh::sync::{Way, sent_entries};
use super::ssh::{commands, compare};
use crate::app::preview::{Work, is_free};
use crate::app::{App, Refusal, situation};
use crate::domain::plan::HostFacts;
use crate::domain::preview::{Found, HostPreview, PreviewState, why_none_of_release};
use crate::repo::Tree;

/// For the whole of one host.
const PATIENCE: Duration = Duration::from_mins(2);

/// What all hosts have in common.
struct Common {
    app: App,
    ssh: SshSettings,
    folder: RunDir,
    ground: Ground,
    tree: Tree,
    remote_user: String,
    delete_threshold: u8,
    /// Files that a sync sends where nothing is yet.
    files: u64,
}

/// What came of it, for the database.
pub async fn make(app: &App, ssh: &SshSettings, work: &Work) -> PreviewState {
    match look(app, ssh, work).await {
        Ok(state) => state,
        Err(why) => PreviewState::Failed { why, at: app.clock.now() },
    }
}

async fn look(app: &App, ssh: &SshSettings, work: &Work) -> Result<PreviewState, String> {
    let facts = &work.facts;
    let tree = app.mirrors.export(&facts.application, &facts.commit, facts.allow_submodules_and_lfs).await;
    let tree = tree.map_err(|error| words(&situation::repository(error)))?;
    if tree.manifest.entries.iter().any(|entry| entry.path == PREDEPLOY.as_bytes()) {
        return Ok(PreviewState::None { why: why_none_of_release(PREDEPLOY) });
    }
    let folder = RunDir::create(&ssh.control_dir).map_err(|error| format!("control folder: {error}"))?;
    let ground = Ground::of(facts)?;
    let sent = sent_entries(&ground.options, &tree.path, &tree.manifest, folder.path()).await?;
    let common = Arc::new(Common {
        app: app.clone(),
        ssh: ssh.clone(),
        folder,
        ground,
        tree,
        remote_user: facts.remote_user.clone(),
        delete_threshold: facts.delete_threshold,
        files: sent.len() as u64,
    });
    // Named and boxed: a closure's future is not known to be `Send` for every lifetime.
    let mut asked: Vec<BoxFuture<'_, (usize, HostPreview)>> = Vec::with_capacity(work.hosts.len());
    for (number, host) in work.hosts.iter().enumerate() {
        let common = Arc::clone(&common);
        asked.push(Box::pin(async move {
            let server = host.server.clone();
            let found = timeout(PATIENCE, common.host(number, host)).await;
            let late = || Found::Problem { why: format!("no answer within {} s", PATIENCE.as_secs()) };
            (number, HostPreview { server, found: found.unwrap_or_else(|_| late()) })
        }));
    }
    let at_once = app.config.runner.hosts as usize;
    let mut hosts: Vec<_> = futures_util::stream::iter(asked).buffer_unordered(at_once).collect().await;
    hosts.sort_by_key(|(number, _)| *number);
    let hosts = hosts.into_iter().map(|(_, host)| host).collect();
    Ok(PreviewState::Ready { hosts, at: app.clock.now() })
}

/// A refusal as somebody may read it.
fn words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Invalid(errors) => {
            errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join(" ")
        }
        Refusal::Internal(error) => {
            tracing::error!(error, "a preview could not be made");
            "The sources could not be exported.".to_owned()
        }
        other => other.to_string(),
    }
}

impl Common {
    async fn host(&self, number: usize, host: &HostFacts) -> Found {
        if !host.active {
            return Found::NotAsked { why: "it is inactive, and deployments skip it".to_owned() };
        }
        match is_free(&self.app, &host.server).await {
            Ok(true) => {}
            Ok(false) => return Found::NotAsked { why: "a deployment has it just now".to_owned() },
            Err(error) => {
                tracing::error!(%error, "server locks could not be read");
                return Found::Problem { why: "the service could not look at its own record".to_owned() };
            }
        }
        match self.connected(number, host).await {
            Ok(found) => found,
            Err(why) => Found::Problem { why },
        }
    }

    async fn connected(&self, number: usize, host: &HostFacts) -> Result<Found, String> {
        let place = HostTarget::parse(host, &self.remote_user)?;
        let opened = Connection::open(&self.ssh, self.folder.path(), number, &place).await;
        let connection = opened.map_err(|failure| failure.why)?;
        let found = self.compare(&connection).await;
        connection.close().await;
        match found {
            Ok(found) => Ok(found),
            Err(Stopped::Failed(failure)) => Err(failure.why),
            Err(Stopped::Cancelled) => Err("nobody waited for it".to_owned()),
        }
    }

    async fn compare(&self, connection: &Connection) -> Result<Found, Stopped> {
        let (ground, never) = (&self.ground, CancellationToken::new());
        let answer = connection.ask(&commands::inspect(&ground.target), b"", &never).await?;
        let there = Inspection::parse(&answer)?;
        // What a run would refuse is not compared with either.
        there.may_deploy(&ground.target)?;
        if ground.releases.is_some() {
            there.may_become_link(&ground.target)?;
        }
        if there.live_folder().is_none() {
            return Ok(Found::Empty { files: self.files });
        }
        let way = Way {
            options: &ground.options,
            source: &self.tree.path,
            target: &ground.target,
            link_from: None,
        };
        let deletes = ground.releases.is_some() || ground.options.deletes();
        let changes = compare::changes(connection, way, deletes, self.delete_threshold, &never).await?;
        Ok(Found::Changes(changes))
    }
}
