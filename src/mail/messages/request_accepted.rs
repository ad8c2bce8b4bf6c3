//! To the requester: accepted, with the one-time launch link and its slot.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Change, Moment, Thread};

#[derive(Debug, Clone)]
pub struct RequestAccepted {
    pub change: Change,
    /// As people call them; empty where no approval was needed.
    pub accepted_by: Vec<String>,
    pub comment: Option<String>,
    /// When the slot begins, if that is not now.
    pub slot_from: Option<Moment>,
    pub slot_until: Moment,
    /// When the window of the calendar ends, if that is before the slot does.
    pub window_until: Option<Moment>,
    /// What holds a start up within the slot: `shop is frozen until …`.
    pub locks: Vec<String>,
    /// The launch page of this link.
    pub url: Url,
    pub thread: Thread,
}

#[derive(Template)]
#[template(path = "mail/request_accepted.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a RequestAccepted,
}

#[derive(Template)]
#[template(path = "mail/request_accepted.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a RequestAccepted,
}

impl RequestAccepted {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let subject = format!("[accepted] {}", self.change.subject());
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        Ok(Letter { to, ..self.thread.follow(letter, "accepted") })
    }

    fn sentence(&self) -> String {
        let (versions, environment) = (self.change.versions(), &self.change.environment);
        match self.accepted_by.as_slice() {
            [] => format!("You may release {versions} to {environment}; no approval is needed there."),
            people => format!("{} accepted the release of {versions} to {environment}.", people.join(", ")),
        }
    }

    fn slot(&self) -> String {
        let mut words = match &self.slot_from {
            Some(from) => format!("The link works from {from} until {}.", self.slot_until),
            None => format!("The link works until {}.", self.slot_until),
        };
        if let Some(end) = &self.window_until {
            words = format!(
                "{words} The window ends before, at {end}: nothing starts after that until it opens again."
            );
        }
        if !self.locks.is_empty() {
            words = format!("{words} But {}: nothing starts then.", self.locks.join("; "));
        }
        words
    }

    fn comment_words(&self) -> &str {
        self.comment.as_deref().map(str::trim).unwrap_or_default()
    }
}
