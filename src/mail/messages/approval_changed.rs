//! To the review list as it was: how a place is approved has changed (rules.md 17).

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Moment, Thread};

#[derive(Debug, Clone)]
pub struct ApprovalChanged {
    pub application: String,
    pub environment: String,
    /// A name, or `command`.
    pub by: String,
    pub at: Moment,
    /// One sentence each.
    pub changes: Vec<String>,
    /// The page of the environment.
    pub url: Url,
    pub thread: Thread,
}

#[derive(Template)]
#[template(path = "mail/approval_changed.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a ApprovalChanged,
}

#[derive(Template)]
#[template(path = "mail/approval_changed.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a ApprovalChanged,
}

impl ApprovalChanged {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let subject = format!("[policy] {} {}: approval has changed", self.application, self.environment);
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        Ok(Letter { to, ..self.thread.follow(letter, "policy") })
    }

    fn sentence(&self) -> String {
        format!(
            "How releases of {} to {} are approved was changed by {} on {}.",
            self.application, self.environment, self.by, self.at
        )
    }
}
