//! The journal of a deployment as the page shows it: a rail of steps, a tile per
//! host, a log in groups. It is one fold over the plan and the events, so that a page
//! loaded in the middle and a page that followed from the start show the same.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;

use crate::domain::event::{Event, EventKind, HostState, NoteLevel, Phase, StepId, StepOutcome, Stream};
use crate::domain::name::CommitId;
use crate::domain::plan::{Plan, Step};
use crate::web::ansi::Terminal;
use crate::web::html::time;

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
    /// `waiting`, `running`, `succeeded`, `warned`, `failed`, `cancelled`.
    pub state: &'static str,
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
    /// `waiting`, `running`, `done`, `failed`, `unknown`, `skipped`.
    pub state: &'static str,
    /// What it does or did last: `sync`, `done`, `failed at tests`.
    pub words: String,
    /// What it runs, as far as the run knows.
    pub runs: Option<String>,
    pub why: Option<String>,
    /// The log group of its latest step.
    pub href: Option<String>,
}

/// The lines of one step on one host, or remarks of the service itself.
#[derive(Debug, Clone)]
pub struct LogGroup {
    /// `s12` for step 12, `n340` for remarks that begin at event 340.
    pub id: String,
    pub title: String,
    pub host: Option<String>,
    /// `running`, `succeeded`, `warned`, `failed`, `cancelled`, `info`.
    pub state: &'static str,
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

/// How the releases that hosts may run are called.
#[derive(Debug, Clone)]
pub struct ReleaseNames {
    /// Commit and name, for this release and the one before.
    pub known: Vec<(CommitId, String)>,
}

impl ReleaseNames {
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

    pub fn count(&self, state: &str) -> u64 {
        self.hosts().filter(|host| host.state == state).count() as u64
    }

    pub fn total(&self) -> u64 {
        self.hosts().count() as u64
    }

    /// Failed hosts first, then those nobody knows of, then the others.
    pub fn by_trouble(&self) -> Vec<&HostTile> {
        let mut hosts: Vec<&HostTile> = self.hosts().collect();
        hosts.sort_by_key(|host| match host.state {
            "failed" => 0,
            "unknown" => 1,
            "running" => 2,
            "waiting" => 3,
            "skipped" => 4,
            _ => 5,
        });
        hosts
    }
}

impl HostTile {
    /// What a person may do about it without harm.
    pub fn safe(&self) -> &'static str {
        match self.state {
            "failed" => "look at the log, then release again",
            "unknown" => "look at the host before anything else",
            "running" => "wait",
            "waiting" => "leave; it was not touched",
            _ => "leave",
        }
    }
}

