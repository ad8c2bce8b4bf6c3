//! To everybody concerned: somebody deployed without approval, or outside the
//! window, and somebody else has to sign it.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Change, Moment, Thread};

#[derive(Debug, Clone)]
pub struct GlassBroken {
    pub change: Change,
    pub deployment: u64,
    pub who: String,
    pub reason: String,
    pub at: Moment,
    /// It was told before, and nobody has signed it since.
    pub reminds: bool,
    /// The page of the deployment.
    pub url: Url,
    pub thread: Thread,
}

#[derive(Template)]
#[template(path = "mail/glass_broken.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a GlassBroken,
}

#[derive(Template)]
#[template(path = "mail/glass_broken.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a GlassBroken,
}

impl GlassBroken {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let word = if self.reminds { "override not signed" } else { "override" };
        let subject = format!("[{word}] {} ({})", self.change.subject(), self.who);
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        let thread = &self.thread;
        let letter = if self.reminds { thread.follow(letter, "override") } else { thread.begin(letter) };
        Ok(Letter { to, ..letter })
    }

    fn sentence(&self) -> String {
        let (change, who) = (&self.change, &self.who);
        if self.reminds {
            format!(
                "Nobody has signed the override of {who}: {} to {}, {}.",
                change.versions(),
                change.environment,
                self.at
            )
        } else {
            format!(
                "{who} broke the glass: {} goes to {} without approval.",
                change.versions(),
                change.environment
            )
        }
    }
}
