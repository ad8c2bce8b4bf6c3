//! To the requester: the slot is nearly over, and nothing was started. It leads to the
//! request's page, where the same link is used up, so that it holds no secret.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Change, Moment, Thread};

#[derive(Debug, Clone)]
pub struct SlotReminder {
    pub change: Change,
    pub slot_until: Moment,
    /// Until when a new link can be made.
    pub stands_until: Moment,
    /// The page of the request.
    pub url: Url,
    pub thread: Thread,
}

#[derive(Template)]
#[template(path = "mail/slot_reminder.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a SlotReminder,
}

#[derive(Template)]
#[template(path = "mail/slot_reminder.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a SlotReminder,
}

impl SlotReminder {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let subject = format!("[slot ends] {}", self.change.subject());
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        Ok(Letter { to, ..self.thread.follow(letter, "slot") })
    }

    fn sentence(&self) -> String {
        format!(
            "Your slot to start the release of {} to {} ends on {}. Nothing was started yet.",
            self.change.versions(),
            self.change.environment,
            self.slot_until
        )
    }

    fn after(&self) -> String {
        format!(
            "When the slot is over, the page makes a new link while the approval stands: until {}.",
            self.stands_until
        )
    }
}
