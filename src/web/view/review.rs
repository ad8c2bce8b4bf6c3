//! Review, made for a phone: one sentence, what could go wrong, the checks, the
//! riskiest files, and a decision at the bottom. Each other state has words of its own.

use askama::Template;
use jiff::Timestamp;

use super::decide::{Decide, Objection};
use super::{Link, Sealed, Section, Shell};
use crate::domain::gate::{Gate, Verdict};
use crate::web::html::{counted, filters};

#[derive(Debug, Template)]
#[template(path = "review.html")]
pub struct Review {
    pub shell: Shell,
    /// What was asked; nothing where the reader may not see it or it is gone.
    pub sealed: Option<Sealed>,
    pub standing: Standing,
    pub gates: Vec<Gate>,
}

/// How the request stands, for this reader.
#[derive(Debug, Clone)]
pub enum Standing {
    /// It waits for this reader's decision.
    Open(Decide),
    /// Somebody countersigned it; the number needed is reached.
    Accepted {
        by: String,
        at: Timestamp,
        comment: Option<String>,
        /// For a reviewer: it may still be rejected, until it is started.
        objection: Option<Objection>,
    },
    Rejected {
        by: String,
        at: Timestamp,
        comment: Option<String>,
    },
    Cancelled {
        by: String,
        at: Timestamp,
    },
    Launched {
        by: String,
        at: Timestamp,
        deployment: i64,
    },
    Expired {
        at: Timestamp,
    },
    /// It is void, and recorded as such.
    Void {
        cause: String,
    },
    /// What is there now differs from what was mailed; nothing is recorded yet.
    Changed {
        cause: String,
    },
    /// Signed in, but without the right to review here.
    NotPermitted {
        why: String,
    },
    OwnRequest,
    /// The link is no link of ours, or what it led to is destroyed.
    Gone {
        why: String,
    },
}

/// What stands in place of the decision.
struct Said {
    title: String,
    text: String,
    quote: Option<String>,
    at: Option<Timestamp>,
    way_out: Link,
}

impl Review {
    fn state(&self) -> &'static str {
        match self.standing {
            Standing::Open(_) => "awaiting_review",
            Standing::Accepted { .. } => "accepted",
            Standing::Rejected { .. } => "rejected",
            Standing::Cancelled { .. } => "cancelled",
            Standing::Launched { .. } => "launched",
            Standing::Expired { .. } => "expired",
            Standing::Void { .. } => "void",
            Standing::Changed { .. } => "changed",
            Standing::NotPermitted { .. } => "not_permitted",
            Standing::OwnRequest => "own_request",
            Standing::Gone { .. } => "gone",
        }
    }

    fn decide(&self) -> Option<&Decide> {
        match &self.standing {
            Standing::Open(decide) => Some(decide),
            _ => None,
        }
    }

    fn objection(&self) -> Option<&Objection> {
        match &self.standing {
            Standing::Accepted { objection, .. } => objection.as_ref(),
            _ => None,
        }
    }

    fn is_sealed_by_someone(&self) -> bool {
        matches!(self.standing, Standing::Accepted { .. } | Standing::Launched { .. })
    }

    fn seal_is_open(&self) -> bool {
        !self.is_sealed_by_someone()
    }

    fn seal_words(&self) -> String {
        let hosts = self.sealed.as_ref().map_or(0, |sealed| sealed.hosts);
        let covers =
            format!("Covers the patch, {} and the deploy configuration.", counted(hosts, "host", "hosts"));
        if self.decide().is_some() { format!("Yours to countersign. {covers}") } else { covers }
    }

    fn said(&self) -> Option<Said> {
        let request = || {
            let href = self
                .sealed
                .as_ref()
                .map_or("/requests".to_owned(), |sealed| format!("/requests/{}", sealed.id));
            Link::new(href, "Open the request")
        };
        let said = |title: String, text: &str| Said {
            title,
            text: text.to_owned(),
            quote: None,
            at: None,
            way_out: request(),
        };
        Some(match &self.standing {
            Standing::Open(_) => return None,
            Standing::Accepted { by, at, comment, objection } => Said {
                quote: comment.clone(),
                at: Some(*at),
                ..said(
                    format!("{by} countersigned this"),
                    if objection.is_some() {
                        "The requester has a link to start it. Until they do, it may still be rejected."
                    } else {
                        "Nothing is left to decide. The requester has a link to start it."
                    },
                )
            },
            Standing::Rejected { by, at, comment } => Said {
                quote: comment.clone(),
                at: Some(*at),
                ..said(format!("{by} rejected this"), "One reject ends a request. A new one may be made.")
            },
            Standing::Cancelled { by, at } => Said {
                at: Some(*at),
                ..said(format!("{by} withdrew this request"), "Nothing is left to decide.")
            },
            Standing::Launched { by, at, deployment } => Said {
                at: Some(*at),
                way_out: Link::new(format!("/deployments/{deployment}"), "Open the deployment"),
                ..said(format!("{by} started it"), "It was accepted and is a deployment now.")
            },
            Standing::Expired { at } => Said {
                at: Some(*at),
                ..said(
                    "The time to review is over".to_owned(),
                    "Nobody decided in time, so nothing was started. It can be asked for again.",
                )
            },
            Standing::Void { cause } => Said {
                quote: Some(cause.clone()),
                ..said(
                    "This request is void".to_owned(),
                    "It can be neither accepted nor rejected any more, because:",
                )
            },
            Standing::Changed { cause } => Said {
                quote: Some(cause.clone()),
                ..said(
                    "This changed since the mail".to_owned(),
                    "What you were asked to review is not what would be deployed now:",
                )
            },
            Standing::NotPermitted { why } => Said {
                quote: None,
                way_out: Link::new("/", "Go home"),
                ..said("You may not review this".to_owned(), why)
            },
            Standing::OwnRequest => said(
                "This is your own request".to_owned(),
                "Somebody else decides it. The requester is mailed as soon as they do.",
            ),
            Standing::Gone { why } => Said {
                way_out: Link::new("/requests", "See the requests"),
                ..said("This link leads nowhere any more".to_owned(), why)
            },
        })
    }
}