impl LogGroup {
    /// Running and failed ones stay open, and remarks that warn.
    pub fn is_open(&self) -> bool {
        match self.state {
            "succeeded" => false,
            "info" => self.lines.iter().any(|line| line.tone.is_some()),
            _ => true,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Progress {
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
    state: &'static str,
}

/// The fold's state.
struct Reading {
    places: HashMap<StepId, (String, Phase, Option<String>)>,
    progress: HashMap<StepId, Progress>,
    hosts: HashMap<String, HostTile>,
    groups: Vec<LogGroup>,
    group_of_step: HashMap<StepId, usize>,
    terminals: HashMap<StepId, Terminal>,
    /// Where the shown lines are, oldest first.
    shown: VecDeque<usize>,
    hidden_lines: u64,
    last_seq: u64,
}

const PREPARE: &str = "Prepare";

impl Reading {
    fn new(plan: &Plan) -> Self {
        let mut places = HashMap::new();
        let mut hosts = HashMap::new();
        let place = |step: &Step, stage: &str, host: Option<&str>| {
            (step.id, (stage.to_owned(), step.phase, host.map(str::to_owned)))
        };
        places.extend(plan.prepare.iter().map(|step| place(step, PREPARE, None)));
        for cluster in &plan.clusters {
            for host in &cluster.hosts {
                let name = host.host.server.as_str();
                places.extend(host.steps.iter().map(|step| place(step, cluster.name.as_str(), Some(name))));
                let (state, words) = if host.host.active { ("waiting", "waiting") } else { ("skipped", "inactive") };
                hosts.insert(name.to_owned(), tile(name, state, words));
            }
        }
        Self {
            places,
            progress: HashMap::new(),
            hosts,
            groups: Vec::new(),
            group_of_step: HashMap::new(),
            terminals: HashMap::new(),
            shown: VecDeque::new(),
            hidden_lines: 0,
            last_seq: 0,
        }
    }

    fn take(&mut self, event: &Event, names: &ReleaseNames) {
        self.last_seq = event.seq;
        match &event.what {
            EventKind::StepStarted { step, phase, cluster, host } => {
                let stage = cluster.as_ref().map_or(PREPARE, |cluster| cluster.as_str()).to_owned();
                let host = host.as_ref().map(ToString::to_string);
                self.places.insert(*step, (stage, *phase, host.clone()));
                self.progress.insert(*step, Progress { began: Some(event.at), ended: None, state: "running" });
                if let Some(tile) = host.as_ref().and_then(|host| self.hosts.get_mut(host)) {
                    phase.word().clone_into(&mut tile.words);
                    tile.href = Some(format!("#s{}", step.0));
                }
                self.open_group(*step);
            }
            EventKind::StepEnded { step, outcome } => self.end_step(*step, event.at, outcome),
            EventKind::Output { step, stream, text, .. } => {
                let html = self.terminals.entry(*step).or_default().line(text);
                let tone = (*stream == Stream::Stderr).then_some("failed");
                let group = self.open_group(*step);
                self.add_line(group, LogLine { seq: event.seq, at: event.at, html, tone });
            }
            EventKind::Host { host, state, commit } => {
                let tile = self.hosts.entry(host.to_string()).or_insert_with(|| tile(host.as_str(), "waiting", ""));
                tile.state = host_word(*state);
                tile.runs = commit.as_ref().map(|commit| names.name(commit)).or(tile.runs.take());
                match state {
                    HostState::Failed if !tile.words.starts_with("failed") => {
                        tile.words = format!("failed at {}", tile.words);
                    }
                    HostState::Done | HostState::Unknown | HostState::Skipped | HostState::Waiting => {
                        host_word(*state).clone_into(&mut tile.words);
                    }
                    HostState::Failed | HostState::Running => {}
                }
            }
            EventKind::Note { level, text } => {
                let tone = match level {
                    NoteLevel::Info => None,
                    NoteLevel::Warning => Some("warn"),
                    NoteLevel::Error => Some("failed"),
                };
                self.remark(event, text, tone);
            }
            EventKind::State { state, why } => {
                let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                self.remark(event, &format!("{}{why}", state.word()), None);
            }
        }
    }

    fn end_step(&mut self, step: StepId, at: Timestamp, outcome: &StepOutcome) {
        let (state, why) = match outcome {
            StepOutcome::Done => ("succeeded", None),
            StepOutcome::Skipped { why } => ("succeeded", Some(why)),
            StepOutcome::Warned { why } => ("warned", Some(why)),
            StepOutcome::Failed { why } => ("failed", Some(why)),
            StepOutcome::Cancelled => ("cancelled", None),
        };
        let progress = self.progress.entry(step).or_insert(Progress { began: None, ended: None, state });
        progress.ended = Some(at);
        progress.state = state;
        let began = progress.began;
        let group = self.open_group(step);
        let group = &mut self.groups[group];
        group.state = state;
        group.why = why.cloned();
        group.seconds = began.map(|began| at.as_second() - began.as_second());
        let host = self.places.get(&step).and_then(|(_, _, host)| host.clone());
        if let Some(tile) = host.and_then(|host| self.hosts.get_mut(&host))
            && state == "failed"
        {
            tile.why = why.cloned();
        }
    }

    fn open_group(&mut self, step: StepId) -> usize {
        if let Some(at) = self.group_of_step.get(&step) {
            return *at;
        }
        let (title, host) = match self.places.get(&step) {
            Some((_, phase, host)) => (phase.word().to_owned(), host.clone()),
            None => (format!("step {}", step.0), None),
        };
        self.groups.push(LogGroup {
            id: format!("s{}", step.0),
            title,
            host,
            state: "running",
            why: None,
            seconds: None,
            lines: VecDeque::new(),
        });
        self.group_of_step.insert(step, self.groups.len() - 1);
        self.groups.len() - 1
    }

    /// Remarks that follow each other share a group.
    fn remark(&mut self, event: &Event, text: &str, tone: Option<&'static str>) {
        let html = Terminal::default().line(text);
        if self.groups.last().is_none_or(|group| group.state != "info") {
            self.groups.push(LogGroup {
                id: format!("n{}", event.seq),
                title: "Countersign".to_owned(),
                host: None,
                state: "info",
                why: None,
                seconds: None,
                lines: VecDeque::new(),
            });
        }
        self.add_line(self.groups.len() - 1, LogLine { seq: event.seq, at: event.at, html, tone });
    }

    fn add_line(&mut self, group: usize, line: LogLine) {
        self.groups[group].lines.push_back(line);
        self.shown.push_back(group);
        if self.shown.len() > LINES_SHOWN
            && let Some(oldest) = self.shown.pop_front()
        {
            self.groups[oldest].lines.pop_front();
            self.hidden_lines += 1;
        }
    }

    fn board(mut self, plan: &Plan) -> Board {
        let mut stages = vec![Stage {
            name: PREPARE.to_owned(),
            steps: self.marks(PREPARE, &mut plan.prepare.iter()),
        }];
        let mut clusters = Vec::new();
        for cluster in &plan.clusters {
            let name = cluster.name.to_string();
            let steps = self.marks(&name, &mut cluster.hosts.iter().flat_map(|host| &host.steps));
            stages.push(Stage { name: name.clone(), steps });
            let hosts = cluster.hosts.iter().filter_map(|host| self.hosts.remove(host.host.server.as_str()));
            clusters.push(ClusterTiles { name, hosts: hosts.collect() });
        }
        stages.retain(|stage| !stage.steps.is_empty());
        Board {
            stages,
            clusters,
            groups: self.groups,
            last_seq: self.last_seq,
            hidden_lines: self.hidden_lines,
            warnings: plan.warnings.clone(),
        }
    }

    /// The steps of a stage, those of one phase together, in the plan's order.
    fn marks<'a>(&self, stage: &str, steps: &mut dyn Iterator<Item = &'a Step>) -> Vec<StepMark> {
        let mut order = Vec::new();
        let mut by_phase: BTreeMap<Phase, Vec<Option<Progress>>> = BTreeMap::new();
        for step in steps {
            if !order.contains(&step.phase) {
                order.push(step.phase);
            }
            by_phase.entry(step.phase).or_default().push(self.progress.get(&step.id).copied());
        }
        order.into_iter().map(|phase| mark(stage, phase, &by_phase[&phase])).collect()
    }
}

fn mark(stage: &str, phase: Phase, steps: &[Option<Progress>]) -> StepMark {
    let states: Vec<&str> = steps.iter().map(|step| step.map_or("waiting", |step| step.state)).collect();
    let done = states.iter().filter(|state| matches!(**state, "succeeded" | "warned")).count();
    let has = |state: &str| states.contains(&state);
    let state = if has("failed") {
        "failed"
    } else if has("cancelled") {
        "cancelled"
    } else if done == states.len() {
        if has("warned") { "warned" } else { "succeeded" }
    } else if has("running") || done > 0 {
        "running"
    } else {
        "waiting"
    };
    let began = steps.iter().flatten().filter_map(|step| step.began).min();
    let ended = steps.iter().flatten().filter_map(|step| step.ended).max();
    let all_ended = steps.iter().all(|step| step.is_some_and(|step| step.ended.is_some()));
    let seconds = began.zip(ended).filter(|_| all_ended).map(|(began, ended)| ended.as_second() - began.as_second());
    StepMark { key: format!("{stage}/{}", phase.word()), phase: phase.word(), state, done, total: states.len(), seconds }
}

impl StepMark {
    /// `48 s` once it is over, `7/10` before.
    pub fn note(&self) -> String {
        match self.seconds {
            Some(seconds) => time::duration(seconds),
            None if self.state == "waiting" => String::new(),
            None => format!("{}/{}", self.done, self.total),
        }
    }
}

fn tile(name: &str, state: &'static str, words: &str) -> HostTile {
    HostTile { name: name.to_owned(), state, words: words.to_owned(), runs: None, why: None, href: None }
}

fn host_word(state: HostState) -> &'static str {
    match state {
        HostState::Waiting => "waiting",
        HostState::Running => "running",
        HostState::Done => "done",
        HostState::Failed => "failed",
        HostState::Unknown => "unknown",
        HostState::Skipped => "skipped",
    }
}
