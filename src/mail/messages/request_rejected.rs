//! To the requester: rejected, by whom and why.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Change, Thread};

#[derive(Debug, Clone)]
pub struct RequestRejected {
    pub change: Change,
    /// As people call them.
    pub by: String,
    pub why: String,
    /// The page of the request.
    pub url: Url,
    pub thread: Thread,
}

#[derive(Template)]
#[template(path = "mail/request_rejected.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a RequestRejected,
}

#[derive(Template)]
#[template(path = "mail/request_rejected.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a RequestRejected,
}

impl RequestRejected {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let subject = format!("[rejected] {}", self.change.subject());
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        Ok(Letter { to, ..self.thread.follow(letter, "rejected") })
    }

    fn sentence(&self) -> String {
        let (versions, environment) = (self.change.versions(), &self.change.environment);
        format!("{} rejected the release of {versions} to {environment}.", self.by)
    }
}
