//! What is made on this machine before any host is touched: the tree of the commit,
//! the operator's artifact in its place, what `predeploy.sh` makes of it, and the
//! local tests.
//!
//! A tree that something was made of is kept under the deployment's number, so that
//! a retry deploys the same bytes (rules.md 11).

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use tokio_util::sync::CancellationToken;

use super::ground::Ground;
use super::{Built, Prepare, SshExecutor, Tree, sync};
use crate::config::CommandConfig;
use crate::domain::event::{NoteLevel, Phase, StepOutcome};
use crate::domain::plan::{Plan, Step};
use crate::repo::{Limits, manifest_of};
use crate::runner::executor::{failed, skipped};
use crate::runner::local::commands::{artifact, method};
use crate::runner::local::facts::{Facts, MethodFacts};
use crate::runner::local::sandbox::{Private, Sandbox};
use crate::runner::local::scripts::{LOCAL_TESTS, PREDEPLOY, local_scripts, local_tests, predeploy};
use crate::runner::local::workplace::{Workplace, working_copy};
use crate::runner::output::Output;

/// What a run needs to work on this machine.
#[derive(Debug, Clone)]
pub struct Workshop {
    pub sandbox: Sandbox,
    /// Where scripts work.
    pub workplaces: PathBuf,
    /// Where made trees are kept, one folder a deployment.
    pub built: PathBuf,
    pub private: Private,
    /// The operator's commands.
    pub commands: Vec<CommandConfig>,
}

impl Workshop {
    fn command(&self, name: Option<&String>) -> Result<&CommandConfig, String> {
        let name = name.ok_or("the environment names no command")?;
        let command = self.commands.iter().find(|command| command.name.as_str() == name);
        command.ok_or_else(|| format!("config.json has no command {name}"))
    }
}

type Made = Result<StepOutcome, String>;

impl<P: Prepare> SshExecutor<P> {
    pub(super) async fn local_step(
        &self,
        plan: &Plan,
        step: &Step,
        out: &Output,
        cancel: &CancellationToken,
    ) -> StepOutcome {
        let made = match step.phase {
            // These are dropped when the run is cancelled; what follows stops what it started.
            // Policy was asked when the run was claimed; the engine says what it warned of.
            Phase::Checks => return StepOutcome::Done,
            Phase::Fetch => return self.dropped(cancel, self.prepare.fetch(plan, out)).await,
            Phase::Build => {
                let build = async { self.build(plan, out).await.unwrap_or_else(failed) };
                return self.dropped(cancel, build).await;
            }
            Phase::Artifact => self.artifact(plan, out, cancel).await,
            Phase::Predeploy => self.predeploy(plan, out, cancel).await,
            Phase::LocalTest => self.local_tests(plan, out, cancel).await,
            Phase::Command => self.command(plan, out, cancel).await,
            Phase::Balancer | Phase::Drain | Phase::Enable => match (&self.balancing, &step.balance) {
                (Some(balancing), Some(balance)) => Ok(balancing.act(balance, out, cancel).await),
                _ => Err("this run has no load balancer".to_owned()),
            },
            other => Err(format!("{} is no step of this machine", other.word())),
        };
        made.unwrap_or_else(failed)
    }

    async fn dropped(
        &self,
        cancel: &CancellationToken,
        work: impl Future<Output = StepOutcome>,
    ) -> StepOutcome {
        tokio::select! {
            biased;
            () = cancel.cancelled() => StepOutcome::Cancelled,
            outcome = work => outcome,
        }
    }

    async fn build(&self, plan: &Plan, out: &Output) -> Made {
        if let Some(kept) = self.kept(plan).await? {
            out.note(
                NoteLevel::Info,
                format!("The tree that deployment {} made is used again.", plan.facts.built_by),
            )
            .await;
            self.set_tree(kept);
            self.is_made.store(true, Ordering::Relaxed);
            return Ok(StepOutcome::Done);
        }
        let tree = self.prepare.build(plan, out).await?;
        if plan.facts.artifact.is_some() {
            self.set_tree(tree);
            return Ok(StepOutcome::Done);
        }
        self.scripts_can_run("release", &tree).await?;
        self.check_tree(plan, tree).await?;
        Ok(StepOutcome::Done)
    }

