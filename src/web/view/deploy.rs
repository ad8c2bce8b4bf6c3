//! Deploying directly: what and where are chosen by links and a search, so that it
//! works without a script; the last step shows every gate and the plan in words.

use askama::Template;

use super::request_new::{Choice, Fetched};
use super::{FieldError, ReleaseChoice, Section, Shell, Size, preview_href};
use crate::domain::balancer::Member;
use crate::domain::deployment::Direction;
use crate::domain::gate::{Gate, Verdict};
use crate::domain::plan::{Balance, Plan, Stage, Step};
use crate::domain::risk::RiskHint;
use crate::domain::scope::Scope;
use crate::web::html::{capital, counted, filters, listed};

#[derive(Debug, Template)]
#[template(path = "deploy.html")]
pub struct Deploy {
    pub shell: Shell,
    pub application: String,
    pub environment: String,
    /// What is live there, in words.
    pub live: String,
    /// The environment, its clusters, and the server that was chosen from its row, and
    /// which of them is chosen.
    pub targets: Vec<(Choice, bool)>,
    /// Newest first, of those that `q` finds.
    pub releases: Vec<ReleaseChoice>,
    /// How many there are, of which `releases` shows the newest.
    pub found: u64,
    pub fetched: Option<Fetched>,
    /// To have it fetched is offered.
    pub may_fetch: bool,
    pub form: DeployForm,
    pub chosen: Option<Chosen>,
    pub errors: Vec<FieldError>,
}

/// The fields of the form, by their names; `q` is that of the search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeployForm {
    pub release: String,
    pub cluster: String,
    pub server: String,
    pub acknowledge_deletes: bool,
    /// To be deployed past approval and calendar, and why.
    pub break_glass: bool,
    pub reason: String,
    pub q: String,
}

/// Break-glass is possible here for this reader, or would be but for this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideOffer {
    pub why_not: Option<String>,
}

/// The release that would be deployed.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The tag, else the first digits of the commit.
    pub release: String,
    /// The full commit id.
    pub commit: String,
    /// `None` where nothing is live.
    pub from: Option<String>,
    pub direction: Option<Direction>,
    /// `the whole environment`, `cluster web-a`.
    pub place: String,
    pub is_whole: bool,
    pub gates: Vec<Gate>,
    pub plan: Result<PlanWords, String>,
    /// Servers that an earlier run left out of service, and what stands in the way.
    pub notes: Vec<String>,
    pub obstacles: Vec<String>,
    pub diff_href: String,
    pub size: Size,
    pub risks: Vec<RiskHint>,
    /// Percent of a host's files that may go without being asked.
    pub delete_threshold: u8,
    /// The way out where approval is needed.
    pub request_href: Option<String>,
    pub override_offer: Option<OverrideOffer>,
}

/// A plan as sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanWords {
    /// `checks, load balancer, fetch, build`.
    pub prepare: String,
    pub stages: Vec<StageWords>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageWords {
    pub name: String,
    pub hosts: Vec<String>,
    /// What happens, in order.
    pub acts: Vec<String>,
}

impl PlanWords {
    pub fn of(plan: &Plan) -> Self {
        let prepare: Vec<&str> = plan.prepare.iter().map(|step| step.phase.word()).collect();
        Self {
            prepare: prepare.join(", "),
            stages: plan.stages.iter().map(StageWords::of).collect(),
            warnings: plan.warnings.iter().map(|words| sentence(words)).collect(),
        }
    }
}

impl StageWords {
    fn of(stage: &Stage) -> Self {
        let told = |steps: &[Step]| -> Vec<String> {
            steps.iter().filter_map(|step| step.balance.as_ref()).map(told).collect()
        };
        let mut acts = Vec::new();
        if stage.waits_for_person {
            acts.push("Waits until somebody lets it begin.".to_owned());
        }
        acts.extend(told(&stage.before));
        if let Some(first) = stage.hosts.first() {
            let phases: Vec<&str> = first.steps.iter().map(|step| step.phase.word()).collect();
            let on_each = if stage.hosts.len() == 1 { "On it" } else { "On each, at the same time" };
            acts.push(format!("{on_each}: {}.", phases.join(", ")));
        }
        acts.extend(told(&stage.after));
        let hosts = stage.hosts.iter().map(|host| host.host.server.to_string()).collect();
        Self { name: stage.name.clone(), hosts, acts }
    }
}

/// What a load balancer is asked or told.
fn told(balance: &Balance) -> String {
    match balance {
        Balance::Check { members } => format!("{} must be as expected.", servers(members)),
        Balance::StillUp { members } => format!("Goes on only while {} still serve.", servers(members)),
        Balance::Drain { members } => {
            format!("{} leave service; their sessions may end first.", servers(members))
        }
        Balance::Enable { members } => format!("{} enter service again.", servers(members)),
        Balance::Swap { enable, drain } => {
            format!("{} enter service and {} leave it, at the same moment.", servers(enable), servers(drain))
        }
    }
}

/// `web-1 and web-2 (shop in edge)`.
fn servers(members: &[Member]) -> String {
    let mut places: Vec<(String, Vec<&str>)> = Vec::new();
    for member in members {
        let place = format!("{} in {}", member.backend, member.balancer);
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, names)) => names.push(member.server.as_str()),
            None => places.push((place, vec![member.server.as_str()])),
        }
    }
    let words: Vec<String> =
        places.iter().map(|(place, names)| format!("{} ({place})", listed(names))).collect();
    listed(&words)
}

/// With a capital and a full stop, as reasons of a plan have neither.
fn sentence(words: &str) -> String {
    let words = words.trim_end_matches('.');
    format!("{}.", capital(words))
}

impl Deploy {
    /// What it would do on each host: asked there, so on a page of its own.
    fn host_preview(&self, chosen: &Chosen) -> String {
        let release = if self.form.release.is_empty() { &chosen.commit } else { &self.form.release };
        let scope = Scope::of_fields(&self.form.cluster, &self.form.server).unwrap_or_default();
        preview_href(&self.application, &self.environment, release, &scope)
    }

    fn state(&self) -> &'static str {
        match &self.chosen {
            None => "choose",
            Some(chosen) if chosen.why_not().is_some() => "blocked",
            Some(_) => "ready",
        }
    }

    fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.text.as_str())
    }

    fn action(&self) -> String {
        format!("/applications/{}/{}/deploy", self.application, self.environment)
    }

    fn hidden(&self) -> u64 {
        self.found.saturating_sub(self.releases.len() as u64)
    }

    fn found_words(&self) -> String {
        if self.form.q.is_empty() {
            counted(self.found, "release", "releases")
        } else {
            format!("{} of it", counted(self.found, "release speaks", "releases speak"))
        }
    }
}

impl Chosen {
    /// The first thing that stands in the way.
    pub fn why_not(&self) -> Option<String> {
        let stop = self.gates.iter().find(|gate| gate.verdict == Verdict::Stop);
        let stop = stop.map(|gate| format!("{}. {}", gate.title, gate.remedy));
        stop.or_else(|| self.obstacles.first().cloned()).or_else(|| {
            self.plan.as_ref().err().map(|why| format!("There can be no plan: {}", sentence(why)))
        })
    }

    /// Beside the versions.
    pub fn direction_words(&self) -> Option<&'static str> {
        self.direction.and_then(direction_words)
    }
}

/// Going forward needs no words.
pub fn direction_words(direction: Direction) -> Option<&'static str> {
    match direction {
        Direction::Forward => None,
        Direction::GoesBack => Some("goes back"),
        Direction::Redeploys => Some("redeploys"),
        Direction::Diverged => Some("diverged"),
    }
}
