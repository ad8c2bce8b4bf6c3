//! The journal of a deployment as the page shows it: a rail of steps, a tile per
//! host, a log in groups. It is one fold over the plan and the events, so that a page
//! loaded in the middle and a page that followed from the start show the same.

mod outgoing;
mod reading;

use std::collections::VecDeque;

use jiff::Timestamp;

pub use self::outgoing::outgoing;
use self::reading::Reading;
use crate::domain::deployment::Deployment;
use crate::domain::event::{Event, EventKind, HostState};
use crate::domain::name::CommitId;
use crate::domain::plan::Plan;
use crate::domain::request::release_words;
use crate::web::html::{Mark, time};

/// Lines that a page holds; earlier ones are in the raw log.
pub const LINES_SHOWN: usize = 2_000;

#[derive(Debug, Clone, Default)]
pub struct Board {
    pub stages: Vec<Stage>,
    pub clusters: Vec<ClusterTiles>,
    pub groups: Vec<LogGroup>,
    /// The last event that is in it; the live feed goes on after it.
    pub last_seq: u64,
    /// Lines of output that are not shown.
    pub hidden_lines: u64,
    /// Said before start: skipped hosts and the like.
    pub warnings: Vec<String>,
}

/// Local preparation, or the steps of one cluster.
#[derive(Debug, Clone)]
pub struct Stage {
    pub name: String,
    pub steps: Vec<StepMark>,
}

/// One kind of step on all hosts of its stage.
#[derive(Debug, Clone)]
pub struct StepMark {
    /// `web-a/sync`: the same in the live feed's script.
    pub key: String,
    pub phase: &'static str,
    /// The steps it stands for, by their numbers in the plan.
    pub steps: String,
    /// Waiting, running, succeeded, warned, failed or cancelled.
    pub state: Mark,
    pub done: usize,
    pub total: usize,
    /// Seconds from the first start to the last end, once all ended.
    pub seconds: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct ClusterTiles {
    pub name: String,
    pub hosts: Vec<HostTile>,
}

#[derive(Debug, Clone)]
pub struct HostTile {
    pub name: String,
    pub state: HostState,
    /// What it does or did last: `sync`, `done`, `failed at tests`.
    pub words: String,
    /// What it runs, as far as the run knows.
    pub runs: Option<String>,
    pub why: Option<String>,
    /// The log group of its latest step.
    pub href: Option<String>,
    pub service: Service,
}

/// Where a host stands in its load balancer, as far as this run knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// It is behind none.
    None,
    /// This run has told the load balancer nothing about it.
    Untouched,
    Out,
    Back,
}

/// The lines of one step on one host, or remarks of the service itself.
#[derive(Debug, Clone)]
pub struct LogGroup {
    /// `s12` for step 12, `n340` for remarks that begin at event 340.
    pub id: String,
    pub title: String,
    pub host: Option<String>,
    /// Running, succeeded, warned, failed, cancelled; `Info` for remarks.
    pub state: Mark,
    pub why: Option<String>,
    pub seconds: Option<i64>,
    pub lines: VecDeque<LogLine>,
}

#[derive(Debug, Clone)]
pub struct LogLine {
    pub seq: u64,
    pub at: Timestamp,
    /// Safe HTML.
    pub html: String,
    /// `failed` marks stderr and errors, `warn` warnings, nothing else.
    pub tone: Option<&'static str>,
}

/// The state of the hosts alone, followed event by event, so that a long journal is
/// read once and not again for each line that is added.
pub struct Tiles {
    plan: Plan,
    names: ReleaseNames,
    reading: Reading,
}

impl Tiles {
    pub fn new(plan: Plan, names: ReleaseNames) -> Self {
        let reading = Reading::new(&plan);
        Self { plan, names, reading }
    }

    /// Output says nothing about hosts and is left out.
    pub fn take(&mut self, event: &Event) {
        if !matches!(event.what, EventKind::Output { .. }) {
            self.reading.take(event, &self.names);
        }
    }

    pub fn board(&self) -> Board {
        self.reading.clone().board(&self.plan)
    }
}

/// How the releases that hosts may run are called.
#[derive(Debug, Clone)]
pub struct ReleaseNames {
    /// Commit and name, for this release and the one before.
    pub known: Vec<(CommitId, String)>,
}

