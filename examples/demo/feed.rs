//! Follows a deployment as its page does: server-sent events, line by line as they
//! come, and again from the last one when the connection breaks.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::Response;
use serde_json::Value;

use crate::people::Visitor;
use crate::say::Say;

/// A feed that says nothing at all for this long is broken; it sends comments meanwhile.
const SILENCE: Duration = Duration::from_mins(2);
const MOST_CONNECTIONS: usize = 20;

/// Prints the run until its end; gives the number of output lines.
pub async fn follow(visitor: &Visitor, deployment: &str, say: &Say) -> Result<usize> {
    let mut reading = Reading::default();
    for _ in 0..MOST_CONNECTIONS {
        let mut feed = open(visitor, deployment, reading.last).await?;
        let mut text = Vec::new();
        loop {
            let more =
                tokio::time::timeout(SILENCE, feed.chunk()).await.context("the live feed is silent")?;
            // A connection that breaks is taken up again, as browsers do.
            let Ok(Some(bytes)) = more else { break };
            text.extend_from_slice(&bytes);
            while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
                let message = String::from_utf8_lossy(&text[..end]).into_owned();
                text.drain(..end + 2);
                if reading.take(&message, say)? {
                    return Ok(reading.lines);
                }
            }
        }
    }
    bail!("the live feed of deployment {deployment} breaks again and again")
}

async fn open(visitor: &Visitor, deployment: &str, after: u64) -> Result<Response> {
    let page = visitor.browser.get(deployment).await?;
    let events = page.attributes("main[data-events]", "data-events");
    let path = events.first().with_context(|| format!("{deployment} has no live feed"))?;
    let url = page.url.join(&format!("{path}?after={after}"))?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let cookies = visitor.browser.cookies().join("; ");
    let request = http.get(url.clone()).header("cookie", cookies).header("accept", "text/event-stream");
    let answer = request.send().await?;
    ensure!(answer.status() == 200, "{url} answers {}", answer.status());
    Ok(answer)
}

#[derive(Default)]
struct Reading {
    last: u64,
    lines: usize,
    /// What each step is: host and phase.
    steps: HashMap<u64, String>,
}

impl Reading {
    /// True at the end of the feed.
    fn take(&mut self, message: &str, say: &Say) -> Result<bool> {
        let field = |name: &str| -> Vec<&str> {
            let values = message.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            values.map(|value| value.strip_prefix(' ').unwrap_or(value)).collect()
        };
        match field("event").first() {
            Some(&"end") => return Ok(true),
            Some(&"journal") => {}
            _ => return Ok(false),
        }
        let data = field("data").join("\n");
        let events = match serde_json::from_str(&data).with_context(|| format!("in the live feed: {data}"))? {
            Value::Array(events) => events,
            event => vec![event],
        };
        for event in events {
            let seq = event["seq"].as_u64().unwrap_or(0);
            if seq > self.last {
                self.last = seq;
                self.show(&event, say);
            }
        }
        Ok(false)
    }

    fn show(&mut self, event: &Value, say: &Say) {
        let word = |name: &str| event[name].as_str().unwrap_or_default();
        let step = event["step"].as_u64().unwrap_or(0);
        let place = |reading: &Self| reading.steps.get(&step).cloned().unwrap_or_default();
        match word("event") {
            "step_started" => {
                let host = event["host"].as_str().unwrap_or("here");
                self.steps.insert(step, format!("{host} {}", word("phase")));
            }
            "output" => {
                self.lines += 1;
                say.live(&place(self), word("text"), true);
            }
            "step_ended" => {
                let outcome = &event["outcome"];
                let result = outcome["result"].as_str().unwrap_or_default();
                let why = outcome["why"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
                say.live(&place(self), &format!("{result}{why}"), false);
            }
            "state" => say.live("deployment", word("state"), false),
            "note" => say.live("deployment", word("text"), false),
            _ => {}
        }
    }
}
