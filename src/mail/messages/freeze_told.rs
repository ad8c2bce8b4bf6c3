//! To the requester of an accepted request: a freeze holds it up, or no longer does.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Change, Moment, Thread};
use crate::domain::freeze::FreezeState;

#[derive(Debug, Clone)]
pub struct FreezeTold {
    pub change: Change,
    /// `Everything`, `shop production`.
    pub what: String,
    pub state: FreezeState,
    /// It was changed, and no longer concerns the request.
    pub released: bool,
    /// Other locks that hold the request up: `shop is frozen until …`.
    pub others: Vec<String>,
    pub reason: String,
    /// Who froze it, and who changed it since.
    pub by: String,
    pub changed_by: Option<String>,
    /// Of one that is over: who lifted it, unless its end came.
    pub lifted_by: Option<String>,
    pub from: Moment,
    pub until: Option<Moment>,
    /// When the approval runs out.
    pub stands_until: Moment,
    /// The page of the request.
    pub url: Url,
    pub thread: Thread,
}

#[derive(Template)]
#[template(path = "mail/freeze_told.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a FreezeTold,
}

#[derive(Template)]
#[template(path = "mail/freeze_told.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a FreezeTold,
}

impl FreezeTold {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let word = match self.state {
            _ if self.released => "no longer frozen",
            FreezeState::Ended => "freeze lifted",
            FreezeState::Planned | FreezeState::Current => "frozen",
        };
        let subject = format!("[{word}] {}", self.change.subject());
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        Ok(Letter { to, ..self.thread.follow(letter, "freeze") })
    }

    fn sentence(&self) -> String {
        let release = format!("release of {} to {}", self.change.versions(), self.change.environment);
        let end = self
            .until
            .as_ref()
            .map_or_else(|| "until an administrator lifts it".to_owned(), |until| format!("until {until}"));
        match self.state {
            _ if self.released => self.over("The freeze was changed and no longer holds it up", &release),
            FreezeState::Planned => {
                format!(
                    "{} will be frozen from {} {end}: your accepted {release} cannot start then.",
                    self.what, self.from
                )
            }
            FreezeState::Current => {
                format!("{} is frozen {end}: your accepted {release} cannot start before.", self.what)
            }
            FreezeState::Ended => self.over("The freeze is over", &release),
        }
    }

    fn over(&self, why: &str, release: &str) -> String {
        match self.others.as_slice() {
            [] => format!("{why}: your accepted {release} may start."),
            others => format!("{why}. Your accepted {release} still waits: {}.", others.join("; ")),
        }
    }

    fn people(&self) -> String {
        let did = match (&self.changed_by, &self.lifted_by) {
            (Some(by), _) if self.released => format!("Changed by {by}"),
            (_, Some(by)) => format!("Lifted by {by}"),
            (_, None) => format!("Frozen by {}", self.by),
        };
        format!("{did}. The approval stands until {}.", self.stands_until)
    }
}
