//! One release request: what was asked, what was said about it, what may be done next.

use askama::Template;

use super::{Action, Activity, Sealed, Section, Shell, Slot};
use crate::domain::gate::{Gate, Verdict};
use crate::web::html::{filters, listed};

#[derive(Debug, Template)]
#[template(path = "request.html")]
pub struct Request {
    pub shell: Shell,
    pub sealed: Sealed,
    /// The exact state word: `awaiting_review`, `accepted`, `launched`, `rejected`,
    /// `cancelled`, `expired`, `void`.
    pub state: &'static str,
    pub accepted_by: Vec<String>,
    /// Oldest first: asked, decided, link made, started.
    pub timeline: Vec<Activity>,
    pub gates: Vec<Gate>,
    /// Why it is void, rejected or cancelled, in the words that were recorded.
    pub cause: Option<String>,
    /// Where this reader decides, while it awaits review and they may.
    pub review_href: Option<String>,
    /// The time to start, while it is accepted.
    pub slot: Option<Slot>,
    /// The deployment that it became.
    pub deployment: Option<i64>,
    pub actions: RequestActions,
}

/// What this reader may post; `None` hides it.
#[derive(Debug, Clone, Default)]
pub struct RequestActions {
    pub start: Option<Action>,
    pub new_link: Option<Action>,
    pub cancel: Option<Action>,
}

impl Request {
    fn title(&self) -> String {
        let Sealed { application, environment, tag, requester, rollback, .. } = &self.sealed;
        match (self.state, rollback) {
            ("awaiting_review", false) => {
                format!("{requester} asks to release {application} {tag} to {environment}")
            }
            ("awaiting_review", true) => {
                format!("{requester} asks to go back to {application} {tag} in {environment}")
            }
            _ => format!("{application} {tag} → {environment}"),
        }
    }

    fn sentence(&self) -> String {
        let Sealed { requester, environment, .. } = &self.sealed;
        let accepted = listed(&self.accepted_by);
        match self.state {
            "awaiting_review" => {
                "It waits for a reviewer. Nothing happens before somebody countersigns it.".to_owned()
            }
            "accepted" if accepted.is_empty() => {
                format!("No approval is needed in {environment}. {requester} may start it.")
            }
            "accepted" => {
                format!("{accepted} countersigned it. {requester} may start it within the time below.")
            }
            "launched" => format!("{requester} started it. What happened stands on the deployment’s page."),
            "rejected" => {
                "It was rejected and cannot be acted on any more. A new request may be made.".to_owned()
            }
            "cancelled" => "It was withdrawn before it was started.".to_owned(),
            "expired" => "Its time ran out. Nothing was started; it can be asked for again.".to_owned(),
            "void" => {
                "What was reviewed is not what would be deployed any more, so nothing can be started from it."
                    .to_owned()
            }
            _ => String::new(),
        }
    }

    /// The seal is closed once somebody countersigned it.
    fn seal_is_open(&self) -> bool {
        self.accepted_by.is_empty()
    }

    fn seal_words(&self) -> &'static str {
        if self.seal_is_open() { "Not countersigned." } else { "Countersigned." }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, "rejected" | "cancelled" | "expired" | "void")
    }
}
