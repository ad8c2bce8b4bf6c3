//! To those who asked: the requester has answered.

use askama::Template;
use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use super::super::letter::Letter;
use super::parts::{Change, Moment, Thread};

#[derive(Debug, Clone)]
pub struct QuestionAnswered {
    pub change: Change,
    /// As people call them.
    pub by: String,
    pub answer: String,
    pub questions: Vec<Question>,
    /// The time for review runs again.
    pub decide_before: Option<Moment>,
    /// The page of the request.
    pub url: Url,
    pub thread: Thread,
}

#[derive(Debug, Clone)]
pub struct Question {
    pub by: String,
    pub text: String,
}

#[derive(Template)]
#[template(path = "mail/question_answered.txt", whitespace = "preserve")]
struct Text<'a> {
    mail: &'a QuestionAnswered,
}

#[derive(Template)]
#[template(path = "mail/question_answered.html", whitespace = "preserve")]
struct Html<'a> {
    subject: &'a str,
    mail: &'a QuestionAnswered,
}

impl QuestionAnswered {
    pub fn letter(&self, to: Vec<Mailbox>, sent_at: Timestamp) -> Result<Letter, askama::Error> {
        let subject = format!("[answer] {} ({})", self.change.subject(), self.by);
        let html = Html { subject: &subject, mail: self };
        let letter = Letter::render(&subject, &Text { mail: self }, &html, sent_at)?;
        Ok(Letter { to, ..self.thread.follow(letter, "answer") })
    }

    fn sentence(&self) -> String {
        let (versions, environment) = (self.change.versions(), &self.change.environment);
        format!("{} answers about the release of {versions} to {environment}:", self.by)
    }

    fn deadline(&self) -> String {
        match &self.decide_before {
            Some(moment) => format!("The time for review runs again. Please decide before {moment}."),
            None => "The request no longer awaits review.".to_owned(),
        }
    }
}

impl Question {
    fn sentence(&self) -> String {
        format!("{} had asked:", self.by)
    }
}
