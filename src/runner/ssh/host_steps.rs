//! What is done on a host, one function a step.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::connection::{Connection, HostTarget};
use super::ground::Ground;
use super::remote::Stopped;
use super::sync::Way;
use super::words::Failure;
use super::{Built, Prepare, SshExecutor, commands, compare, live, sync, verify, words};
use crate::domain::event::{EventKind, NoteLevel, Phase, StepOutcome};
use crate::domain::git_release::GitRelease;
use crate::domain::name::Name;
use crate::domain::plan::{HostPlan, Plan};
use crate::runner::executor::{failed, skipped};
use crate::runner::output::Output;

/// A host that this run is connected to, and how it was found.
#[derive(Clone)]
pub(super) struct Host {
    pub connection: Arc<Connection>,
    pub found: Arc<live::Inspection>,
}

/// One step, with all that it may ask for.
pub(super) struct Doing<'a> {
    pub plan: &'a Plan,
    pub ground: Ground,
    pub out: &'a Output,
    pub cancel: &'a CancellationToken,
}

type Outcome = Result<StepOutcome, Stopped>;

impl<P: Prepare> SshExecutor<P> {
    pub(super) async fn host_step(
        &self,
        plan: &Plan,
        host: &HostPlan,
        phase: Phase,
        out: &Output,
        cancel: &CancellationToken,
    ) -> Outcome {
        let ground = Ground::of(&plan.facts).map_err(Failure::from)?;
        let doing = Doing { plan, ground, out, cancel };
        if phase == Phase::Connect {
            return self.connect(&doing, host).await;
        }
        let there = self.host(&host.host.server)?;
        match phase {
            Phase::Compare => self.compare(&doing, &there).await,
            Phase::Mark => doing.mark(&there, self.git_release(&doing, true)).await,
            Phase::Sync => self.sync(&doing, &there).await,
            Phase::Verify => doing.verify(&there, self.built()?).await,
            Phase::Switch => doing.switch(&there).await,
            Phase::Deploy => doing.deploy_script(&there, self.built()?).await,
            Phase::Test => doing.test_script(&there, self.built()?).await,
            Phase::Health => doing.health(&there, &host.host.host).await,
            Phase::Finish => doing.finish(&there, self.git_release(&doing, false)).await,
            other => Ok(failed(format!("{} is no step on a host", other.word()))),
        }
    }

    async fn connect(&self, doing: &Doing<'_>, host: &HostPlan) -> Outcome {
        let (facts, target) = (&doing.plan.facts, &doing.ground.target);
        let place = HostTarget::parse(&host.host, &facts.remote_user).map_err(Failure::from)?;
        let opening = Connection::open(&self.settings, self.folder.path(), self.next_number(), &place);
        let connection = tokio::select! {
            biased;
            () = doing.cancel.cancelled() => return Err(Stopped::Cancelled),
            opened = opening => Arc::new(opened?),
        };
        let answer = connection.ask(&commands::inspect(target), b"", doing.cancel).await;
        let found = answer.and_then(|answer| Ok(Arc::new(live::Inspection::parse(&answer)?)));
        let host_name = host.host.server.clone();
        let found = match found {
            Ok(found) => found,
            Err(why) => {
                connection.close().await;
                return Err(why);
            }
        };
        self.lock().insert(host_name, Host { connection, found: Arc::clone(&found) });
        found.may_deploy(target)?;
        if doing.ground.releases.is_some() {
            found.may_become_link(target)?;
        }
        let runs = found.release.as_ref().map(|release| &release.commit);
        doing.out.runs_now(runs.cloned()).await;
        if let Some(runs) = runs.filter(|_| !facts.expected.is_empty())
            && !facts.expected.contains(runs)
        {
            let why = format!(
                "it runs {}, which is neither the old nor the new release; nothing was changed",
                runs.short()
            );
            return Ok(failed(why));
        }
        Ok(StepOutcome::Done)
    }

    async fn compare(&self, doing: &Doing<'_>, there: &Host) -> Outcome {
        let ground = &doing.ground;
        let Some(_) = there.found.live_folder() else {
            return Ok(skipped("nothing is there yet"));
        };
        if ground.releases.is_none() && !ground.options.deletes() {
            return Ok(skipped("the options of this environment delete nothing"));
        }
        let way = Way {
            options: &ground.options,
            source: &self.built()?.path,
            target: &ground.target,
            link_from: None,
        };
        let comparison = compare::compare(&there.connection, way, doing.cancel).await?;
        let (added, deleted, files) = (comparison.added, comparison.deleted, comparison.files);
        let host = there.connection.name.clone();
        doing.out.event(EventKind::Compared { host, added, deleted, files }).await;
        for path in &comparison.sample {
            doing.out.line(crate::domain::event::Stream::Stdout, format!("will be deleted: {path}")).await;
        }
        let facts = &doing.plan.facts;
        if comparison.exceeds(facts.delete_threshold) {
            let words = format!("{deleted} of {files} files there would be deleted");
            if !facts.deletes_acknowledged {
                let percent = facts.delete_threshold;
                return Ok(failed(format!(
                    "{words}, more than {percent} percent; start it again and acknowledge that"
                )));
            }
            doing
                .out
                .note(NoteLevel::Warning, format!("{}: {words}, as acknowledged", there.connection.name))
                .await;
        }
        Ok(StepOutcome::Done)
    }

