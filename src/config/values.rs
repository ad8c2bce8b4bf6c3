//! What the texts of `config.json` may say. Messages never repeat a value: it may be a secret.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::{Host, Url};

use super::{AddressRange, Sandbox};

type Parsed<T> = Result<T, String>;

fn refuse<T>(why: &str) -> Parsed<T> {
    Err(why.to_owned())
}

/// Text that says something, on one line.
pub fn line(text: &str) -> Parsed<String> {
    if text.trim().is_empty() {
        return refuse("must not be empty");
    }
    if text.chars().any(crate::domain::name::is_deceptive) {
        return refuse("must not hold control or text-direction characters");
    }
    Ok(text.to_owned())
}

pub fn secret(text: &str) -> Parsed<SecretString> {
    line(text).map(SecretString::from)
}

pub fn listen_address(text: &str) -> Parsed<SocketAddr> {
    text.parse().or_else(|_| refuse("must be an IP address with a port, such as 127.0.0.1:8080"))
}

pub fn ip_address(text: &str) -> Parsed<IpAddr> {
    text.parse().or_else(|_| refuse("must be an IP address"))
}

/// `10.0.0.5`, or a range: `10.0.0.0/8`. An address of the old kind within the new
/// one (`::ffff:10.0.0.5`) is the old one.
pub fn address_range(text: &str) -> Parsed<AddressRange> {
    let (address, bits) = match text.split_once('/') {
        None => (text, None),
        Some((address, bits)) => match bits.parse() {
            Ok(bits) => (address, Some(bits)),
            Err(_) => return refuse("must be an IP address, or a range like 10.0.0.0/8"),
        },
    };
    let address: Option<IpAddr> = address.parse().ok();
    let address = address.map(|address| if bits.is_none() { address.to_canonical() } else { address });
    match address.and_then(|address| AddressRange::new(address, bits)) {
        Some(range) => Ok(range),
        None => refuse("must be an IP address, or a range like 10.0.0.0/8"),
    }
}

/// A path, relative to the folder of the file that names it.
pub fn path(folder: &Path, text: &str) -> Parsed<PathBuf> {
    line(text).map(|text| folder.join(text))
}

pub fn absolute_path(text: &str) -> Parsed<PathBuf> {
    let path = PathBuf::from(line(text)?);
    if path.is_absolute() { Ok(path) } else { refuse("must be an absolute path") }
}

pub fn http_url(text: &str) -> Parsed<Url> {
    let url = Url::parse(text).or_else(|_| refuse("must be an http or https URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refuse("must be an http or https URL");
    }
    if url.fragment().is_some() {
        return refuse("must not have a fragment");
    }
    Ok(url)
}

/// A URL whose paths are extended: no query, no account.
pub fn root_url(text: &str) -> Parsed<Url> {
    let url = http_url(text)?;
    if url.query().is_some() || !url.username().is_empty() || url.password().is_some() {
        return refuse("must not have a query or an account");
    }
    Ok(url)
}

/// Scheme, host and port, and nothing else.
pub fn origin_url(text: &str) -> Parsed<Url> {
    let url = root_url(text)?;
    if url.path() == "/" { Ok(url) } else { refuse("must not have a path") }
}

pub fn origin(text: &str) -> Parsed<String> {
    origin_url(text).map(|url| url.origin().ascii_serialization())
}

pub fn database(folder: &Path, text: &str) -> Parsed<SecretString> {
    if let Some(file) = text.strip_prefix("sqlite:") {
        if file.is_empty() || file.starts_with("//") || file.starts_with(':') || file.contains('?') {
            return refuse("must be sqlite:PATH, with the path of a file");
        }
        let file = path(folder, file)?;
        return Ok(SecretString::from(format!("sqlite:{}", file.display())));
    }
    let url = Url::parse(text).ok().filter(Url::has_host);
    match url.as_ref().map(Url::scheme) {
        Some("postgres" | "postgresql" | "mysql") => Ok(SecretString::from(text.to_owned())),
        _ => refuse("must be sqlite:PATH, postgres://… or mysql://…"),
    }
}

pub fn smtp(text: &str) -> Parsed<SecretString> {
    let words = "must be smtp://, smtps:// or smtp+starttls:// with a host";
    let url = Url::parse(text).or_else(|_| refuse(words))?;
    let host = url.host_str().unwrap_or_default();
    if !matches!(url.scheme(), "smtp" | "smtps" | "smtp+starttls") || host.is_empty() {
        return refuse(words);
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return refuse("must end after host and port");
    }
    Ok(SecretString::from(text.to_owned()))
}

pub fn organisation(text: &str) -> Parsed<String> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if plain && matches!(text.len(), 1..=39) && !text.starts_with('-') {
        Ok(text.to_owned())
    } else {
        refuse("must be the login of a GitHub organisation")
    }
}

pub fn sandbox(text: &str) -> Parsed<Sandbox> {
    match (text, text.strip_prefix("user:")) {
        ("bubblewrap", _) => Ok(Sandbox::Bubblewrap),
        ("none", _) => Ok(Sandbox::None),
        (_, Some(user)) => crate::domain::fleet::checks::user(user).map(Sandbox::User),
        _ => refuse("must be \"bubblewrap\", \"user:NAME\" or \"none\""),
    }
}

/// The kind of an event, for filters: `deployment_failed`, `request.accepted`.
pub fn event(text: &str) -> Parsed<String> {
    let plain = |b: u8| b.is_ascii_lowercase() || matches!(b, b'_' | b'.');
    if !text.is_empty() && text.len() <= 63 && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        refuse("must be the kind of an event, in lower case")
    }
}

/// A name made of the characters that HTTP allows in header and cookie names.
pub fn token(text: &str) -> Parsed<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !text.is_empty() && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        refuse("must be a name made of letters, digits and '-'")
    }
}

pub fn metric_prefix(text: &str) -> Parsed<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let parts = text.split('.').all(|part| !part.is_empty());
    if parts && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        refuse("must be words joined by dots")
    }
}

/// Whether a URL leads to this very machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
