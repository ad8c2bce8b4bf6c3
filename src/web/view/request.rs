//! One release request: what was asked, what was said about it, what may be done next.

use askama::Template;
use jiff::Timestamp;

use super::decide::{Decide, Objection, RefusedDecision};
use super::{Action, Activity, Sealed, Section, Shell, Slot};
use crate::domain::gate::{Gate, Verdict};
use crate::domain::request::RequestWord;
use crate::web::html::{filters, listed};

#[derive(Debug, Template)]
#[template(path = "request.html")]
pub struct Request {
    pub shell: Shell,
    pub sealed: Sealed,
    pub state: RequestWord,
    pub accepted_by: Vec<String>,
    /// Oldest first: asked, decided, link made, started.
    pub timeline: Vec<Activity>,
    pub gates: Vec<Gate>,
    /// Why it is void, rejected or cancelled, in the words that were recorded.
    pub cause: Option<String>,
    /// It awaits this reader's decision, which they may take here as well.
    pub decide: Option<Decide>,
    /// For a reviewer of what is accepted: it may still be rejected, until it is started.
    pub objection: Option<Objection>,
    /// What reviewers want to know and nobody has answered.
    pub asked: Option<Asked>,
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
    /// Makes the launch link useless; the approval stands.
    pub revoke_link: Option<Action>,
    pub cancel: Option<Action>,
}

/// Questions that wait for an answer.
#[derive(Debug, Clone)]
pub struct Asked {
    pub questions: Vec<Question>,
    /// Until when the time for review stands still at most.
    pub paused_until: Option<Timestamp>,
    /// Where the requester answers; nobody else does.
    pub answer: Option<Answer>,
}

impl Asked {
    fn title(&self) -> &'static str {
        match (self.answer.is_some(), self.questions.len()) {
            (true, 1) => "A reviewer asks you",
            (true, _) => "Reviewers ask you",
            (false, 1) => "A question waits for its answer",
            (false, _) => "Questions wait for their answer",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Question {
    pub by: String,
    pub at: Timestamp,
    pub text: String,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub href: String,
    pub refused: Option<RefusedDecision>,
}

impl Request {
    fn title(&self) -> String {
        let Sealed { application, environment, tag, requester, rollback, .. } = &self.sealed;
        match (self.state, rollback) {
            (RequestWord::AwaitingReview, false) => {
                format!("{requester} asks to release {application} {tag} to {environment}")
            }
            (RequestWord::AwaitingReview, true) => {
                format!("{requester} asks to go back to {application} {tag} in {environment}")
            }
            _ => format!("{application} {tag} → {environment}"),
        }
    }

    fn sentence(&self) -> String {
        let Sealed { requester, environment, .. } = &self.sealed;
        let accepted = listed(&self.accepted_by);
        match self.state {
            RequestWord::AwaitingReview if self.decide.is_some() => {
                "It waits for you: the answers are at the end of this page. Nothing happens before it is countersigned."
                    .to_owned()
            }
            RequestWord::AwaitingReview => {
                "It waits for a reviewer. Nothing happens before somebody countersigns it.".to_owned()
            }
            RequestWord::Accepted if accepted.is_empty() => {
                format!("No approval is needed in {environment}. {requester} may start it.")
            }
            RequestWord::Accepted if self.slot.is_none() => {
                format!("{accepted} countersigned it. {requester} may have a new link made and start it.")
            }
            RequestWord::Accepted => {
                format!("{accepted} countersigned it. {requester} may start it within the time below.")
            }
            RequestWord::Launched => {
                format!("{requester} started it. What happened stands on the deployment’s page.")
            }
            RequestWord::Rejected => {
                "It was rejected and cannot be acted on any more. A new request may be made.".to_owned()
            }
            RequestWord::Cancelled => "It was withdrawn before it was started.".to_owned(),
            RequestWord::Expired => {
                "Its time ran out. Nothing was started; it can be asked for again.".to_owned()
            }
            RequestWord::Void => {
                "What was reviewed is not what would be deployed any more, so nothing can be started from it."
                    .to_owned()
            }
        }
    }

    /// The seal is closed once somebody countersigned it.
    fn seal_is_open(&self) -> bool {
        self.accepted_by.is_empty()
    }

    fn seal_words(&self) -> &'static str {
        if self.seal_is_open() { "Not countersigned." } else { "Countersigned." }
    }

    fn awaits_review(&self) -> bool {
        self.state == RequestWord::AwaitingReview
    }

    /// How the recorded cause is introduced.
    fn cause_words(&self) -> &'static str {
        match self.state {
            RequestWord::Void => "Void because",
            RequestWord::Rejected => "The reason",
            _ => "Why",
        }
    }

    fn is_over(&self) -> bool {
        !self.state.is_open() && self.state != RequestWord::Launched
    }
}
