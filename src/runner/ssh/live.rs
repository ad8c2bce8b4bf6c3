//! What hosts run now, for pages and requests, and whether one can be deployed to.
//!
//! One short connection per host and question, without a control socket; a host
//! without a pinned key is not connected to at all.

use std::process::Stdio;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use super::commands;
use super::connection::{HostTarget, SshSettings, program, ssh_args};
use super::remote::Answer;
use super::run_dir::RunDir;
use super::words::{self, Failure};
use crate::domain::git_release::GitRelease;
use crate::domain::name::{CommitId, Name};
use crate::domain::plan::HostFacts;
use crate::domain::target::TargetPath;

/// What one host said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    Runs {
        commit: CommitId,
        release: String,
        in_progress: bool,
    },
    /// It can be reached, and says nothing about a release.
    Nothing,
    /// In words.
    Unreachable(String),
}

/// Hosts that are asked at the same time.
const AT_ONCE: usize = 20;

/// More than this is no answer of ours.
const ANSWER_LIMIT: u64 = 64 * 1024;

/// Asks all hosts, each within `limit`. The answers are in the order of `hosts`.
pub async fn read_live(
    settings: &SshSettings,
    hosts: &[HostFacts],
    remote_user: &str,
    target_path: &str,
    limit: Duration,
) -> Vec<(Name, Reading)> {
    // Named and boxed: a closure's future is not known to be `Send` for every lifetime.
    let mut asked: Vec<BoxFuture<'_, (usize, Name, Reading)>> = Vec::with_capacity(hosts.len());
    for (place, host) in hosts.iter().enumerate() {
        asked.push(Box::pin(async move {
            let found = inspect(settings, host, remote_user, target_path, limit).await;
            let reading = match found.map(|found| found.release) {
                Ok(Some(GitRelease { commit, release, in_progress, .. })) => {
                    Reading::Runs { commit, release, in_progress }
                }
                Ok(None) => Reading::Nothing,
                Err(why) => Reading::Unreachable(why),
            };
            (place, host.server.clone(), reading)
        }));
    }
    // Not `buffered`: there a hanging first host would hold back those after it.
    let mut readings: Vec<_> = futures_util::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    readings.sort_by_key(|(place, ..)| *place);
    readings.into_iter().map(|(_, name, reading)| (name, reading)).collect()
}

/// Whether a deployment could begin on this host: it lets us in, has the programs
/// that are needed, and its target is a place that may be filled.
pub async fn check(
    settings: &SshSettings,
    host: &HostFacts,
    remote_user: &str,
    target_path: &str,
    limit: Duration,
) -> Result<(), String> {
    let target = TargetPath::parse(target_path).map_err(|error| format!("target_path: {error}"))?;
    let found = inspect(settings, host, remote_user, target_path, limit).await?;
    found.may_deploy(&target).map_err(|failure| failure.why)
}

async fn inspect(
    settings: &SshSettings,
    host: &HostFacts,
    remote_user: &str,
    target_path: &str,
    limit: Duration,
) -> Result<Inspection, String> {
    let host = HostTarget::parse(host, remote_user)?;
    let target = TargetPath::parse(target_path).map_err(|error| format!("target_path: {error}"))?;
    let asked = timeout(limit, ask_once(settings, &host, &commands::inspect(&target))).await;
    let answer = asked.unwrap_or_else(|_| Err(words::no_answer(&host, limit.as_secs())));
    answer.and_then(|answer| Inspection::parse(&answer)).map_err(|failure| failure.why)
}

/// One command over a connection of its own.
async fn ask_once(settings: &SshSettings, host: &HostTarget, command: &str) -> Result<Answer, Failure> {
    let local = |error: std::io::Error| words::local("ssh", &error);
    let folder = RunDir::create(&settings.control_dir).map_err(local)?;
    let mut child = program("ssh", folder.path())
        .args(ssh_args(settings, folder.path(), host)?)
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(local)?;
    let (stdout, stderr) = tokio::join!(read_some(child.stdout.take()), read_some(child.stderr.take()));
    let status = child.wait().await.map_err(local)?;
    match status.code() {
        Some(255) | None => Err(words::no_connection(host, settings.connect_timeout_s, &stderr)),
        Some(code) => Ok(Answer { code, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() }),
    }
}

async fn read_some(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        let _ = from.take(ANSWER_LIMIT).read_to_end(&mut bytes).await;
    }
    bytes
}

/// The answer to `commands::inspect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    missing_programs: Vec<String>,
    resolved: String,
    home: String,
    pub is_folder: bool,
    is_empty: bool,
    /// What the target links to, if it is a link.
    link: Option<String>,
    /// What `.git_release` says, when there is one.
    pub release: Option<GitRelease>,
}

impl Inspection {
    pub fn parse(answer: &Answer) -> Result<Self, Failure> {
        if answer.code != 0 {
            return Err(words::remote_failure("looking at the target", answer.code, &answer.stderr).into());
        }
        let text = String::from_utf8_lossy(&answer.stdout);
        let mut parts = text.splitn(7, '\0').skip(1);
        let (Some(missing), Some(resolved), Some(home), Some(folder), Some(link), Some(release)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Failure::from("the host gave no answer that makes sense".to_owned()));
        };
        Ok(Self {
            missing_programs: missing.split_whitespace().map(words::printable).collect(),
            resolved: resolved.to_owned(),
            home: home.to_owned(),
            is_folder: !folder.is_empty(),
            is_empty: folder == "empty",
            link: (!link.is_empty()).then(|| link.to_owned()),
            release: GitRelease::parse(release),
        })
    }

    /// The folder that is live now, where layout `releases` links unchanged files from.
    pub fn live_folder(&self) -> Option<&str> {
        (self.is_folder && !self.is_empty).then_some(self.resolved.as_str())
    }

    /// Whether a link can take the place of the target. A folder with something in
    /// it cannot be replaced at one stroke, so that is left to a person.
    pub fn may_become_link(&self, target: &TargetPath) -> Result<(), Failure> {
        if self.link.is_some() || !self.is_folder || self.is_empty {
            return Ok(());
        }
        let path = target.as_str();
        let name = path.rsplit('/').next().unwrap_or_default();
        Err(Failure::from(format!(
            "{path} is a folder, and layout `releases` needs a link there. Convert it once: \
             mkdir -p {path}_releases && mv {path} {path}_releases/before && ln -s {name}_releases/before {path}"
        )))
    }

    /// A target may be a link, but what it leads to has to be a fit target itself,
    /// and neither the user's home nor around it.
    pub fn may_deploy(&self, target: &TargetPath) -> Result<(), Failure> {
        if let [program, ..] = self.missing_programs.as_slice() {
            return Err(Failure::from(format!("{program} is missing on the host")));
        }
        let shown = words::printable(&self.resolved);
        let leads = format!("{} leads to {shown} there", target.as_str());
        TargetPath::parse(&self.resolved)
            .map_err(|error| Failure::from(format!("{leads}, which {error}")))?;
        if format!("{}/", self.home).starts_with(&format!("{}/", self.resolved)) {
            return Err(Failure::from(format!("{leads}, which is or holds the home folder of the user")));
        }
        Ok(())
    }
}
