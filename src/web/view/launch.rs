//! The launch link: what will start, where, and for how long it may be started. A
//! link that does not work says why and what to do next; nothing starts by looking.

use askama::Template;
use jiff::Timestamp;

use super::{Action, Link, Sealed, Section, Shell, Slot};
use crate::domain::gate::{Gate, Verdict};
use crate::web::html::filters;

#[derive(Debug, Template)]
#[template(path = "launch.html")]
pub struct Launch {
    pub shell: Shell,
    /// What would start; nothing for a reader whose link it is not.
    pub sealed: Option<Sealed>,
    pub standing: LaunchStanding,
    /// What was compared with the seal and what else was asked.
    pub gates: Vec<Gate>,
    /// `web-a (10 hosts), then web-b (9 hosts)`.
    pub place: String,
    /// How long it took before, in seconds, if it ever ran.
    pub usually_takes: Option<i64>,
}

#[derive(Debug, Clone)]
pub enum LaunchStanding {
    Ready {
        start: Action,
        slot: Slot,
    },
    /// The link is good, but a gate is closed now.
    Blocked {
        slot: Slot,
    },
    Expired {
        at: Timestamp,
        stands_until: Option<Timestamp>,
        new_link: Option<Action>,
    },
    Used {
        by: String,
        at: Timestamp,
        deployment: i64,
    },
    Revoked {
        at: Timestamp,
        /// A newer link, or how the request ended and by whom.
        why: String,
        new_link: Option<Action>,
    },
    Void {
        cause: String,
    },
    /// The link was made for another person.
    Foreign,
    /// No link of ours.
    Unknown,
}

impl Launch {
    fn state(&self) -> &'static str {
        match self.standing {
            LaunchStanding::Ready { .. } => "ready",
            LaunchStanding::Blocked { .. } => "blocked",
            LaunchStanding::Expired { .. } => "expired",
            LaunchStanding::Used { .. } => "used",
            LaunchStanding::Revoked { .. } => "revoked",
            LaunchStanding::Void { .. } => "void",
            LaunchStanding::Foreign => "foreign",
            LaunchStanding::Unknown => "gone",
        }
    }

    fn title(&self) -> String {
        let what = match &self.sealed {
            Some(sealed) => format!("{} {}", sealed.application, sealed.tag),
            None => "This release".to_owned(),
        };
        let place =
            self.sealed.as_ref().map_or(String::new(), |sealed| format!(" in {}", sealed.environment));
        match self.standing {
            LaunchStanding::Ready { .. } => format!("{what} is ready to start{place}"),
            LaunchStanding::Blocked { .. } => format!("{what} cannot start{place} now"),
            LaunchStanding::Expired { .. } => "This launch link has expired".to_owned(),
            LaunchStanding::Used { .. } => "This launch link was used".to_owned(),
            LaunchStanding::Revoked { .. } => "This launch link was revoked".to_owned(),
            LaunchStanding::Void { .. } => "The approval is void".to_owned(),
            LaunchStanding::Foreign => "This launch link belongs to somebody else".to_owned(),
            LaunchStanding::Unknown => "This launch link leads nowhere".to_owned(),
        }
    }

    fn sentence(&self) -> &'static str {
        match self.standing {
            LaunchStanding::Ready { .. } => {
                "Nothing has changed since it was countersigned. You may start it once, within the time below."
            }
            LaunchStanding::Blocked { .. } => {
                "The link is good, but something is in the way. Nothing was started and nothing changed."
            }
            LaunchStanding::Expired { .. } => {
                "The time to start is over. Nothing was started and nothing changed."
            }
            LaunchStanding::Used { .. } => "A launch link starts one deployment, once.",
            LaunchStanding::Revoked { .. } => "It does not start anything any more.",
            LaunchStanding::Void { .. } => {
                "What was approved is not what would be deployed now. Nothing was started."
            }
            LaunchStanding::Foreign => {
                "Only the person who asked may start it. Nothing was started, and their link still works."
            }
            LaunchStanding::Unknown => {
                "It was mistyped, cut off by the mail program, or never made. Nothing was started."
            }
        }
    }

    fn is_ready(&self) -> bool {
        matches!(self.standing, LaunchStanding::Ready { .. })
    }

    fn slot(&self) -> Option<&Slot> {
        match &self.standing {
            LaunchStanding::Ready { slot, .. } | LaunchStanding::Blocked { slot } => Some(slot),
            _ => None,
        }
    }

    fn new_link(&self) -> Option<&Action> {
        match &self.standing {
            LaunchStanding::Expired { new_link, .. } | LaunchStanding::Revoked { new_link, .. } => {
                new_link.as_ref()
            }
            _ => None,
        }
    }

    fn way_out(&self) -> Link {
        match (&self.standing, &self.sealed) {
            (LaunchStanding::Used { deployment, .. }, _) => {
                Link::new(format!("/deployments/{deployment}"), "Open the deployment")
            }
            (LaunchStanding::Foreign | LaunchStanding::Unknown, _) | (_, None) => Link::new("/", "Go home"),
            (_, Some(sealed)) => Link::new(format!("/requests/{}", sealed.id), "Open the request"),
        }
    }
}