    /// What the first run of a chain of retries made.
    async fn kept(&self, plan: &Plan) -> Result<Option<Tree>, String> {
        let facts = &plan.facts;
        if facts.built_by == facts.deployment {
            return Ok(None);
        }
        let path = self.workshop.built.join(facts.built_by.to_string());
        if !path.is_dir() {
            return Ok(None);
        }
        let manifest = manifest(&path).await?;
        Ok(Some(Tree { path, manifest }))
    }

    async fn artifact(&self, plan: &Plan, out: &Output, cancel: &CancellationToken) -> Made {
        if self.is_made.load(Ordering::Relaxed) {
            return Ok(skipped("it was made by the run before"));
        }
        let command = self.workshop.command(plan.facts.artifact.as_ref())?;
        let facts = Facts::of(&plan.facts, "");
        let made = artifact(command, &facts, &self.tree()?.path, &self.workshop.private, out, cancel).await;
        let made = match made {
            Ok(made) => made,
            Err(outcome) => return Ok(outcome),
        };
        let path = self.keep(plan, &made.folder).await?;
        let tree = Tree { manifest: manifest(&path).await?, path };
        if made.run_local_scripts {
            self.scripts_can_run("artifact", &tree).await?;
        } else {
            self.is_made.store(true, Ordering::Relaxed);
        }
        self.check_tree(plan, tree).await?;
        Ok(StepOutcome::Done)
    }

    async fn scripts_can_run(&self, what: &str, tree: &Tree) -> Result<(), String> {
        let [script, ..] = local_scripts(&tree.manifest)[..] else { return Ok(()) };
        let ready = self.workshop.sandbox.ready(&self.workshop.workplaces).await;
        ready.map_err(|why| format!("the {what} has {script}, and scripts cannot run here: {why}"))
    }

    /// Runs the script on a copy; then the tree is what it will be.
    async fn predeploy(&self, plan: &Plan, out: &Output, cancel: &CancellationToken) -> Made {
        let tree = self.tree()?;
        let made = self.is_made.load(Ordering::Relaxed);
        if made || !local_scripts(&tree.manifest).contains(&PREDEPLOY) {
            return Ok(skipped(if made {
                "the tree is made already"
            } else {
                "the release has no predeploy.sh"
            }));
        }
        let workshop = &self.workshop;
        let place = Workplace::with_copy_of(&tree.path, &workshop.sandbox, &workshop.workplaces).await?;
        let facts = Facts::of(&plan.facts, "");
        let outcome = predeploy(&workshop.sandbox, &place, &facts, out, cancel).await;
        if outcome == StepOutcome::Done {
            let path = self.keep(plan, place.tree()).await?;
            let tree = Tree { manifest: manifest(&path).await?, path };
            self.check_tree(plan, tree).await?;
        }
        place.remove().await;
        Ok(outcome)
    }

    /// On a copy of their own: what tests leave behind is not deployed. It is the last
    /// step on this machine, so the tree that comes out of it is what is sent.
    async fn local_tests(&self, plan: &Plan, out: &Output, cancel: &CancellationToken) -> Made {
        let tree = self.tree()?;
        if !local_scripts(&tree.manifest).contains(&LOCAL_TESTS) {
            self.finish_tree(plan, tree).await?;
            return Ok(skipped("the release has no tests/run_local_tests.sh"));
        }
        if self.is_made.load(Ordering::Relaxed) {
            self.finish_tree(plan, tree).await?;
            return Ok(skipped("they ran when the tree was made, or its maker said not to"));
        }
        let workshop = &self.workshop;
        let place = Workplace::with_copy_of(&tree.path, &workshop.sandbox, &workshop.workplaces).await?;
        // Once for all of them; the first host's name stands for the rest.
        let host = plan.hosts().next().map(|host| host.host.server.as_str()).unwrap_or_default();
        let facts = Facts::of(&plan.facts, host);
        let outcome = local_tests(&workshop.sandbox, &place, &facts, out, cancel).await;
        place.remove().await;
        let is_forgiven = matches!(outcome, StepOutcome::Failed { .. }) && !plan.facts.fail_on_failed_tests;
        if outcome == StepOutcome::Done || is_forgiven {
            self.finish_tree(plan, tree).await?;
        }
        Ok(outcome)
    }

