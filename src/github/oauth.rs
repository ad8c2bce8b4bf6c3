//! Signing in: the way to GitHub and back (OAuth code flow with PKCE).
//!
//! State and verifier are made by the caller, who keeps them in the browser's
//! encrypted cookie; nothing of a sign-in is kept here.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::basic::{BasicClient, BasicErrorResponse};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    TokenResponse, TokenUrl,
};
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::answer::send;
use super::error::{GitHubError, plain_words};
use super::{GitHub, below};
use crate::config::GitHubConfig;

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

#[derive(Clone)]
pub(super) struct OAuth(Client);

/// The secret half of PKCE: 43 characters, kept by us until the browser is back.
pub struct PkceVerifier(SecretString);

impl PkceVerifier {
    pub fn new(random: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random).into())
    }

    /// For the browser's encrypted cookie, and nowhere else.
    pub fn secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for PkceVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PkceVerifier(…)")
    }
}

impl OAuth {
    pub(super) fn new(config: &GitHubConfig, redirect_uri: Url) -> Result<Self, GitHubError> {
        let login = |page| below(&config.web_url, &["login", "oauth", page]);
        let client = BasicClient::new(ClientId::new(config.client_id.clone()))
            .set_client_secret(ClientSecret::new(config.client_secret.expose_secret().to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(login("authorize")?))
            .set_token_uri(TokenUrl::from_url(login("access_token")?))
            .set_redirect_uri(RedirectUrl::from_url(redirect_uri));
        Ok(Self(client))
    }
}

impl GitHub {
    /// Where the browser goes to sign in.
    pub fn authorize_url(&self, state: &str, verifier: &PkceVerifier) -> Url {
        let verifier = PkceCodeVerifier::new(verifier.secret().to_owned());
        let scopes = ["read:user", "user:email", "read:org"].map(|scope| Scope::new(scope.to_owned()));
        let (url, _state) = self
            .oauth
            .0
            .authorize_url(|| CsrfToken::new(state.to_owned()))
            .add_scopes(scopes)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        url
    }

    /// The person's token for the code that the browser brought back. A code
    /// works once; a wrong, old or used one is [`GitHubError::Refused`].
    pub async fn exchange(&self, code: &str, verifier: &str) -> Result<SecretString, GitHubError> {
        // Owned: a borrowing closure's future is not known to be `Send` for every lifetime.
        let client = self.clone();
        let send = move |request: HttpRequest| {
            let client = client.clone();
            async move { client.send_exchange(request).await }
        };
        let token = self
            .oauth
            .0
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&send)
            .await
            .map_err(exchange_error)?;
        Ok(token.access_token().secret().clone().into())
    }

    async fn send_exchange(&self, request: HttpRequest) -> Result<HttpResponse, GitHubError> {
        let request = reqwest::Request::try_from(request)
            .map_err(|_| GitHubError::Unexpected("the exchange cannot be sent".to_owned()))?;
        let mut answer = send(reqwest::RequestBuilder::from_parts(self.http.clone(), request)).await?;
        if let Some(limited) = answer.rate_limit() {
            return Err(limited);
        }
        if answer.status.is_server_error() {
            return answer.success().map(|_| HttpResponse::default());
        }
        // GitHub says "200 OK" to a wrong code, with the error in the body.
        if answer.status == StatusCode::OK && answer.json::<BasicErrorResponse>().is_ok() {
            answer.status = StatusCode::BAD_REQUEST;
        }
        let mut response = HttpResponse::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

fn exchange_error(problem: RequestTokenError<GitHubError, BasicErrorResponse>) -> GitHubError {
    match problem {
        RequestTokenError::Request(problem) => problem,
        RequestTokenError::ServerResponse(refusal) => {
            let words = refusal.error_description().cloned().unwrap_or_else(|| refusal.error().to_string());
            GitHubError::Refused(plain_words(&words))
        }
        // Not the parser's own words: they quote the body, where a token may be.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            GitHubError::Unexpected("the answer to the sign-in code holds no token".to_owned())
        }
    }
}
