//! Whether a host works after it was changed: the environment's own check, again
//! and again until it passes or its attempts are used up.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::commands;
use super::host_steps::{Doing, Host};
use super::remote::Stopped;
use crate::domain::event::{StepOutcome, Stream};
use crate::domain::fleet::HealthCheck;
use crate::runner::executor::{failed, skipped};

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Doing<'_> {
    pub(super) async fn health(&self, there: &Host, address: &str) -> Result<StepOutcome, Stopped> {
        let Some(check) = &self.plan.facts.health_check else {
            return Ok(skipped("the environment has no health check"));
        };
        let mut last = String::new();
        for attempt in 1..=check.attempts {
            if attempt > 1 {
                pause(check, self.cancel).await?;
            }
            match self.check_once(there, address, check).await? {
                Ok(()) => return Ok(StepOutcome::Done),
                Err(why) => {
                    let line = format!("attempt {attempt} of {}: {why}", check.attempts);
                    self.out.line(Stream::Stderr, line).await;
                    last = why;
                }
            }
        }
        Ok(failed(format!("not healthy after {} attempts: {last}", check.attempts)))
    }

    async fn check_once(
        &self,
        there: &Host,
        address: &str,
        check: &HealthCheck,
    ) -> Result<Result<(), String>, Stopped> {
        if let Some(command) = &check.command {
            let host = there.connection.name.as_str();
            let command =
                commands::health_command(&self.plan.facts, &self.id(), host, &self.ground.target, command);
            let code = there.connection.run_script(&command, self.out, self.cancel).await?;
            return Ok(if code == 0 {
                Ok(())
            } else {
                Err(format!("the command ended with exit code {code}"))
            });
        }
        let url = check.url.as_deref().unwrap_or_default().replace("{host}", &in_url(address));
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stopped::Cancelled),
            answer = get(&url) => Ok(answer),
        }
    }
}

async fn pause(check: &HealthCheck, cancel: &CancellationToken) -> Result<(), Stopped> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Stopped::Cancelled),
        () = tokio::time::sleep(Duration::from_secs(check.interval_s.into())) => Ok(()),
    }
}

/// An address of six groups stands in brackets there.
fn in_url(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

/// Any 2xx is healthy. Redirects are not followed: they would ask somebody else.
async fn get(url: &str) -> Result<(), String> {
    let client = reqwest::Client::builder()
        .user_agent("countersign")
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE);
    let client = client.build().map_err(|error| format!("no HTTP client: {error}"))?;
    match client.get(url).send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("{url} answered {}", answer.status().as_u16())),
        Err(error) if error.is_timeout() => {
            Err(format!("{url} gave no answer within {} s", PATIENCE.as_secs()))
        }
        Err(error) if error.is_connect() => Err(format!("{url} refused the connection")),
        Err(_) => Err(format!("{url} gave no answer that can be read")),
    }
}
