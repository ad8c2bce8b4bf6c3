//! A mail ready to go, and who it goes to.

use std::time::{Duration, SystemTime};

use askama::Template;
use jiff::Timestamp;
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

use super::smtp::MailError;
use super::style::inline;
use super::text::{one_line, visible};

#[derive(Debug, Clone)]
pub struct Letter {
    pub to: Vec<Mailbox>,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub attachments: Vec<Attachment>,
    /// With its angle brackets. The same when the same letter is tried again.
    pub message_id: String,
    /// The message that this one's thread hangs on, with its angle brackets.
    pub in_reply_to: Option<String>,
    pub sent_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Made safe by the letter: letters, digits, `.`, `_` and `-` remain.
    pub file_name: String,
    /// A MIME type.
    pub kind: &'static str,
    pub bytes: Vec<u8>,
}

impl Letter {
    /// Renders both forms. Whatever a fact holds, the result shows deceptive
    /// characters as their numbers.
    pub(super) fn render(
        subject: &str,
        text: &impl Template,
        html: &impl Template,
        sent_at: Timestamp,
    ) -> Result<Self, askama::Error> {
        Ok(Self {
            to: Vec::new(),
            subject: one_line(subject),
            text: visible(&text.render()?, false),
            html: visible(&inline(&html.render()?), true),
            attachments: Vec::new(),
            message_id: String::new(),
            in_reply_to: None,
            sent_at,
        })
    }

    /// As it goes over the wire. Every header value is one line, whatever it was given.
    pub fn to_message(&self, from: &Mailbox) -> Result<Message, MailError> {
        let date = SystemTime::UNIX_EPOCH
            + Duration::from_secs(u64::try_from(self.sent_at.as_second()).unwrap_or_default());
        let mut builder = Message::builder()
            .from(from.clone())
            .subject(one_line(&self.subject))
            .date(date)
            .message_id(Some(one_line(&self.message_id)))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        for mailbox in &self.to {
            let name = mailbox.name.as_deref().map(one_line).filter(|name| !name.is_empty());
            builder = builder.to(Mailbox::new(name, mailbox.email.clone()));
        }
        if let Some(id) = self.in_reply_to.as_deref().map(one_line) {
            builder = builder.in_reply_to(id.clone()).references(id);
        }
        let words = MultiPart::alternative()
            .singlepart(part(ContentType::TEXT_PLAIN, &self.text))
            .singlepart(part(ContentType::TEXT_HTML, &self.html));
        let body = if self.attachments.is_empty() {
            words
        } else {
            let mixed = MultiPart::mixed().multipart(words);
            self.attachments.iter().try_fold(mixed, |mixed, file| Ok(mixed.singlepart(file.part()?)))?
        };
        builder.multipart(body).map_err(|problem| MailError::permanent(&problem.to_string()))
    }
}

/// Quoted-printable, so that no server breaks a long line and a `.` or `From` at
/// the beginning of one stays.
fn part(kind: ContentType, text: &str) -> SinglePart {
    SinglePart::builder()
        .header(kind)
        .header(ContentTransferEncoding::QuotedPrintable)
        .body(text.replace('\n', "\r\n"))
}

impl Attachment {
    fn part(&self) -> Result<SinglePart, MailError> {
        let bad = |what: &str| MailError::permanent(&format!("the attachment's {what} cannot be sent"));
        let kind = ContentType::parse(self.kind).map_err(|_| bad("type"))?;
        // Base64: line ends and bytes arrive as they are.
        let body = Body::new_with_encoding(self.bytes.clone(), ContentTransferEncoding::Base64)
            .map_err(|_| bad("content"))?;
        Ok(lettre::message::Attachment::new(safe_file_name(&self.file_name)).body(body, kind))
    }
}

/// At most 100 characters that no shell, file system or mail program minds; the
/// extension stays.
fn safe_file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let name = name.trim_start_matches(['.', '-']);
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 10 => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let stem: String = stem.chars().take(100 - extension.len()).collect();
    if stem.is_empty() { format!("attachment{extension}") } else { format!("{stem}{extension}") }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients {
    /// Each address once, in the order given.
    pub mailboxes: Vec<Mailbox>,
    pub refused: Vec<BadAddress>,
}

/// An entry of a list that is no address. The others still get their mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{entry}” is not a mail address: {why}")]
pub struct BadAddress {
    /// Made plain, to be shown.
    pub entry: String,
    pub why: String,
}

/// Reads `a@example.com` or `Name <a@example.com>`, one address an entry.
pub fn recipients<'a>(entries: impl IntoIterator<Item = &'a str>) -> Recipients {
    let mut found = Recipients::default();
    for entry in entries {
        match mailbox(entry) {
            Ok(mailbox) => {
                let same = |other: &Mailbox| other.email.as_ref() as &str == mailbox.email.as_ref() as &str;
                if !found.mailboxes.iter().any(same) {
                    found.mailboxes.push(mailbox);
                }
            }
            Err(why) => found.refused.push(BadAddress { entry: one_line(entry), why }),
        }
    }
    found
}

/// One address, strictly: nothing is repaired.
pub(super) fn mailbox(entry: &str) -> Result<Mailbox, String> {
    if entry.chars().any(crate::domain::name::is_deceptive) {
        return Err("it holds control or text-direction characters".to_owned());
    }
    let mailbox: Mailbox = entry.trim().parse().map_err(|problem| format!("{problem}"))?;
    if !(mailbox.email.as_ref() as &str).is_ascii() {
        return Err("only ASCII addresses can be used".to_owned());
    }
    Ok(mailbox)
}
