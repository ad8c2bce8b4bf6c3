//! What several mails have in common.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::letter::Letter;

/// Which release of what is to go where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub application: String,
    pub environment: String,
    /// What is live, as people call it; none for the first deployment.
    pub from: Option<String>,
    pub to: String,
}

impl Change {
    /// `shop v42 → production`, for subjects.
    pub(super) fn subject(&self) -> String {
        format!("{} {} → {}", self.application, self.to, self.environment)
    }

    /// `shop v41 → v42`.
    pub(super) fn versions(&self) -> String {
        match &self.from {
            Some(from) => format!("{} {from} → {}", self.application, self.to),
            None => format!("{} {} (the first release)", self.application, self.to),
        }
    }
}

/// Keeps the mails of one request together. All hang on one id, which the first
/// review mail carries, so that every mail program sorts them the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The id of the request, or `deployment-N` where there was none.
    pub id: String,
    /// The host of `base_url`.
    pub host: String,
    /// 0 for the first mail of its kind in this thread; a mail with a new link
    /// is a new copy, while a retry of the same letter is not.
    pub copy: u32,
}

impl Thread {
    fn root(&self) -> String {
        format!("<countersign.{}@{}>", plain(&self.id), plain(&self.host))
    }

    /// Puts the letter at the head of the thread.
    pub(super) fn begin(&self, letter: Letter) -> Letter {
        if self.copy > 0 {
            return self.follow(letter, "review");
        }
        Letter { message_id: self.root(), in_reply_to: None, ..letter }
    }

    /// Hangs the letter on the head. `kind` is a word, once in a thread and copy.
    pub(super) fn follow(&self, letter: Letter, kind: &str) -> Letter {
        let (id, host, copy) = (plain(&self.id), plain(&self.host), self.copy);
        Letter {
            message_id: format!("<countersign.{id}.{kind}.{copy}@{host}>"),
            in_reply_to: Some(self.root()),
            ..letter
        }
    }
}

fn plain(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '-' };
    text.chars().map(safe).take(190).collect()
}

/// An instant, said in a zone and in UTC (rules.md 50).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    pub at: Timestamp,
    /// An IANA name; with one that is not known, UTC alone is said.
    pub zone: String,
}

impl fmt::Display for Moment {
    /// `Sun 22 Nov 2026, 15:02 Europe/Paris (14:02 UTC)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = self.at.to_zoned(TimeZone::UTC);
        let full = "%a %-d %b %Y, %H:%M";
        let local = match self.at.in_tz(&self.zone) {
            Ok(local) if self.zone != "UTC" => local,
            _ => return write!(f, "{} UTC", utc.strftime(full)),
        };
        let short = if local.date() == utc.date() { "%H:%M" } else { "%a %-d %b, %H:%M" };
        write!(f, "{} {} ({} UTC)", local.strftime(full), self.zone, utc.strftime(short))
    }
}
