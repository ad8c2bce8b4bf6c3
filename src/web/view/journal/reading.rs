//! The fold itself: one event after the other changes what is known, and at the end
//! the plan gives the order in which it is shown.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;

use super::{
    Board, ClusterTiles, HostTile, LINES_SHOWN, LogGroup, LogLine, ReleaseNames, Service, Stage, StepMark,
};
use crate::domain::event::{Event, EventKind, HostState, NoteLevel, Phase, StepId, StepOutcome, Stream};
use crate::domain::name::Name;
use crate::domain::plan::{Plan, Step};
use crate::web::ansi::Terminal;
use crate::web::html::Mark;

#[derive(Debug, Clone, Copy)]
struct Progress {
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
    state: Mark,
}

/// The fold's state.
#[derive(Debug, Clone)]
pub(super) struct Reading {
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
    pub(super) fn new(plan: &Plan) -> Self {
        let mut places = HashMap::new();
        let mut hosts = HashMap::new();
        let place = |step: &Step, stage: &str, host: Option<&str>| {
            (step.id, (stage.to_owned(), step.phase, host.map(str::to_owned)))
        };
        places.extend(plan.prepare.iter().map(|step| place(step, PREPARE, None)));
        for stage in &plan.stages {
            let own = stage.before.iter().chain(&stage.after);
            places.extend(own.map(|step| place(step, &stage.name, None)));
            for host in &stage.hosts {
                let name = host.host.server.as_str();
                places.extend(host.steps.iter().map(|step| place(step, &stage.name, Some(name))));
                let (state, words) = if host.host.active {
                    (HostState::Waiting, "waiting")
                } else {
                    (HostState::Skipped, "inactive")
                };
                hosts.insert(name.to_owned(), tile(name, state, words));
            }
        }
        if plan.stages.is_empty() {
            // An operator's command does it all; what it does on each is its own affair.
            let names = plan.facts.servers.iter().map(Name::as_str);
            hosts.extend(names.map(|name| (name.to_owned(), tile(name, HostState::Waiting, "waiting"))));
        }
        for member in plan.members() {
            if let Some(tile) = hosts.get_mut(member.server.as_str()) {
                tile.service = Service::Untouched;
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

    pub(super) fn take(&mut self, event: &Event, names: &ReleaseNames) {
        self.last_seq = event.seq;
        match &event.what {
            EventKind::StepStarted { step, phase, cluster, host } => {
                let stage = cluster.as_ref().map_or(PREPARE, |cluster| cluster.as_str()).to_owned();
                let host = host.as_ref().map(ToString::to_string);
                self.places.entry(*step).or_insert_with(|| (stage, *phase, host.clone()));
                self.progress
                    .insert(*step, Progress { began: Some(event.at), ended: None, state: Mark::Running });
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
                let tile = self
                    .hosts
                    .entry(host.to_string())
                    .or_insert_with(|| tile(host.as_str(), HostState::Waiting, ""));
                tile.state = *state;
                let said = commit.as_ref().map(|commit| names.name(commit));
                tile.runs = match state {
                    // What it ran before is not what it runs now: nobody knows until it is read.
                    HostState::Running | HostState::Failed | HostState::Unknown => said,
                    HostState::Waiting | HostState::Done | HostState::Skipped => said.or(tile.runs.take()),
                };
                match state {
                    HostState::Failed if !tile.words.starts_with("failed") => {
                        tile.words = format!("failed at {}", tile.words);
                    }
                    HostState::Done | HostState::Unknown | HostState::Skipped | HostState::Waiting => {
                        state.word().clone_into(&mut tile.words);
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
            EventKind::Service { member, in_service } => {
                if let Some(tile) = self.hosts.get_mut(member.server.as_str()) {
                    tile.service = if *in_service { Service::Back } else { Service::Out };
                }
                self.remark_of(event, None);
            }
            EventKind::Compared { .. } | EventKind::Waiting { .. } | EventKind::Continued { .. } => {
                self.remark_of(event, None);
            }
            EventKind::State { state, why } => {
                let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                self.remark(event, &format!("{}{why}", state.word()), None);
            }
        }
    }

    fn end_step(&mut self, step: StepId, at: Timestamp, outcome: &StepOutcome) {
        let (state, why) = match outcome {
            StepOutcome::Done => (Mark::Succeeded, None),
            StepOutcome::Skipped { why } => (Mark::Succeeded, Some(why)),
            StepOutcome::Warned { why } => (Mark::Warned, Some(why)),
            StepOutcome::Failed { why } => (Mark::Failed, Some(why)),
            StepOutcome::Cancelled => (Mark::Cancelled, None),
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
            && state == Mark::Failed
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
            state: Mark::Running,
            why: None,
            seconds: None,
            lines: VecDeque::new(),
        });
        self.group_of_step.insert(step, self.groups.len() - 1);
        self.groups.len() - 1
    }

    fn remark_of(&mut self, event: &Event, tone: Option<&'static str>) {
        if let Some(text) = event.what.remark() {
            self.remark(event, &text, tone);
        }
    }

    /// Remarks that follow each other share a group.
    fn remark(&mut self, event: &Event, text: &str, tone: Option<&'static str>) {
        let html = Terminal::default().line(text);
        if self.groups.last().is_none_or(|group| group.state != Mark::Info) {
            self.groups.push(LogGroup {
                id: format!("n{}", event.seq),
                title: "Countersign".to_owned(),
                host: None,
                state: Mark::Info,
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

    pub(super) fn board(mut self, plan: &Plan) -> Board {
        let mut stages =
            vec![Stage { name: PREPARE.to_owned(), steps: self.marks(PREPARE, plan.prepare.iter()) }];
        let mut clusters = Vec::new();
        for stage in &plan.stages {
            let steps = stage.hosts.iter().flat_map(|host| &host.steps);
            let (look, work): (Vec<&Step>, Vec<&Step>) = steps.partition(|step| step.phase.only_looks());
            // Where there is a load balancer, hosts are looked at before it is told anything.
            let steps = look.into_iter().chain(&stage.before).chain(work).chain(&stage.after);
            let steps = self.marks(&stage.name, steps);
            stages.push(Stage { name: stage.name.clone(), steps });
        }
        for cluster in plan.clusters() {
            let hosts = plan.hosts().filter(|host| &host.cluster == cluster);
            let hosts = hosts.filter_map(|host| self.hosts.remove(host.host.server.as_str()));
            clusters.push(ClusterTiles { name: cluster.to_string(), hosts: hosts.collect() });
        }
        if plan.stages.is_empty() {
            let hosts = plan.facts.servers.iter().filter_map(|name| self.hosts.remove(name.as_str()));
            let hosts: Vec<HostTile> = hosts.collect();
            clusters.push(ClusterTiles { name: plan.facts.environment.to_string(), hosts });
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
    fn marks<'a>(&self, stage: &str, steps: impl Iterator<Item = &'a Step>) -> Vec<StepMark> {
        let mut order = Vec::new();
        let mut by_phase: BTreeMap<Phase, Vec<(StepId, Option<Progress>)>> = BTreeMap::new();
        for step in steps {
            if !order.contains(&step.phase) {
                order.push(step.phase);
            }
            by_phase.entry(step.phase).or_default().push((step.id, self.progress.get(&step.id).copied()));
        }
        order.into_iter().map(|phase| mark(stage, phase, &by_phase[&phase])).collect()
    }
}

fn mark(stage_name: &str, phase: Phase, steps: &[(StepId, Option<Progress>)]) -> StepMark {
    let ids: Vec<String> = steps.iter().map(|(id, _)| id.0.to_string()).collect();
    let steps: Vec<Option<Progress>> = steps.iter().map(|(_, progress)| *progress).collect();
    let each: Vec<Mark> = steps.iter().map(|step| step.map_or(Mark::Waiting, |step| step.state)).collect();
    let done = each.iter().filter(|state| matches!(state, Mark::Succeeded | Mark::Warned)).count();
    let has = |state: Mark| each.contains(&state);
    let state = if has(Mark::Failed) {
        Mark::Failed
    } else if has(Mark::Cancelled) {
        Mark::Cancelled
    } else if done == each.len() {
        if has(Mark::Warned) { Mark::Warned } else { Mark::Succeeded }
    } else if has(Mark::Running) || done > 0 {
        Mark::Running
    } else {
        Mark::Waiting
    };
    let began = steps.iter().flatten().filter_map(|step| step.began).min();
    let ended = steps.iter().flatten().filter_map(|step| step.ended).max();
    let all_ended = steps.iter().all(|step| step.is_some_and(|step| step.ended.is_some()));
    let seconds =
        began.zip(ended).filter(|_| all_ended).map(|(began, ended)| ended.as_second() - began.as_second());
    StepMark {
        key: format!("{stage_name}/{}", phase.word()),
        steps: ids.join(" "),
        phase: phase.word(),
        state,
        done,
        total: each.len(),
        seconds,
    }
}

fn tile(name: &str, state: HostState, words: &str) -> HostTile {
    HostTile {
        name: name.to_owned(),
        state,
        words: words.to_owned(),
        runs: None,
        why: None,
        href: None,
        service: Service::None,
    }
}
