//! How far a deployment is: a fold of its journal, and of nothing else.
//!
//! Page, live feed, API and mail show the same values because they fold the same
//! events. An event that was already seen changes nothing, so a reader may
//! resume a little earlier than where it stopped.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::balancer::Member;
use super::deployment::DeploymentState;
use super::event::{Event, EventKind, HostState, NoteLevel, Phase, StepId, StepOutcome};
use super::name::{CommitId, Name};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The last event that counts here; 0 before the first.
    pub seq: u64,
    pub state: DeploymentState,
    pub why: Option<String>,
    pub steps: BTreeMap<StepId, StepProgress>,
    pub hosts: BTreeMap<Name, HostProgress>,
    pub notes: Vec<NoteLine>,
    pub compared: BTreeMap<Name, Compared>,
    /// Taken out by this run, and not put back by it.
    pub out_of_service: BTreeSet<Member>,
    /// The stage that waits for a person.
    pub waiting: Option<Waiting>,
}

/// What the sync does to the number of files of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compared {
    pub added: u64,
    pub deleted: u64,
    pub files: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    pub stage: String,
    pub since: Timestamp,
    pub for_s: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepProgress {
    pub phase: Phase,
    pub cluster: Option<Name>,
    pub host: Option<Name>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// `None` while it runs.
    pub outcome: Option<StepOutcome>,
    pub lines: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostProgress {
    pub state: HostState,
    pub commit: Option<CommitId>,
    /// The step that began last there.
    pub step: Option<StepId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoteLine {
    pub at: Timestamp,
    pub level: NoteLevel,
    pub text: String,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            seq: 0,
            state: DeploymentState::Queued,
            why: None,
            steps: BTreeMap::new(),
            hosts: BTreeMap::new(),
            notes: Vec::new(),
            compared: BTreeMap::new(),
            out_of_service: BTreeSet::new(),
            waiting: None,
        }
    }
}

impl Progress {
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut progress = Self::default();
        for event in events {
            progress.apply(event);
        }
        progress
    }

    pub fn apply(&mut self, event: &Event) {
        if event.seq <= self.seq {
            return;
        }
        self.seq = event.seq;
        match &event.what {
            EventKind::State { state, why } => {
                self.state = *state;
                if state.is_over() {
                    self.waiting = None;
                }
                self.why.clone_from(why);
            }
            EventKind::StepStarted { step, phase, cluster, host } => {
                self.start(*step, *phase, cluster.clone(), host.clone(), event.at);
            }
            EventKind::Output { step, .. } => {
                if let Some(step) = self.steps.get_mut(step) {
                    step.lines += 1;
                }
            }
            EventKind::StepEnded { step, outcome } => {
                if let Some(step) = self.steps.get_mut(step) {
                    step.ended_at = Some(event.at);
                    step.outcome = Some(outcome.clone());
                }
            }
            EventKind::Host { host, state, commit } => {
                let host = self.host(host);
                host.state = *state;
                host.commit.clone_from(commit);
            }
            EventKind::Compared { host, added, deleted, files } => {
                let compared = Compared { added: *added, deleted: *deleted, files: *files };
                self.compared.insert(host.clone(), compared);
            }
            EventKind::Service { member, in_service: false } => {
                self.out_of_service.insert(member.clone());
            }
            EventKind::Service { member, in_service: true } => {
                self.out_of_service.remove(member);
            }
            EventKind::Waiting { stage, for_s } => {
                self.waiting = Some(Waiting { stage: stage.clone(), since: event.at, for_s: *for_s });
            }
            EventKind::Continued { .. } => self.waiting = None,
            EventKind::Note { level, text } => {
                self.notes.push(NoteLine { at: event.at, level: *level, text: text.clone() });
            }
        }
    }

    /// The steps that have begun and not ended, in the order of the plan.
    pub fn running(&self) -> impl Iterator<Item = (&StepId, &StepProgress)> {
        self.steps.iter().filter(|(_, step)| step.outcome.is_none())
    }

    /// Why a host failed: the words of the last step that failed there.
    pub fn why_of(&self, host: &Name) -> Option<String> {
        let of_host = self.steps.values().filter(|step| step.host.as_ref() == Some(host));
        of_host.rev().find_map(|step| match &step.outcome {
            Some(StepOutcome::Failed { why }) => Some(format!("{}: {why}", step.phase.word())),
            _ => None,
        })
    }

    /// What failed and was forgiven: tests, where the environment says so. `None` asks
    /// for the steps on our machine.
    pub fn warning_of(&self, host: Option<&Name>) -> Option<String> {
        let mut steps = self.steps.values().filter(|step| step.host.as_ref() == host);
        steps.find_map(|step| match &step.outcome {
            Some(StepOutcome::Warned { why }) => Some(format!("{}: {why}", step.phase.word())),
            _ => None,
        })
    }

    fn start(
        &mut self,
        step: StepId,
        phase: Phase,
        cluster: Option<Name>,
        host: Option<Name>,
        started_at: Timestamp,
    ) {
        if let Some(host) = &host {
            self.host(host).step = Some(step);
        }
        let begun =
            StepProgress { phase, cluster, host, started_at, ended_at: None, outcome: None, lines: 0 };
        self.steps.insert(step, begun);
    }

    fn host(&mut self, host: &Name) -> &mut HostProgress {
        let waiting = HostProgress { state: HostState::Waiting, commit: None, step: None };
        self.hosts.entry(host.clone()).or_insert(waiting)
    }
}
