//! Home: what needs me first.

use askama::Template;

use super::server::DriftItem;
use super::{Activity, DeploymentItem, LeftOut, RequestItem, Section, Shell};
use crate::web::html::{counted, filters};

#[derive(Debug, Template)]
#[template(path = "home.html")]
pub struct Home {
    pub shell: Shell,
    /// Requests that wait for a decision of this person.
    pub to_review: Vec<RequestItem>,
    /// This person's own, open ones first.
    pub mine: Vec<RequestItem>,
    /// Failed or interrupted, and nothing has put it right since.
    pub failed: Vec<DeploymentItem>,
    /// Running and queued.
    pub active: Vec<DeploymentItem>,
    /// Servers that runs left out of service.
    pub left_out: Vec<LeftOut>,
    pub recent: Vec<Activity>,
    /// Hosts that differ from the record, where this person may deploy.
    pub drifted: Vec<DriftItem>,
    /// Overrides that this person may sign; the remark says who overrode and why.
    pub to_sign: Vec<DeploymentItem>,
    /// May request somewhere: the way to the request form is offered.
    pub may_request: bool,
}

impl Home {
    fn title(&self) -> String {
        match self.to_review.len() {
            0 if !self.failed.is_empty() => "A deployment needs attention".to_owned(),
            0 if !self.to_sign.is_empty() => "An override waits to be signed".to_owned(),
            0 if !self.left_out.is_empty() => "Something is out of service".to_owned(),
            0 if self.mine.iter().any(RequestItem::is_accepted) => "Your release may be started".to_owned(),
            0 => "Nothing waits for you".to_owned(),
            1 => "One request waits for you".to_owned(),
            n => format!("{n} requests wait for you"),
        }
    }

    fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if let [only] = self.failed.as_slice() {
            parts.push(format!("{} {} failed in {}.", only.application, only.release, only.environment));
        } else if !self.failed.is_empty() {
            parts.push(format!("{} failed.", counted(self.failed.len() as u64, "deployment", "deployments")));
        }
        if let [only] = self.active.as_slice() {
            parts.push(format!("{} {} is going to {}.", only.application, only.release, only.environment));
        } else if !self.active.is_empty() {
            let number = counted(self.active.len() as u64, "deployment", "deployments");
            parts.push(format!("{number} run or wait in the queue."));
        }
        match self.left_out.as_slice() {
            [] => {}
            [only] => parts.push(format!("{} is out of service.", only.server)),
            several => {
                parts.push(format!(
                    "{} out of service.",
                    counted(several.len() as u64, "server is", "servers are")
                ));
            }
        }
        if parts.is_empty() {
            parts.push("No deployment runs and none has failed lately.".to_owned());
        }
        parts.join(" ")
    }

    fn is_bare(&self) -> bool {
        self.to_review.is_empty()
            && self.mine.is_empty()
            && self.failed.is_empty()
            && self.active.is_empty()
            && self.left_out.is_empty()
            && self.to_sign.is_empty()
    }
}
