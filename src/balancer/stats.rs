//! HAProxy's stats page: reading is its CSV, acting is posting its form.
//!
//! HAProxy answers a form with a redirect whose target tells what came of it, so
//! redirects are never followed.

use reqwest::header::LOCATION;
use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::ANSWER_LIMIT;
use super::endpoint::Place;
use super::error::{BalancerError, plain_words};
use crate::domain::balancer::{FormAnswer, Order, Reading, StatsForm, read_form_answer, read_stats_page};

/// The stats page of one endpoint.
pub(super) struct StatsPage<'a> {
    pub http: &'a reqwest::Client,
    pub url: &'a Url,
    pub user: &'a str,
    pub password: &'a SecretString,
    pub place: &'a Place,
}

struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: String,
}

impl StatsPage<'_> {
    pub async fn read(&self) -> Result<Reading, BalancerError> {
        // Behind a query too: HAProxy's default address is `/haproxy?stats`.
        let csv =
            Url::parse(&format!("{};csv", self.url)).map_err(|_| self.garbled("no address for its CSV"))?;
        let answer = self.send(self.http.get(csv)).await?;
        if answer.status != StatusCode::OK {
            return Err(self.garbled(&format!("status {}, not a stats page", answer.status.as_u16())));
        }
        read_stats_page(&answer.body).map_err(|why| BalancerError::misread(self.place, &why))
    }

    /// Whether orders are allowed here. Reading does not tell, a form that orders
    /// nothing does.
    pub async fn check_may_act(&self) -> Result<(), BalancerError> {
        match self.post(&StatsForm::probe()).await? {
            FormAnswer::Denied => Err(BalancerError::ReadOnlyPage(self.place.clone())),
            _ => Ok(()),
        }
    }

    pub async fn order(&self, orders: &[Order<'_>]) -> Result<(), BalancerError> {
        for form in StatsForm::all(orders) {
            let words = match self.post(&form).await? {
                FormAnswer::Done => continue,
                FormAnswer::Denied => return Err(BalancerError::ReadOnlyPage(self.place.clone())),
                FormAnswer::Nothing => "it saw no server in it",
                FormAnswer::Partly => "it does not know some of the servers",
                FormAnswer::TooLarge => "it is too large for HAProxy's buffer",
            };
            return Err(BalancerError::Refused { place: self.place.clone(), words: words.to_owned() });
        }
        Ok(())
    }

    async fn post(&self, form: &StatsForm) -> Result<FormAnswer, BalancerError> {
        let answer = self.send(self.http.post(self.url.clone()).form(&form.fields)).await?;
        let location = answer.location.as_deref();
        location.and_then(read_form_answer).ok_or_else(|| {
            self.garbled(&format!("status {} to a form, without its outcome", answer.status.as_u16()))
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, BalancerError> {
        let request = request.basic_auth(self.user, Some(self.password.expose_secret()));
        let mut response = request.send().await.map_err(|problem| self.transport(problem))?;
        if response.status() == StatusCode::UNAUTHORIZED {
            return Err(BalancerError::WrongPassword(self.place.clone()));
        }
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let (status, location) = (response.status(), location.map(str::to_owned));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|problem| self.transport(problem))? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(self.garbled("it is larger than 4 MB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, location, body: String::from_utf8_lossy(&body).into_owned() })
    }

    fn garbled(&self, why: &str) -> BalancerError {
        BalancerError::Garbled { place: self.place.clone(), why: why.to_owned() }
    }

    fn transport(&self, problem: reqwest::Error) -> BalancerError {
        let place = self.place.clone();
        if problem.is_timeout() {
            return BalancerError::TimedOut(place);
        }
        let why = if problem.is_connect() {
            root_cause(&problem)
        } else {
            plain_words(&problem.without_url().to_string())
        };
        BalancerError::Unreachable { place, why }
    }
}

/// The innermost error: the outer ones only say that a request was sent.
fn root_cause(problem: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = problem;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        _ => plain_words(&cause.to_string()),
    }
}