impl ReleaseNames {
    pub fn of(deployment: &Deployment) -> Self {
        let mut known = vec![(deployment.commit.clone(), release_words(&deployment.release))];
        if let (Some(commit), Some(release)) = (&deployment.from, &deployment.from_release) {
            known.push((commit.clone(), release_words(release)));
        }
        Self { known }
    }

    fn name(&self, commit: &CommitId) -> String {
        let known = self.known.iter().find(|(id, _)| id == commit);
        known.map_or_else(|| commit.short().to_owned(), |(_, name)| name.clone())
    }
}

impl Board {
    /// `events` in order; output may be missing from their middle, the rest may not.
    pub fn read(plan: &Plan, events: &[Event], names: &ReleaseNames) -> Self {
        let mut reading = Reading::new(plan);
        for event in events {
            reading.take(event, names);
        }
        reading.board(plan)
    }

    pub fn hosts(&self) -> impl Iterator<Item = &HostTile> {
        self.clusters.iter().flat_map(|cluster| &cluster.hosts)
    }

    pub fn count(&self, state: HostState) -> u64 {
        self.hosts().filter(|host| host.state == state).count() as u64
    }

    pub fn done(&self) -> u64 {
        self.count(HostState::Done)
    }

    pub fn waiting(&self) -> u64 {
        self.count(HostState::Waiting)
    }

    pub fn total(&self) -> u64 {
        self.hosts().count() as u64
    }

    /// Some of its hosts are behind a load balancer.
    pub fn is_balanced(&self) -> bool {
        self.hosts().any(|host| host.service != Service::None)
    }

    /// What the record says of hosts that this run did not change.
    pub fn settle(&mut self, recorded: impl Fn(&str) -> Option<String>) {
        for host in self.clusters.iter_mut().flat_map(|cluster| &mut cluster.hosts) {
            if host.runs.is_none() && host.is_as_before() {
                host.runs = recorded(&host.name);
            }
        }
    }

    /// Failed hosts first, then those nobody knows of, then the others.
    pub fn by_trouble(&self) -> Vec<&HostTile> {
        let mut hosts: Vec<&HostTile> = self.hosts().collect();
        hosts.sort_by_key(|host| match host.state {
            HostState::Failed => 0,
            HostState::Unknown => 1,
            HostState::Running => 2,
            HostState::Waiting => 3,
            HostState::Skipped => 4,
            HostState::Done => 5,
        });
        hosts
    }
}

impl HostTile {
    /// This run did not change it.
    pub fn is_as_before(&self) -> bool {
        matches!(self.state, HostState::Waiting | HostState::Skipped)
    }

    /// In place of a release that nobody can name.
    pub fn runs_words(&self) -> &'static str {
        match self.state {
            HostState::Failed => "may be between two releases",
            _ => "unknown",
        }
    }

    pub fn is_in_trouble(&self) -> bool {
        matches!(self.state, HostState::Failed | HostState::Unknown)
    }

    /// What a person may do about it without harm.
    pub fn safe(&self) -> &'static str {
        match (self.state, self.service) {
            (HostState::Failed, Service::Out) => "retry or roll back; nobody is sent to it meanwhile",
            (HostState::Failed, _) => "look at the log, then retry or roll back",
            (HostState::Unknown, _) => "look at the host before anything else",
            (HostState::Running, _) => "wait",
            (HostState::Waiting, Service::Out) => "put it back, or retry",
            (HostState::Waiting, _) => "leave; it was not touched",
            (HostState::Done, Service::Out) => "put it back, or retry the others",
            (HostState::Done | HostState::Skipped, _) => "leave",
        }
    }

    pub fn service_words(&self) -> &'static str {
        match self.service {
            Service::None => "not behind one",
            Service::Untouched => "as before",
            Service::Out => "out of service",
            Service::Back => "in service",
        }
    }

    pub fn is_out(&self) -> bool {
        self.service == Service::Out
    }
}

impl LogGroup {
    /// Running and failed ones stay open, and remarks that warn.
    pub fn is_open(&self) -> bool {
        match self.state {
            Mark::Succeeded => false,
            Mark::Info => self.lines.iter().any(|line| line.tone.is_some()),
            _ => true,
        }
    }
}

impl StepMark {
    /// `48 s` once it is over, `7/10` before.
    pub fn note(&self) -> String {
        match self.seconds {
            Some(seconds) => time::duration(seconds),
            None if self.state == Mark::Waiting => String::new(),
            None => format!("{}/{}", self.done, self.total),
        }
    }
}
