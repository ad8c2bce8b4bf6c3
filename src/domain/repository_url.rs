//! Where an application's repository is: https, ssh, `git@host:path` or an
//! absolute path, and nothing else (rules.md 45).
//!
//! Git understands much more (`ext::`, `git://`, options, remote helpers), and some
//! of it runs programs, so what git may be given is parsed here and never guessed.

use std::fmt;

use url::{Host, Url};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RepositoryUrlError(&'static str);

/// How git reaches the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    Https,
    Ssh,
    Path,
}

/// A repository that git may be asked for. `Display` and `Debug` leave out the login
/// of an https address, which may be a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RepositoryUrl {
    text: String,
    transport: Transport,
}

impl RepositoryUrl {
    pub fn parse(text: &str) -> Result<Self, RepositoryUrlError> {
        let refuse = |why| Err(RepositoryUrlError(why));
        if text.is_empty() || text.len() > 2000 {
            return refuse("must be 1 to 2000 bytes long");
        }
        if text.chars().any(super::name::is_deceptive) {
            return refuse("must not hold control or text-direction characters");
        }
        let transport = if text.starts_with('/') {
            check_path(text)?;
            Transport::Path
        } else if let Some((scheme, _)) = text.split_once("://") {
            check_url(scheme, text)?
        } else if let Some((login, path)) = text.split_once(':') {
            check_scp_like(login, path)?;
            Transport::Ssh
        } else {
            return refuse(FORMS);
        };
        Ok(Self { text: text.to_owned(), transport })
    }

    /// As it was given; may hold a secret.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// `user:password` of an https address, decoded; `None` without one.
    pub fn login(&self) -> Option<Vec<u8>> {
        if self.transport != Transport::Https {
            return None;
        }
        let url = Url::parse(&self.text).ok()?;
        if url.username().is_empty() && url.password().is_none() {
            return None;
        }
        let (user, password) =
            (percent_decoded(url.username()), percent_decoded(url.password().unwrap_or("")));
        Some([user, password].join(&b':'))
    }
}

/// What is no code stays as it is.
fn percent_decoded(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        let code =
            if let (b'%', [high, low, ..]) = (first, others) { digit(high).zip(digit(low)) } else { None };
        if let Some((high, low)) = code {
            decoded.push(high << 4 | low);
            rest = &others[2..];
        } else {
            decoded.push(*first);
        }
    }
    decoded
}

const FORMS: &str = "must be https://…, ssh://…, git@host:path or an absolute path";

fn check_path(path: &str) -> Result<(), RepositoryUrlError> {
    if path.split('/').any(|part| part == "..") {
        return Err(RepositoryUrlError("a path must not hold '..'"));
    }
    Ok(())
}

fn check_url(scheme: &str, text: &str) -> Result<Transport, RepositoryUrlError> {
    let refuse = |why| Err(RepositoryUrlError(why));
    let transport = match scheme {
        "https" => Transport::Https,
        "ssh" => Transport::Ssh,
        "http" => return refuse("http is refused: nothing proves who answers; use https"),
        "git" => return refuse("the git protocol is refused: nothing proves who answers; use https or ssh"),
        "file" => return refuse("write a local repository as an absolute path, without file://"),
        _ => return refuse(FORMS),
    };
    let Ok(url) = Url::parse(text) else { return refuse("is not a valid address") };
    if text.contains(|c: char| c.is_whitespace() || c == '\\') {
        return refuse("must not hold spaces or backslashes");
    }
    match url.host() {
        Some(Host::Domain(host)) if is_plain_host(host) => {}
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => {}
        _ => return refuse("needs a plain host name"),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("must not hold '?' or '#'");
    }
    if url.path().len() < 2 {
        return refuse("needs the path of a repository");
    }
    if transport == Transport::Ssh && !(url.username().is_empty() || is_plain_word(url.username())) {
        return refuse("needs a plain user name");
    }
    if transport == Transport::Ssh && url.password().is_some() {
        return refuse("must not hold a password: ssh signs in with a key");
    }
    Ok(transport)
}

/// `user@host:path`.
fn check_scp_like(login: &str, path: &str) -> Result<(), RepositoryUrlError> {
    let refuse = |why| Err(RepositoryUrlError(why));
    match login.split_once('@') {
        Some((user, host)) if is_plain_word(user) && is_plain_host(host) => {}
        _ => return refuse(FORMS),
    }
    if path.is_empty() || path.starts_with(['-', ':']) {
        return refuse("needs the path of a repository");
    }
    Ok(())
}

fn is_plain_host(host: &str) -> bool {
    is_plain_word(host) && host.len() <= 253
}

/// Letters, digits, `.`, `_` and `-`, and no leading `-`, which a program would
/// take for an option.
fn is_plain_word(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.transport == Transport::Https
            && let Some((scheme, rest)) = self.text.split_once("://")
            && let Some((_, place)) = rest.split('/').next().and_then(|host| host.rsplit_once('@'))
        {
            let path = rest.find('/').map_or("", |at| &rest[at..]);
            return write!(f, "{scheme}://{place}{path}");
        }
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepositoryUrl({self})")
    }
}