    async fn sync(&self, doing: &Doing<'_>, there: &Host) -> Outcome {
        let (built, ground) = (self.built()?, &doing.ground);
        // Once more on what is there now: emptied since the build, it would empty the host.
        let gone = std::fs::read_dir(&built.path).map_or(true, |mut entries| entries.next().is_none());
        if gone && (ground.options.deletes() || !built.entries.is_empty()) {
            return Err(Failure::from("the exported tree is gone; nothing was sent".to_owned()).into());
        }
        let link_from = ground.releases.as_ref().and_then(|_| there.found.live_folder());
        let way = Way { options: &ground.options, source: &built.path, target: &ground.into, link_from };
        sync::sync(&there.connection, way, doing.out, doing.cancel).await?;
        Ok(StepOutcome::Done)
    }

    fn git_release(&self, doing: &Doing<'_>, in_progress: bool) -> GitRelease {
        let facts = &doing.plan.facts;
        let path = doing.ground.target.as_str();
        GitRelease::new(&facts.release, &facts.commit, (self.now)(), path, in_progress)
    }

    fn host(&self, server: &Name) -> Result<Host, Failure> {
        self.lock().get(server).cloned().ok_or_else(|| Failure::from("there is no connection".to_owned()))
    }
}

impl Doing<'_> {
    /// Runs a short command that has to end well.
    async fn must(&self, there: &Host, what: &str, command: &str) -> Result<Vec<u8>, Stopped> {
        let answer = there.connection.ask(command, b"", self.cancel).await?;
        if answer.code == 0 {
            return Ok(answer.stdout);
        }
        Err(Failure::from(words::remote_failure(what, answer.code, &answer.stderr)).into())
    }

    /// In progress: in the target, or in the new folder, so that the target tells
    /// the truth until the moment it is switched.
    async fn mark(&self, there: &Host, release: GitRelease) -> Outcome {
        let into = &self.ground.into;
        self.must(there, &format!("making {}", into.as_str()), &commands::make_folder(into)).await?;
        self.must(there, "writing .git_release", &commands::mark(into, &release)).await?;
        Ok(StepOutcome::Done)
    }

    async fn verify(&self, there: &Host, built: &Built) -> Outcome {
        let (entries, into) = (&built.entries, &self.ground.into);
        let question = verify::question(entries);
        let answer = there.connection.ask(&commands::list(into), &question, self.cancel).await?;
        match verify::compare(entries, &answer.stdout) {
            Ok(()) => Ok(StepOutcome::Done),
            Err(_) if answer.stdout.is_empty() && answer.code != 0 => {
                Err(Failure::from(words::remote_failure("reading the files", answer.code, &answer.stderr))
                    .into())
            }
            Err(why) => Err(Failure::from(why).into()),
        }
    }

    async fn switch(&self, there: &Host) -> Outcome {
        let Some(releases) = &self.ground.releases else { return Ok(skipped("the layout has no link")) };
        let command = commands::switch(&self.ground.target, &releases.link());
        self.must(there, &format!("switching {}", self.ground.target.as_str()), &command).await?;
        Ok(StepOutcome::Done)
    }

    async fn deploy_script(&self, there: &Host, built: &Built) -> Outcome {
        if !built.has("deploy.sh") {
            return Ok(skipped("the release has no deploy.sh"));
        }
        let (facts, host) = (&self.plan.facts, there.connection.name.as_str());
        let command = commands::deploy_script(facts, &self.id(), host, &self.ground.target);
        self.script(there, "deploy.sh", &command).await
    }

    async fn test_script(&self, there: &Host, built: &Built) -> Outcome {
        if !built.has("tests/run_tests.sh") {
            return Ok(skipped("the release has no tests/run_tests.sh"));
        }
        let (facts, host) = (&self.plan.facts, there.connection.name.as_str());
        let command = commands::test_script(facts, &self.id(), host, &self.ground.target);
        self.script(there, "tests/run_tests.sh", &command).await
    }

    pub(super) async fn script(&self, there: &Host, name: &str, command: &str) -> Outcome {
        let code = there.connection.run_script(command, self.out, self.cancel).await?;
        Ok(if code == 0 { StepOutcome::Done } else { failed(format!("{name} ended with exit code {code}")) })
    }

    /// The mark is the last change on the host; what follows it removes only what is old.
    async fn finish(&self, there: &Host, release: GitRelease) -> Outcome {
        let target = &self.ground.target;
        self.must(there, "writing .git_release", &commands::mark(target, &release)).await?;
        if let Some(releases) = &self.ground.releases {
            let command = commands::prune(&releases.folder, releases.keep, target);
            let answer = there.connection.ask(&command, b"", self.cancel).await?;
            if answer.code != 0 {
                let why = words::remote_failure("removing old releases", answer.code, &answer.stderr);
                self.out.note(NoteLevel::Warning, format!("{}: {why}", there.connection.name)).await;
            }
        }
        Ok(StepOutcome::Done)
    }

    pub(super) fn id(&self) -> String {
        self.plan.facts.deployment.to_string()
    }
}
