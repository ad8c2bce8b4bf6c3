//! A deployment, live: what it does, on which hosts, with its log; afterwards what
//! each host runs and what is safe to do.

use askama::Template;
use jiff::Timestamp;

use super::journal::Board;
use super::{Action, Section, Shell};
use crate::domain::deployment::DeploymentState;
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
    /// A form with the field `when`: `after_batch` or `now`.
    pub cancel: Option<Action>,
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

impl Deployment {
    fn sentence(&self) -> String {
        sentence(self.state, &self.release, self.why.as_deref(), &self.board)
    }

    fn is_over(&self) -> bool {
        self.state.is_over()
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
