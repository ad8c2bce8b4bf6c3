//! GitHub and GitHub Enterprise: who somebody is, and what they belong to.
//!
//! The client holds no state about people and decides nothing. It asks, checks
//! the shape of each answer, and gives exact types or one [`GitHubError`].
//! Membership counts only in the configured organisation, and only when active.
//! A person is their numeric id; a mail address is for mail and never identifies.

mod answer;
mod error;
mod oauth;
mod people;
mod reach;

use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::config::GitHubConfig;

pub use error::GitHubError;
pub use oauth::PkceVerifier;
pub use people::{Identity, Membership};

/// How long one call may take. A call is one page of one list at most.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the first byte sent to the last byte of the body.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(10) }
    }
}

/// A client for one organisation on one GitHub. Needs the process's default
/// TLS provider to be installed.
#[derive(Clone)]
pub struct GitHub {
    http: reqwest::Client,
    oauth: oauth::OAuth,
    api_url: Url,
    organisation: String,
}

impl GitHub {
    /// `redirect_uri` is where GitHub sends people back to, exactly as registered there.
    pub fn new(config: &GitHubConfig, redirect_uri: Url) -> Result<Self, GitHubError> {
        Self::with_timeouts(config, redirect_uri, Timeouts::default())
    }

    pub fn with_timeouts(
        config: &GitHubConfig,
        redirect_uri: Url,
        timeouts: Timeouts,
    ) -> Result<Self, GitHubError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        headers
            .insert(HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"));
        let http = reqwest::Client::builder()
            .user_agent("countersign")
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .build()
            .map_err(|problem| GitHubError::Unexpected(format!("no HTTP client: {problem}")))?;
        Ok(Self {
            http,
            oauth: oauth::OAuth::new(config, redirect_uri)?,
            api_url: config.api_url.clone(),
            organisation: config.organisation.clone(),
        })
    }

    fn api(&self, path: &[&str]) -> Result<Url, GitHubError> {
        below(&self.api_url, path)
    }
}

/// `base` with more path segments, each percent-encoded. Enterprise keeps its
/// API below a prefix, which stays.
fn below(base: &Url, path: &[&str]) -> Result<Url, GitHubError> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| GitHubError::Unexpected(format!("{base} cannot have a path")))?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}
