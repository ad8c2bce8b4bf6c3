//! To the review list, once at half of the time and once near its end: the request
//! still waits. It leads to the request's page, so that it holds no secret.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Change, Moment, Thread};

#[derive(Debug, Clone)]
pub struct ReviewReminder {
    pub change: Change,
    /// As people call them.
    pub requester: String,
    /// The time is nearly over.
    pub is_last: bool,
    /// `1 of 2 accepts.`
    pub approval: String,
    pub decide_before: Moment,
    /// The page of the request.
    pub url: Url,
    pub thread: Thread,
}

#[derive(Template)]
#[template(path = "mail/review_reminder.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a ReviewReminder,
}

#[derive(Template)]
#[template(path = "mail/review_reminder.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a ReviewReminder,
}

impl ReviewReminder {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let subject = format!("[reminder] {} ({})", self.change.subject(), self.requester);
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        let kind = if self.is_last { "last-reminder" } else { "reminder" };
        Ok(Letter { to, ..self.thread.follow(letter, kind) })
    }

    fn sentence(&self) -> String {
        let release = format!("the release of {} to {}", self.change.versions(), self.change.environment);
        if self.is_last {
            format!("The time to decide about {release} is nearly over. {} asked for it.", self.requester)
        } else {
            format!("Nobody has decided yet about {release}. {} asked for it.", self.requester)
        }
    }

    fn deadline(&self) -> String {
        format!("Please decide before {}. After that the request expires.", self.decide_before)
    }
}
