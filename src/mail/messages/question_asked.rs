//! To the requester: a reviewer wants to know something first.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Change, Moment, Thread};

#[derive(Debug, Clone)]
pub struct QuestionAsked {
    pub change: Change,
    /// As people call them.
    pub by: String,
    pub question: String,
    /// Until when the time for review stands still (rules.md 4).
    pub paused_until: Option<Moment>,
    /// The page of the request.
    pub url: Url,
    pub thread: Thread,
}

#[derive(Template)]
#[template(path = "mail/question_asked.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a QuestionAsked,
}

#[derive(Template)]
#[template(path = "mail/question_asked.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a QuestionAsked,
}

impl QuestionAsked {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let subject = format!("[question] {} ({})", self.change.subject(), self.by);
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        Ok(Letter { to, ..self.thread.follow(letter, "question") })
    }

    fn sentence(&self) -> String {
        let (versions, environment) = (self.change.versions(), &self.change.environment);
        format!("{} asks about the release of {versions} to {environment}:", self.by)
    }

    fn pause(&self) -> String {
        match &self.paused_until {
            Some(until) => format!("The time for review stands still until {until} at most."),
            None => "The request still awaits review.".to_owned(),
        }
    }
}
