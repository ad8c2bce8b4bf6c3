//! To owners, requester and those always told: how a deployment ended, and what
//! each host runs now.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Change, Moment, Thread};
use crate::domain::deployment::DeploymentState;
use crate::domain::event::HostState;

#[derive(Debug, Clone)]
pub struct DeploymentEnded {
    pub deployment: u64,
    pub change: Change,
    /// One that is over.
    pub state: DeploymentState,
    /// Which host and why, in words; none when it succeeded.
    pub cause: Option<String>,
    pub hosts: Vec<HostLine>,
    /// Servers out of service in their load balancer, which stay so until someone acts.
    pub out_of_service: Vec<String>,
    /// As people call them.
    pub requested_by: Option<String>,
    pub accepted_by: Vec<String>,
    pub started_by: String,
    /// Why the glass was broken, if it was.
    pub overridden: Option<String>,
    pub ended_at: Moment,
    pub audit: Option<AuditHead>,
    /// The page of the deployment.
    pub url: Url,
    pub thread: Thread,
}

/// What one host runs, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostLine {
    pub host: String,
    pub state: HostState,
    /// The release it runs now, if that is known.
    pub runs: Option<String>,
    pub why: Option<String>,
}

/// The audit chain as it was when this was mailed (rules.md 41): a copy outside
/// the database, against which the chain can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    pub count: u64,
    /// Lower-case hexadecimal.
    pub head: String,
}

#[derive(Template)]
#[template(path = "mail/deployment_ended.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a DeploymentEnded,
}

#[derive(Template)]
#[template(path = "mail/deployment_ended.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a DeploymentEnded,
}

impl DeploymentEnded {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let subject = format!("[{}] {}", self.state.word(), self.change.subject());
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        // A request may be deployed more than once: retried, resumed, rolled back.
        let kind = format!("deployment.{}.{}", self.deployment, self.state.word());
        Ok(Letter { to, ..self.thread.follow(letter, &kind) })
    }

    fn sentence(&self) -> String {
        let ending = match self.state {
            DeploymentState::Succeeded => "succeeded",
            DeploymentState::Failed => "failed",
            DeploymentState::Cancelled => "was cancelled",
            DeploymentState::Interrupted => "was interrupted: its runner was lost",
            DeploymentState::Queued => "is queued",
            DeploymentState::Running => "is running",
        };
        let (versions, environment) = (self.change.versions(), &self.change.environment);
        format!("Deployment {} of {versions} to {environment} {ending}.", self.deployment)
    }

    fn people(&self) -> String {
        let mut parts = Vec::new();
        if let Some(requester) = &self.requested_by {
            parts.push(format!("requested by {requester}"));
        }
        if !self.accepted_by.is_empty() {
            parts.push(format!("accepted by {}", self.accepted_by.join(", ")));
        }
        parts.push(format!("started by {}", self.started_by));
        let mut words = parts.join(", ");
        if let Some(first) = words.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let broken = self
            .overridden
            .as_deref()
            .map(|reason| format!(" By break-glass, without approval: {}.", reason.trim_end_matches('.')));
        format!("{words}.{} Ended {}.", broken.unwrap_or_default(), self.ended_at)
    }

    fn out_of_service_words(&self) -> String {
        format!("Out of service in the load balancer until someone acts: {}.", self.out_of_service.join(", "))
    }
}

impl HostLine {
    fn words(&self) -> String {
        let release = self.runs.as_deref();
        let mut words = match (self.state, release) {
            (HostState::Done, Some(release)) => format!("runs {release}, verified"),
            (HostState::Done, None) => "done, verified".to_owned(),
            (HostState::Waiting, Some(release)) => format!("not touched, runs {release}"),
            (HostState::Waiting, None) => "not touched".to_owned(),
            (HostState::Running, _) => "was being changed; what it runs is not known".to_owned(),
            (HostState::Failed, Some(release)) => format!("failed, runs {release}"),
            (HostState::Failed, None) => "failed; what it runs is not known".to_owned(),
            (HostState::Unknown, _) => "out of sight; what it runs is not known".to_owned(),
            (HostState::Skipped, Some(release)) => format!("skipped, runs {release}"),
            (HostState::Skipped, None) => "skipped".to_owned(),
        };
        if let Some(why) = &self.why {
            words.push_str(": ");
            words.push_str(why);
        }
        words
    }

    fn line(&self) -> String {
        format!("{}: {}", self.host, self.words())
    }

    fn is_bad(&self) -> bool {
        matches!(self.state, HostState::Failed | HostState::Running | HostState::Unknown)
    }
}
