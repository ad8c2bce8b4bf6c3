//! A deployment, live: what it does, on which hosts, with its log; afterwards what
//! each host runs and what is safe to do.

use askama::Template;
use jiff::Timestamp;

use super::deploy::direction_words;
use super::journal::Board;
use super::{Action, LeftOut, Section, Shell};
use crate::domain::deployment::{DeploymentState, Direction};
use crate::domain::event::HostState;
use crate::web::html::{counted, filters, listed};

#[derive(Debug, Template)]
#[template(path = "deployment.html")]
pub struct Deployment {
    pub shell: Shell,
    pub id: i64,
    pub application: String,
    pub environment: String,
    pub from: Option<String>,
    /// The tag, else the first digits of the commit.
    pub release: String,
    /// The full commit id.
    pub commit: String,
    pub state: DeploymentState,
    /// Why it is in this state, as recorded: what it waits for, what ended it.
    pub why: Option<String>,
    pub requested_by: Option<String>,
    pub approved_by: Vec<String>,
    pub started_by: String,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// The usual length, in seconds.
    pub usually_takes: Option<i64>,
    pub fingerprint: Option<String>,
    pub request_href: Option<String>,
    pub board: Board,
    /// Which way it goes from what was live.
    pub direction: Option<Direction>,
    /// `cluster web-a`; `None` is the whole environment.
    pub scope: Option<String>,
    /// The run whose undone hosts this one does.
    pub retry_of: Option<i64>,
    /// The request whose approval covers this rollback.
    pub covered_by: Option<i64>,
    /// Break-glass, and who signed it.
    pub overridden: Option<Overridden>,
    pub queue: Option<Queue>,
    pub canary: Option<Canary>,
    /// Who cancelled it and when it will end, while it has not.
    pub cancelling: Option<String>,
    pub cancel: Option<Cancel>,
    /// A run of the same place that came after it.
    pub later: Option<i64>,
    pub retry: Option<Retry>,
    pub way_back: Option<WayBack>,
    pub left_out: Vec<LeftOut>,
    /// The page as text, to be sent to somebody.
    pub summary: String,
}

/// It was started without what it needed.
#[derive(Debug, Clone)]
pub struct Overridden {
    pub who: String,
    pub reason: String,
    pub at: Timestamp,
    /// Who signed it, when, and what they found.
    pub signed: Option<(String, Timestamp, String)>,
    /// The form, for who may sign.
    pub sign: Option<String>,
    /// What was typed into it, and what is wrong with that.
    pub comment: String,
    pub error: Option<String>,
}

/// What a waiting deployment waits for.
#[derive(Debug, Clone)]
pub struct Queue {
    /// 1 is next.
    pub place: usize,
    pub behind: Vec<Behind>,
}

#[derive(Debug, Clone)]
pub struct Behind {
    pub id: i64,
    /// For who may read it.
    pub href: Option<String>,
    /// `has web-1`, `runs in this environment`.
    pub words: String,
}

/// A stage that begins only when a person says so.
#[derive(Debug, Clone)]
pub struct Canary {
    pub stage: String,
    /// When it ends as failed.
    pub until: Timestamp,
    /// Why this reader may not let it go on.
    pub why_not: Option<String>,
    /// A form to stop.
    pub may_act: bool,
}

/// A form with the field `when`.
#[derive(Debug, Clone)]
pub struct Cancel {
    pub href: String,
    /// What would be so after the batch; `None` where there is no choice of when.
    pub after_batch: Option<String>,
    pub now: String,
    /// Who is out of service and would stay so.
    pub out: Option<String>,
}

/// A form that starts a run for the hosts that are left.
#[derive(Debug, Clone)]
pub struct Retry {
    pub act: Action,
    /// `Retry the 2 hosts that are left`.
    pub title: String,
    /// So many files would go that it has to be acknowledged; percent.
    pub acknowledge: Option<u8>,
    pub words: String,
}

/// A form that goes back to an earlier release.
#[derive(Debug, Clone)]
pub struct WayBack {
    pub act: Action,
    pub release: String,
    pub words: String,
    /// It becomes a request, for which a reason is wanted.
    pub by_request: bool,
}