    async fn command(&self, plan: &Plan, out: &Output, cancel: &CancellationToken) -> Made {
        let command = self.workshop.command(plan.facts.command.as_ref())?;
        let facts = MethodFacts {
            facts: Facts::of(&plan.facts, ""),
            hosts: plan.facts.servers.clone(),
            from: plan.facts.from.clone(),
        };
        Ok(method(command, &facts, out, cancel).await)
    }

    /// A copy of what was made so far.
    async fn keep(&self, plan: &Plan, folder: &Path) -> Result<PathBuf, String> {
        let built = &self.workshop.built;
        tokio::fs::create_dir_all(built).await.map_err(|error| words(built, &error))?;
        // `predeploy.sh` may make something of an artifact.
        let [one, other] = self.unfinished(plan);
        let path = if one.is_dir() { other } else { one };
        remove(&path).await?;
        working_copy(folder, &path).await?;
        Ok(path)
    }

    fn unfinished(&self, plan: &Plan) -> [PathBuf; 2] {
        let id = plan.facts.deployment;
        ["artifact", "scripts"].map(|what| self.workshop.built.join(format!("{id}.{what}")))
    }

    /// Nothing is sent that would empty the hosts.
    async fn check_tree(&self, plan: &Plan, tree: Tree) -> Result<(), String> {
        let ground = Ground::of(&plan.facts)?;
        let entries =
            sync::sent_entries(&ground.options, &tree.path, &tree.manifest, self.folder.path()).await?;
        if entries.is_empty() && ground.options.deletes() {
            return Err("the tree to deploy is empty; with --delete, the hosts would be emptied".to_owned());
        }
        self.set_tree(tree);
        Ok(())
    }

    /// From here on the tree is what is sent. One that something was made of gets the
    /// deployment's number only now: a retry uses it without making or testing it again.
    async fn finish_tree(&self, plan: &Plan, mut tree: Tree) -> Result<(), String> {
        let unfinished = self.unfinished(plan);
        if unfinished.contains(&tree.path) {
            let path = self.workshop.built.join(plan.facts.deployment.to_string());
            remove(&path).await?;
            tokio::fs::rename(&tree.path, &path).await.map_err(|error| words(&path, &error))?;
            tree.path = path;
        }
        for path in &unfinished {
            remove(path).await?;
        }
        let ground = Ground::of(&plan.facts)?;
        let entries =
            sync::sent_entries(&ground.options, &tree.path, &tree.manifest, self.folder.path()).await?;
        let _ = self.built.set(Built { path: tree.path.clone(), entries });
        self.set_tree(tree);
        Ok(())
    }

    fn tree(&self) -> Result<Tree, String> {
        self.tree
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
            .ok_or_else(|| "there is no tree".to_owned())
    }

    fn set_tree(&self, tree: Tree) {
        *self.tree.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(tree);
    }
}

async fn remove(folder: &Path) -> Result<(), String> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(words(folder, &error)),
        _ => Ok(()),
    }
}

fn words(folder: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", folder.display())
}

async fn manifest(path: &Path) -> Result<crate::domain::manifest::Manifest, String> {
    manifest_of(path, Limits::default()).await.map_err(|error| error.to_string())
}
