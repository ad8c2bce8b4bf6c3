//! Where a load balancer is spoken with.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use crate::domain::fleet;
use crate::domain::name::Name;

/// An endpoint of the fleet, ready for use.
#[derive(Debug, Clone)]
pub enum Endpoint {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
    Stats { url: Url, user: String, password: SecretString },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("{0} is not an endpoint: it must be tcp://host:port, unix:///path or the URL of a stats page")]
    NotOne(String),
    #[error("the password of {user} for the stats page {url} is not known")]
    NoPassword { url: String, user: String },
}

impl Endpoint {
    /// `password` is the secret itself, found by the caller; only a stats page needs it.
    pub fn of(endpoint: &fleet::Endpoint, password: Option<SecretString>) -> Result<Self, EndpointError> {
        match endpoint {
            fleet::Endpoint::Runtime(text) => {
                Self::runtime(text).ok_or_else(|| EndpointError::NotOne(text.clone()))
            }
            fleet::Endpoint::Stats(page) => {
                let url = Url::parse(&page.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
                let mut url = url.ok_or_else(|| EndpointError::NotOne(page.url.clone()))?;
                url.set_fragment(None);
                let user = page.user.clone();
                match password {
                    Some(password) => Ok(Self::Stats { url, user, password }),
                    None => Err(EndpointError::NoPassword { url: url.into(), user }),
                }
            }
        }
    }

    fn runtime(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix://") {
            return path.starts_with('/').then(|| Self::Unix(PathBuf::from(path)));
        }
        let (host, port) = text.strip_prefix("tcp://")?.rsplit_once(':')?;
        // An IPv6 address stands in brackets in a URL, and without them in a socket call.
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!inner.is_empty()).then(|| Self::Tcp { host: inner.to_owned(), port })
    }
}

/// As in the fleet file, without account and password.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Stats { url, .. } => write!(f, "{url}"),
        }
    }
}

/// One endpoint of one load balancer, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub balancer: Name,
    pub endpoint: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The load balancer {} at {}", self.balancer, self.endpoint)
    }
}
