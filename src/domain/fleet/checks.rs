//! What a single text of the fleet file (and some of `config.json`) may be. These
//! values end in argument lists, remote commands and mail headers, so each rule
//! here is an allow-list that leaves room for nothing else.

use url::Url;

use crate::domain::name::{TagName, is_deceptive};
use crate::domain::rsync_options::RsyncOptions;

type Checked = Result<String, String>;

fn allow(text: &str, allowed: bool, why: &str) -> Checked {
    if allowed { Ok(text.to_owned()) } else { Err(why.to_owned()) }
}

/// A host name or address that no program takes for an option.
pub(crate) fn host(text: &str) -> Checked {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':');
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':');
    let allowed = starts && text.len() <= 253 && text.bytes().all(plain);
    let one_address = !text.contains(':') || text.parse::<std::net::Ipv6Addr>().is_ok();
    allow(text, allowed && one_address, "must be a host name or an address")
}

/// `host:port`, or `[address]:port`.
pub(crate) fn host_and_port(text: &str) -> Checked {
    let split = text.rsplit_once(':').filter(|(_, port)| is_port(port));
    let allowed = split.is_some_and(|(name, _)| {
        match name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !name.contains(':') && host(name).is_ok(),
        }
    });
    allow(text, allowed, "must be host:port")
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// The name of a Unix account.
pub(crate) fn user(text: &str) -> Checked {
    let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    let allowed = first && text.len() <= 32 && text.bytes().all(plain);
    allow(text, allowed, "must be a Unix account: a-z, 0-9, '_' and '-', at most 32")
}

/// A folder that may be overwritten: deep enough not to be a root, and no home.
pub(crate) fn target_path(text: &str) -> Checked {
    if text.chars().any(is_deceptive) {
        return Err("must not hold control or text-direction characters".to_owned());
    }
    let Some(below) = text.strip_prefix('/') else {
        return Err("must be an absolute path".to_owned());
    };
    let parts: Vec<_> = below.strip_suffix('/').unwrap_or(below).split('/').collect();
    if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err("must not hold '.', '..' or empty parts".to_owned());
    }
    if parts.len() < 2 || (parts.len() == 2 && parts[0] == "home") || text.len() > 1_024 {
        return Err("must be at least two folders deep and not a home".to_owned());
    }
    Ok(format!("/{}", parts.join("/")))
}

/// One option of rsync, in one argument, out of those that the engine takes.
pub(crate) fn rsync_option(text: &str) -> Checked {
    let checked = RsyncOptions::parse(&[text.to_owned()]);
    checked.map(|_| text.to_owned()).map_err(|error| error.why.to_owned())
}

/// A public host key as `ssh-keyscan` prints it, without the host.
pub(crate) fn host_key(text: &str) -> Checked {
    use base64::Engine as _;
    let kinds =
        ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];
    let parts: Vec<_> = text.split(' ').collect();
    let allowed = match parts[..] {
        [kind, blob] if kinds.contains(&kind) => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(blob).unwrap_or_default();
            // The blob repeats its kind, behind a length of four bytes.
            let inner = bytes.get(4..4 + kind.len());
            bytes.len() > 32 + kind.len() && inner == Some(kind.as_bytes())
        }
        _ => false,
    };
    allow(text, allowed, "must be a public host key such as \"ssh-ed25519 AAAA…\", without host and comment")
}

/// A glob over tag names: `*` and `?` stand for characters other than `/`.
pub(crate) fn glob(text: &str) -> Checked {
    let without = text.replace(['*', '?'], "x");
    allow(text, TagName::parse(&without).is_ok(), "must be a glob over tags, such as \"v*\"")
}

pub(crate) fn branch(text: &str) -> Checked {
    allow(text, TagName::parse(text).is_ok() && text != "HEAD", "must be the name of a branch")
}

/// An address of the plain form `name@host`.
pub(crate) fn mail_address(text: &str) -> Checked {
    let local = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    let allowed = text.rsplit_once('@').is_some_and(|(name, domain)| {
        let name_fits = matches!(name.len(), 1..=64) && name.bytes().all(local) && !name.starts_with('-');
        name_fits && host(domain).is_ok() && !domain.contains(':') && !domain.contains("..")
    });
    allow(text, allowed, "must be a mail address")
}

