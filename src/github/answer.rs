//! One HTTP exchange with GitHub: send, bound the body, and turn every status
//! that is not a success into the error it stands for.

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, LINK, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::GitHub;
use super::error::{GitHubError, plain_words};

/// The largest body that is read; a page of 100 teams is some 200 KB.
const BODY_LIMIT: usize = 2 * 1024 * 1024;
const PAGES: usize = 50;

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Sends and reads the whole body, whatever the status.
pub(super) async fn send(request: RequestBuilder) -> Result<Answer, GitHubError> {
    let mut response = request.send().await.map_err(transport_error)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transport_error)? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(GitHubError::Unexpected("the answer is larger than 2 MB".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

impl Answer {
    /// The answer itself when it is a success, else the error that it stands for.
    pub(super) fn success(self) -> Result<Self, GitHubError> {
        if self.status.is_success() { Ok(self) } else { Err(self.as_error()) }
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, GitHubError> {
        // serde's message quotes values of the body, which may hold a token.
        serde_json::from_slice(&self.body).map_err(|problem| {
            GitHubError::Unexpected(format!(
                "not the JSON we know (line {}, column {})",
                problem.line(),
                problem.column()
            ))
        })
    }

    fn as_error(&self) -> GitHubError {
        if let Some(limited) = self.rate_limit() {
            return limited;
        }
        match self.status {
            StatusCode::UNAUTHORIZED => GitHubError::Revoked,
            status if status.is_server_error() => {
                GitHubError::Unreachable(format!("it answered {}", status.as_u16()))
            }
            StatusCode::FORBIDDEN | StatusCode::UNPROCESSABLE_ENTITY => GitHubError::Refused(self.message()),
            status => GitHubError::Unexpected(format!("status {}", status.as_u16())),
        }
    }

    pub(super) fn rate_limit(&self) -> Option<GitHubError> {
        if !matches!(self.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
            return None;
        }
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER.as_str());
        let exhausted = header("x-ratelimit-remaining") == Some("0");
        let is_said = || self.message().to_ascii_lowercase().contains("rate limit");
        let too_many = self.status == StatusCode::TOO_MANY_REQUESTS;
        if retry_after.is_none() && !exhausted && !too_many && !is_said() {
            return None;
        }
        let until = match retry_after {
            // Relative to their clock, which the answer carries.
            Some(seconds) => {
                header(DATE.as_str()).and_then(|date| jiff::fmt::rfc2822::parse(date).ok()).and_then(|date| {
                    date.timestamp().checked_add(SignedDuration::from_secs(seconds.parse().ok()?)).ok()
                })
            }
            // The hourly limit's reset means nothing when another limit was hit.
            None if !exhausted => None,
            None => header("x-ratelimit-reset")
                .and_then(|second| second.parse().ok())
                .and_then(|second| Timestamp::from_second(second).ok()),
        };
        Some(GitHubError::RateLimited { until })
    }

    fn message(&self) -> String {
        #[derive(Deserialize)]
        struct Problem {
            message: String,
        }
        match serde_json::from_slice::<Problem>(&self.body) {
            Ok(problem) => plain_words(&problem.message),
            Err(_) => format!("status {}", self.status.as_u16()),
        }
    }

    /// The target of the next page, as the `Link` header says it.
    fn next_page(&self) -> Option<&str> {
        let values = self.headers.get_all(LINK).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split('<').skip(1)).find_map(|link| {
            let (target, parameters) = link.split_once('>')?;
            let is_next = |parameter: &str| {
                let parameter = parameter.trim().to_ascii_lowercase();
                parameter == "rel=\"next\"" || parameter == "rel=next"
            };
            parameters.split([';', ',']).any(is_next).then_some(target)
        })
    }
}

impl GitHub {
    pub(super) async fn get(&self, url: Url, token: &SecretString) -> Result<Answer, GitHubError> {
        send(self.http.get(url).bearer_auth(token.expose_secret())).await
    }

    /// Every item of a list, all pages. A page anywhere else than at our API is
    /// refused: the request for it would carry the person's token there.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        token: &SecretString,
    ) -> Result<Vec<T>, GitHubError> {
        let mut url = self.api(path)?;
        url.query_pairs_mut().append_pair("per_page", "100");
        let mut items = Vec::new();
        for _ in 0..PAGES {
            let answer = self.get(url.clone(), token).await?.success()?;
            items.extend(answer.json::<Vec<T>>()?);
            let Some(target) = answer.next_page() else { return Ok(items) };
            match url.join(target) {
                Ok(next) if next.origin() == self.api_url.origin() => url = next,
                _ => return Err(GitHubError::Unexpected("the next page is on another host".to_owned())),
            }
        }
        Err(GitHubError::Unexpected(format!("a list of more than {PAGES} pages")))
    }
}

fn transport_error(problem: reqwest::Error) -> GitHubError {
    if problem.is_timeout() {
        GitHubError::TimedOut
    } else if problem.is_connect() {
        GitHubError::Unreachable("no connection".to_owned())
    } else {
        // Without the address: that of the code exchange is nobody's business.
        GitHubError::Unreachable(plain_words(&problem.without_url().to_string()))
    }
}
