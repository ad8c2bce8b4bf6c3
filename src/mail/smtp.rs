//! One conversation with the mail server for each letter.
//!
//! Connections are not pooled: letters are few, and a conversation given up in
//! the middle must never be continued by the next letter. Recipients that the
//! server refuses are named one by one; the others get the letter.

use std::fmt;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;
use url::Url;

use super::letter::{Letter, mailbox};
use super::text::one_line;
use crate::config::MailConfig;

/// For one letter, from connecting to the server's last word.
const TIMEOUT: Duration = Duration::from_secs(20);

pub struct Mailer {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    from: Mailbox,
    timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    Plain,
    StartTls,
    Tls,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct MailError {
    /// Trying again later may help.
    pub temporary: bool,
    /// One line for a person, without secrets.
    pub words: String,
}

/// The server has taken the letter for at least one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    pub undelivered: Vec<Undelivered>,
}

/// A recipient that the server refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    pub to: Mailbox,
    pub error: MailError,
}

impl MailError {
    pub(super) fn permanent(words: &str) -> Self {
        Self { temporary: false, words: one_line(words) }
    }

    fn temporary(words: &str) -> Self {
        Self { temporary: true, words: one_line(words) }
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailer({}:{}, {:?})", self.host, self.port, self.security)
    }
}

impl Mailer {
    pub fn new(config: &MailConfig) -> Result<Self, MailError> {
        Self::with_timeout(config, TIMEOUT)
    }

    pub fn with_timeout(config: &MailConfig, timeout: Duration) -> Result<Self, MailError> {
        let bad = |what: &str| MailError::permanent(&format!("mail.smtp {what}"));
        let from = mailbox(&config.from).map_err(|why| MailError::permanent(&format!("mail.from: {why}")))?;
        let url = Url::parse(config.smtp.expose_secret()).map_err(|_| bad("is not a URL"))?;
        let (security, port) = match url.scheme() {
            "smtp" => (Security::Plain, 25),
            "smtp+starttls" => (Security::StartTls, 587),
            "smtps" => (Security::Tls, 465),
            _ => return Err(bad("must begin with smtp://, smtps:// or smtp+starttls://")),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(bad("must end after the port"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| bad("names no server"))?;
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(port),
            security,
            credentials: credentials(&url).map_err(bad)?,
            from,
            timeout,
        })
    }

    /// A letter that the server took for nobody is an error; see [`Sent`] for the rest.
    pub async fn send(&self, letter: &Letter) -> Result<Sent, MailError> {
        if letter.to.is_empty() {
            return Err(MailError::permanent("the letter has no recipient"));
        }
        let bytes = letter.to_message(&self.from)?.formatted();
        let conversation = async {
            let mut connection = self.connect().await?;
            let sent = self.deliver(&mut connection, &letter.to, &bytes).await;
            Ok((connection, sent))
        };
        let (mut connection, sent) = self.in_time(conversation).await?;
        // The letter's fate is settled; a server that does not say goodbye changes nothing.
        let _ = tokio::time::timeout(self.timeout.min(Duration::from_secs(2)), connection.abort()).await;
        sent
    }

    /// Connects, signs in if there is something to sign in with, and leaves.
    pub async fn check(&self) -> Result<(), MailError> {
        let conversation = async {
            let mut connection = self.connect().await?;
            connection.command(Noop).await.map_err(|problem| self.error(&problem))?;
            connection.abort().await;
            Ok(())
        };
        self.in_time(conversation).await
    }

    async fn in_time<T>(
        &self,
        conversation: impl Future<Output = Result<T, MailError>>,
    ) -> Result<T, MailError> {
        tokio::time::timeout(self.timeout, conversation).await.unwrap_or_else(|_| {
            let limit = self.timeout;
            Err(MailError::temporary(&format!("the mail server {self} did not answer within {limit:?}")))
        })
    }

    /// Whatever fails here is no fault of the letter: trying again may help.
    async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        let failed = |problem: SmtpError| MailError { temporary: true, ..self.error(&problem) };
        let tls = || TlsParameters::new(self.host.clone()).map_err(failed);
        let wrapper = if self.security == Security::Tls { Some(tls()?) } else { None };
        let hello = ClientId::default();
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &hello, wrapper, None)
                .await
                .map_err(failed)?;
        if self.security == Security::StartTls {
            // An error when the server does not offer it: nothing is sent in the clear.
            connection.starttls(tls()?, &hello).await.map_err(failed)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(failed)?;
        }
        Ok(connection)
    }

    async fn deliver(
        &self,
        connection: &mut AsyncSmtpConnection,
        to: &[Mailbox],
        bytes: &[u8],
    ) -> Result<Sent, MailError> {
        let failed = |problem: SmtpError| self.error(&problem);
        connection.command(Mail::new(Some(self.from.email.clone()), Vec::new())).await.map_err(failed)?;
        let mut sent = Sent::default();
        for mailbox in to {
            match connection.command(Rcpt::new(mailbox.email.clone(), Vec::new())).await {
                Ok(_) => {}
                Err(problem) if problem.status().is_some() => {
                    sent.undelivered.push(Undelivered { to: mailbox.clone(), error: self.error(&problem) });
                }
                Err(problem) => return Err(self.error(&problem)),
            }
        }
        if sent.undelivered.len() == to.len() {
            return Err(together(&sent.undelivered));
        }
        connection.command(Data).await.map_err(failed)?;
        connection.message(bytes).await.map_err(failed)?;
        Ok(sent)
    }

    fn error(&self, problem: &SmtpError) -> MailError {
        MailError {
            // What the server did not clearly refuse may work the next time.
            temporary: !problem.is_permanent() && !problem.is_client(),
            words: one_line(&format!("the mail server {self}: {problem}")),
        }
    }
}

impl fmt::Display for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, &'static str> {
    let decode = |text| {
        percent_decode_str(text)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| "has a user or password that is not UTF-8")
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err("needs both user and password, or neither"),
        (user, Some(password)) => Ok(Some(Credentials::new(decode(user)?, decode(password)?))),
    }
}

/// Nobody got it: it is worth another try if it is for any of them.
fn together(undelivered: &[Undelivered]) -> MailError {
    let words: Vec<&str> = undelivered.iter().map(|one| one.error.words.as_str()).collect();
    MailError {
        temporary: undelivered.iter().any(|one| one.error.temporary),
        words: one_line(&words.join("; ")),
    }
}