/// The plain sentence of a deployment, for page, live feed and screen readers.
pub fn sentence(state: DeploymentState, release: &str, why: Option<&str>, board: &Board) -> String {
    let (done, total) = (board.done(), board.total());
    let failed = board.count(HostState::Failed) > 0;
    let which_failed = || {
        let names: Vec<&str> = board
            .hosts()
            .filter(|host| host.state == HostState::Failed)
            .map(|host| host.name.as_str())
            .collect();
        if names.len() > 3 { counted(names.len() as u64, "host", "hosts") } else { listed(&names) }
    };
    let hosts = counted(total, "host", "hosts");
    let because = why.map(|why| format!(" {why}.")).unwrap_or_default();
    let others = |rest: u64| {
        if rest > 0 {
            format!(" {} not touched.", counted(rest, "host was", "hosts were"))
        } else {
            String::new()
        }
    };
    match state {
        DeploymentState::Queued => format!("It waits for its turn and starts by itself.{because}"),
        DeploymentState::Running if failed => format!("{} failed; it stops before going on.", which_failed()),
        DeploymentState::Running => format!("{done} of {hosts} done. Nothing has failed."),
        DeploymentState::Succeeded if total == 1 => format!("The host runs {release}, verified."),
        DeploymentState::Succeeded => format!("{done} of {hosts} run {release}, verified."),
        DeploymentState::Failed if failed => {
            format!("{} failed, {done} of {hosts} done.{}{because}", which_failed(), others(board.waiting()))
        }
        DeploymentState::Failed if done > 0 => format!("It failed with {done} of {hosts} done.{because}"),
        DeploymentState::Failed => format!("It failed before any host was done.{because}"),
        DeploymentState::Cancelled => {
            format!("It was cancelled with {done} of {hosts} done.{}{because}", others(board.waiting()))
        }
        DeploymentState::Interrupted => format!(
            "Its runner was lost with {done} of {hosts} done. What the hosts run is read before anything else happens here.{because}"
        ),
    }
}

impl Queue {
    /// `Second in the queue, behind deployment 12.`
    pub fn words(&self) -> String {
        match (self.place, self.behind.is_empty()) {
            (_, true) => "It is next, as soon as a runner is free.".to_owned(),
            (1, false) => "It is next in the queue.".to_owned(),
            (place, false) => {
                format!(
                    "{} before it in the queue.",
                    counted(place as u64 - 1, "deployment waits", "deployments wait")
                )
            }
        }
    }
}

impl Canary {
    pub fn left(&self, now: &Timestamp) -> String {
        crate::web::html::time::left((self.until.as_second() - now.as_second()).max(0))
    }
}

impl Deployment {
    fn sentence(&self) -> String {
        sentence(self.state, &self.release, self.why.as_deref(), &self.board)
    }

    fn is_over(&self) -> bool {
        self.state.is_over()
    }

    fn direction_words(&self) -> Option<&'static str> {
        self.direction.and_then(direction_words)
    }

    /// Seconds that it waited for its turn.
    fn waited(&self) -> Option<i64> {
        self.started_at.map(|start| (start.as_second() - self.created_at.as_second()).max(0))
    }

    fn has_next(&self) -> bool {
        self.retry.is_some() || self.way_back.is_some()
    }

    /// Something is not as it should be, so each host's truth is shown.
    fn needs_attention(&self) -> bool {
        matches!(
            self.state,
            DeploymentState::Failed | DeploymentState::Cancelled | DeploymentState::Interrupted
        )
    }

    fn took(&self) -> Option<i64> {
        let end = self.ended_at.unwrap_or(self.shell.now);
        self.started_at.map(|start| (end.as_second() - start.as_second()).max(0))
    }

    fn icon_file(&self) -> String {
        format!("icon-{}.svg", self.state)
    }

    fn last_line(&self) -> Option<u64> {
        self.board.groups.iter().flat_map(|group| &group.lines).map(|line| line.seq).max()
    }
}