/// A sender: `deploy@example.com` or `Countersign <deploy@example.com>`.
pub(crate) fn mailbox(text: &str) -> Checked {
    let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) else {
        return mail_address(text);
    };
    let plain = !name.chars().any(|c| is_deceptive(c) || matches!(c, '<' | '>' | '"' | '\\' | '@'));
    mail_address(address)?;
    allow(text, plain, "must be a name without quotes, and an address in <>")
}

pub(crate) fn timezone(text: &str) -> Checked {
    let known = jiff::tz::TimeZone::get(text).is_ok();
    allow(text, known, "must be an IANA time zone such as Europe/Paris")
}

/// https, ssh, `git@host:path`, or an absolute path (rules.md 45).
pub(crate) fn repository(text: &str) -> Checked {
    let why = "must be an https or ssh URL, git@host:path or an absolute path";
    if text.starts_with('-') || text.chars().any(|c| is_deceptive(c) || c.is_whitespace() && c != ' ') {
        return Err(why.to_owned());
    }
    if let Some(below) = text.strip_prefix('/') {
        return allow(text, !below.is_empty() && !below.starts_with('/'), why);
    }
    if text.contains("://") {
        return repository_url(text, why);
    }
    let short = text.strip_prefix("git@").and_then(|rest| rest.split_once(':'));
    let allowed = short.is_some_and(|(name, path)| {
        host(name).is_ok() && !path.is_empty() && !path.starts_with(['-', ':']) && !path.contains(' ')
    });
    allow(text, allowed, why)
}

fn repository_url(text: &str, why: &str) -> Checked {
    let url = Url::parse(text).map_err(|_| why.to_owned())?;
    let user_fits = match url.scheme() {
        "https" => true,
        "ssh" => url.username().is_empty() || user(url.username()).is_ok(),
        _ => return Err(why.to_owned()),
    };
    if url.password().is_some() {
        return Err("must not hold a password: give git a credential helper or an ssh key".to_owned());
    }
    let host_fits = url.host_str().is_some_and(|name| !name.is_empty() && !name.starts_with('-'));
    let path_fits = url.path().len() > 1 && !url.path().starts_with("/-");
    let plain = url.query().is_none() && url.fragment().is_none() && !text.contains(' ');
    allow(text, user_fits && host_fits && path_fits && plain, why)
}

/// `owner/name` on GitHub.
pub(crate) fn github_repository(text: &str) -> Checked {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let part = |part: &str| {
        !part.is_empty() && part.len() <= 100 && part.bytes().all(plain) && !part.starts_with(['.', '-'])
    };
    let allowed = text.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name));
    allow(text, allowed, "must be owner/name")
}

/// The slug of a GitHub team.
pub(crate) fn team(text: &str) -> Checked {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.');
    let allowed = matches!(text.len(), 1..=100) && text.bytes().all(plain) && !text.starts_with('-');
    allow(text, allowed, "must be the slug of a team, in lower case")
}

/// What the load balancer calls a backend or a server; it becomes part of a command line there.
pub(crate) fn balancer_name(text: &str) -> Checked {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':');
    let allowed = matches!(text.len(), 1..=120) && text.bytes().all(plain);
    allow(text, allowed, "must be letters, digits, '.', '_', '-' and ':'")
}

/// `tcp://host:port` or `unix:///path`.
pub(crate) fn runtime_endpoint(text: &str) -> Checked {
    let why = "must be tcp://host:port or unix:///path";
    if let Some(address) = text.strip_prefix("tcp://") {
        return allow(text, host_and_port(address).is_ok(), why);
    }
    let socket = text.strip_prefix("unix://").filter(|path| path.starts_with('/') && path.len() > 1);
    // The kernel takes no longer path for a socket.
    let allowed = socket.is_some_and(|path| path.len() <= 107 && !path.chars().any(is_deceptive));
    allow(text, allowed, why)
}

pub(crate) fn http_url(text: &str) -> Checked {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let allowed =
        url.is_some_and(|url| url.host().is_some() && url.username().is_empty() && url.password().is_none());
    allow(text, allowed && !text.chars().any(is_deceptive), "must be an http or https URL without an account")
}

/// A line of shell, or an argument: anything a terminal cannot misread.
pub(crate) fn argument(text: &str) -> Checked {
    allow(text, !text.chars().any(is_deceptive), "must not hold control or text-direction characters")
}

pub(crate) fn non_empty(text: &str) -> Checked {
    if text.trim().is_empty() { Err("must not be empty".to_owned()) } else { argument(text) }
}
