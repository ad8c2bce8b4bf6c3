//! A request ended without a decision: expired, void or cancelled, and why.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Change, Thread};

#[derive(Debug, Clone)]
pub struct RequestEnded {
    pub change: Change,
    pub ending: Ending,
    /// In words for a person; empty when the ending says it all.
    pub cause: String,
    /// What is no longer as it was reviewed.
    pub differs: Vec<Difference>,
    /// The page of the request.
    pub url: Url,
    pub thread: Thread,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Expired,
    Void,
    Cancelled { by: String },
}

/// `the tag v42`, at review `3f2a…`, now `9b1c…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub what: String,
    pub reviewed: String,
    pub now: String,
}

#[derive(Template)]
#[template(path = "mail/request_ended.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a RequestEnded,
}

#[derive(Template)]
#[template(path = "mail/request_ended.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a RequestEnded,
}

impl Ending {
    fn word(&self) -> &'static str {
        match self {
            Ending::Expired => "expired",
            Ending::Void => "void",
            Ending::Cancelled { .. } => "cancelled",
        }
    }
}

impl RequestEnded {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let subject = format!("[{}] {}", self.ending.word(), self.change.subject());
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        Ok(Letter { to, ..self.thread.follow(letter, self.ending.word()) })
    }

    fn sentence(&self) -> String {
        let release = format!("release {} to {}", self.change.versions(), self.change.environment);
        match &self.ending {
            Ending::Expired => format!("The request to {release} has expired."),
            Ending::Void => format!(
                "The request to {release} is void: what was reviewed is no longer what would be deployed."
            ),
            Ending::Cancelled { by } => format!("{by} cancelled the request to {release}."),
        }
    }
}

impl Difference {
    fn sentence(&self) -> String {
        format!("{}: reviewed {}, now {}", self.what, self.reviewed, self.now)
    }
}
