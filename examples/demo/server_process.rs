//! The real binary as its own process: its configuration, its commands, its log.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::support::github::{CLIENT_ID, CLIENT_SECRET, GitHubStandIn, ORGANISATION};

/// How long a running deployment may go on after SIGTERM.
const GRACE_S: u32 = 8;
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// `countersign` with one configuration, in one folder.
#[derive(Clone)]
pub struct Countersign {
    binary: PathBuf,
    folder: PathBuf,
    pub base_url: String,
}

impl Countersign {
    /// Writes `config.json` into the folder.
    pub fn configure(folder: &Path, port: u16, github: &GitHubStandIn, smtp: &str) -> Result<Self> {
        // cargo puts examples one folder below the binaries.
        let here = std::env::current_exe()?;
        let binary = here.ancestors().nth(2).context("the folder of the build")?.join("countersign");
        ensure!(binary.exists(), "{} is missing; `make demo` builds it", binary.display());
        let base_url = format!("http://127.0.0.1:{port}");
        let config = json!({
            "addr": format!("127.0.0.1:{port}"),
            "base_url": base_url,
            "github": { "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "organisation": ORGANISATION,
                        "web_url": github.web_url(), "api_url": github.api_url() },
            "mail": { "smtp": smtp, "from": "Countersign <deploy@example.com>", "always_notify": ["ops@example.com"] },
            "ssh": { "connect_timeout_s": 5 },
            "runner": { "shutdown_grace_s": GRACE_S },
            "limits": { "disk_free_mb": 50 },
        });
        fs::write(folder.join("config.json"), format!("{config:#}\n"))?;
        Ok(Self { binary, folder: folder.to_owned(), base_url })
    }

    /// Runs one command to its end; gives what it printed.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        let shown = format!("countersign {}", arguments.join(" "));
        let output =
            self.command(arguments).stdin(Stdio::null()).output().await.with_context(|| shown.clone())?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        ensure!(output.status.success(), "{shown}: {}", said(&[output.stderr, output.stdout].concat()));
        Ok(said(&output.stdout))
    }

    /// Gives the service as soon as it answers.
    pub async fn serve(&self) -> Result<Service> {
        let log = File::create(log_file(&self.folder))?;
        let mut child =
            self.command(&["serve"]).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let health = format!("{}/health", self.base_url);
        let answers = async {
            loop {
                match http.get(&health).send().await {
                    Ok(answer) if answer.status().is_success() => return Ok(()),
                    Ok(answer) => bail!("/health answers {}", answer.status()),
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        tokio::select! {
            answered = tokio::time::timeout(START_LIMIT, answers) => answered.context("the service does not answer")??,
            ended = child.wait() => bail!("the service ended: {}", ended?),
        }
        Ok(Service { child: Mutex::new(child) })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--config").arg(self.folder.join("config.json"));
        command.current_dir(&self.folder).kill_on_drop(true);
        // Somebody's real installation must not reach into the demo.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().to_ascii_uppercase().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        command
    }
}

pub struct Service {
    child: Mutex<Child>,
}

impl Service {
    /// Comes back only when the service ended by itself.
    pub async fn gone(&self) -> anyhow::Error {
        match self.child.lock().await.wait().await {
            Ok(status) => anyhow!("the service ended by itself: {status}"),
            Err(error) => error.into(),
        }
    }

    /// SIGTERM; it must end by itself, and well.
    pub async fn stop(&self) -> Result<()> {
        let mut child = self.child.lock().await;
        let id = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let Some(id) = id else { return Ok(()) };
        kill_process(id, Signal::TERM)?;
        let Ok(status) = tokio::time::timeout(STOP_LIMIT, child.wait()).await else {
            child.start_kill()?;
            bail!("told to stop, the service went on for {} s", STOP_LIMIT.as_secs());
        };
        let status = status?;
        ensure!(status.success(), "told to stop, the service ended with {status}");
        Ok(())
    }
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("service.log")
}

pub fn log_tail(folder: &Path) -> Vec<String> {
    const LINES: usize = 40;
    let log = fs::read(log_file(folder)).unwrap_or_default();
    let lines: Vec<String> = String::from_utf8_lossy(&log).lines().map(str::to_owned).collect();
    lines[lines.len().saturating_sub(LINES)..].to_vec()
}
