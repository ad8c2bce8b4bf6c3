//! To the requester: somebody took their launch link back. The approval stands.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Change, Moment, Thread};

#[derive(Debug, Clone)]
pub struct LinkRevoked {
    pub change: Change,
    /// As people call them.
    pub by: String,
    /// Until when a new link can be made.
    pub stands_until: Moment,
    /// The page of the request.
    pub url: Url,
    pub thread: Thread,
}

#[derive(Template)]
#[template(path = "mail/link_revoked.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a LinkRevoked,
}

#[derive(Template)]
#[template(path = "mail/link_revoked.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a LinkRevoked,
}

impl LinkRevoked {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let subject = format!("[link revoked] {}", self.change.subject());
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        Ok(Letter { to, ..self.thread.follow(letter, "revoked") })
    }

    fn sentence(&self) -> String {
        format!(
            "{} revoked your link to start the release of {} to {}. It starts nothing any more.",
            self.by,
            self.change.versions(),
            self.change.environment
        )
    }

    fn after(&self) -> String {
        format!(
            "The approval stands until {}. Ask why; until then the page makes a new link.",
            self.stands_until
        )
    }
}
