//! To the review list: somebody asks, here is the patch, decide on the page.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::super::text::count;
use super::parts::{Change, Moment, Thread};
use super::patch::{self, Run, Shown};
use crate::domain::diff::Patch;

#[derive(Debug, Clone)]
pub struct ReviewAsked {
    pub change: Change,
    /// As people call them.
    pub requester: String,
    pub reason: String,
    pub ticket: Option<String>,
    /// It goes back to an earlier release.
    pub rollback: bool,
    /// What was noted of the hosts and of who asked.
    pub notes: Vec<String>,
    pub commits: usize,
    pub hosts: usize,
    pub risks: Vec<Risk>,
    /// The seal's, in full; the mail shows its first 16 digits.
    pub fingerprint: String,
    pub patch: Patch,
    pub decide_before: Moment,
    /// The review page of this link.
    pub url: Url,
    pub thread: Thread,
}

/// One thing that could go wrong: `Schema` and what about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    pub label: String,
    pub words: String,
}

#[derive(Template)]
#[template(path = "mail/review_asked.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a ReviewAsked,
    view: &'a View,
}

#[derive(Template)]
#[template(path = "mail/review_asked.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a ReviewAsked,
    view: &'a View,
}

struct View {
    ask: String,
    deadline: String,
    fingerprint: String,
    covers: String,
    why_you: String,
    stat: Vec<String>,
    patch: Shown,
    runs: Vec<Run>,
}

impl ReviewAsked {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let subject = format!("[review] {} ({})", self.change.subject(), self.requester);
        let view = self.view();
        let html = Html { subject: &subject, mail: self, view: &view };
        let letter = Letter::render(&subject, &Text { mail: self, view: &view }, &html, sent_at)?;
        let attachments = patch::attachment(&self.patch, &self.change).into_iter().collect();
        Ok(Letter { to, attachments, ..self.thread.begin(letter) })
    }

    fn view(&self) -> View {
        let patch = patch::shown(&self.patch);
        View {
            ask: self.ask(),
            deadline: format!("Please decide before {}.", self.decide_before),
            fingerprint: grouped(&self.fingerprint),
            covers: format!(
                "It covers the patch, {} and the deploy configuration. The page must show the same.",
                count(self.hosts, "host")
            ),
            why_you: format!(
                "You get this because you may review {} of {}.",
                self.change.environment, self.change.application
            ),
            stat: patch::stat_lines(&self.patch.stat),
            runs: patch::runs(&patch.text),
            patch,
        }
    }

    fn ask(&self) -> String {
        let verb = if self.rollback { "asks to go back with" } else { "asks to release" };
        format!(
            "{} {verb} {} to {}: {}, {}.",
            self.requester,
            self.change.versions(),
            self.change.environment,
            count(self.commits, "commit"),
            count(self.patch.stat.files.len(), "file")
        )
    }

    fn ticket_words(&self) -> &str {
        self.ticket.as_deref().unwrap_or_default()
    }
}

impl Risk {
    fn sentence(&self) -> String {
        format!("{}: {}", self.label, self.words)
    }
}

/// `7f3a 91c4 e2b0 5d68`, as the pages show it.
fn grouped(fingerprint: &str) -> String {
    let digits: Vec<char> = fingerprint.chars().take(16).collect();
    digits.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
