//! Whether GitHub is there at all, before anybody signs in.

use url::Url;

use super::answer::send;
use super::{GitHub, GitHubError};

impl GitHub {
    /// Anything but silence and a fault of the server's counts as an answer: without
    /// a token, a refusal is the right one.
    pub async fn reach(&self, url: &Url) -> Result<(), GitHubError> {
        let answer = send(self.http.get(url.clone())).await?;
        if answer.status.is_server_error() {
            return Err(GitHubError::Unreachable(format!("it answered {}", answer.status.as_u16())));
        }
        Ok(())
    }
}
