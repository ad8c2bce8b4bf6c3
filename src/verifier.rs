//! The operator's verifier of sessions: it is told the id of a session that somebody
//! has elsewhere, and says whose it is. An HTTP endpoint gets the id in a JSON body, a
//! command on its standard input; it never stands in an address or an argument, where
//! logs and process lists would show it.
//!
//! What it answers is `{"account_id": …}`, text or a number. A refusal is an answer:
//! status 401, 403 or 404, or an exit code that is not zero.

use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::Semaphore;
use url::Url;

use crate::config::Source;
use crate::domain::name::is_deceptive;

const PATIENCE: Duration = Duration::from_secs(10);
const LARGEST: usize = 64 * 1024;
const LONGEST_ACCOUNT: usize = 190;
/// Anybody may make us ask; the operator's system is not to be flooded through us. Who
/// finds no place waits for one, as long as for an answer.
static PLACES: Semaphore = Semaphore::const_new(4);

#[derive(Debug, thiserror::Error)]
pub enum VerifierError {
    #[error("Too many sessions are being verified just now.")]
    Busy,
    #[error("it took longer than {} s", PATIENCE.as_secs())]
    TooSlow,
    #[error("{0}")]
    Broken(String),
}

/// The account that the session is of; `None` when it is none that counts.
pub async fn ask(source: &Source, session: &str) -> Result<Option<String>, VerifierError> {
    let place = tokio::time::timeout(PATIENCE, PLACES.acquire()).await;
    let _place = place.map_err(|_| VerifierError::Busy)?.map_err(|error| broken(&error))?;
    let asked = async {
        match source {
            Source::Url(url) => ask_endpoint(url, session).await,
            Source::Argv(argv) => ask_command(argv, session).await,
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| VerifierError::TooSlow)??;
    answer.map(|body| account(&body)).transpose()
}

async fn ask_endpoint(url: &Url, session: &str) -> Result<Option<Vec<u8>>, VerifierError> {
    let sent = client()?.post(url.clone()).json(&json!({ "session_id": session })).send().await;
    // Without the address: it may hold a secret of the operator's.
    let mut response = sent.map_err(|error| broken(&error.without_url()))?;
    match response.status().as_u16() {
        200 => {}
        401 | 403 | 404 => return Ok(None),
        other => return Err(VerifierError::Broken(format!("it answered with status {other}"))),
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error.without_url()))? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(too_large());
        }
    }
    Ok(Some(body))
}

/// One client for all: its connections and its time-outs. A redirect is no answer.
fn client() -> Result<&'static reqwest::Client, VerifierError> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    let built = reqwest::Client::builder()
        .user_agent("countersign")
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(PATIENCE / 2)
        .timeout(PATIENCE)
        .build()
        .map_err(|error| broken(&error))?;
    Ok(CLIENT.get_or_init(|| built))
}

async fn ask_command(argv: &[String], session: &str) -> Result<Option<Vec<u8>>, VerifierError> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(VerifierError::Broken("it has no program".to_owned()));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| broken(&error))?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(VerifierError::Broken("it has no input or output".to_owned()));
    };
    // One that decides without reading closes its end; that is its right.
    let _ = input.write_all(format!("{session}\n").as_bytes()).await;
    drop(input);
    let mut body = Vec::new();
    output.take(LARGEST as u64 + 1).read_to_end(&mut body).await.map_err(|error| broken(&error))?;
    if body.len() > LARGEST {
        return Err(too_large());
    }
    let status = child.wait().await.map_err(|error| broken(&error))?;
    Ok(status.success().then_some(body))
}

fn account(body: &[u8]) -> Result<String, VerifierError> {
    let not_fit = || VerifierError::Broken("its answer has no account_id of text or a number".to_owned());
    let answer: Value = serde_json::from_slice(body).map_err(|_| not_fit())?;
    let account = match &answer["account_id"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(not_fit()),
    };
    let fits = !account.is_empty() && account.len() <= LONGEST_ACCOUNT && !account.chars().any(is_deceptive);
    if fits { Ok(account) } else { Err(not_fit()) }
}

fn too_large() -> VerifierError {
    VerifierError::Broken(format!("it answered more than {LARGEST} bytes"))
}

fn broken(error: &dyn std::fmt::Display) -> VerifierError {
    VerifierError::Broken(error.to_string())
}
