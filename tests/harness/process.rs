//! The program itself, as an init system runs it, on the data of a test's service.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::{PATIENCE, Service};

pub struct Process {
    child: Child,
    log: mpsc::UnboundedReceiver<String>,
}

impl Service {
    /// A command on this service's data, while it runs: what it printed, once it went well.
    pub async fn command(&self, arguments: &[&str]) -> String {
        let config = self.path().join("config.json");
        let mut command = Command::new(program());
        command.args(arguments).arg("--config").arg(config).env_remove("RUST_LOG").stdin(Stdio::null());
        let ran = command.output().await.unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Instead of the service inside this process. The test's own view of the
    /// database goes on working beside it.
    pub async fn run_program(&mut self) -> Process {
        if self.running.is_some() {
            self.stop().await;
            self.reopen().await;
        }
        let mut child = Command::new(program())
            .arg("serve")
            .arg("--config")
            .arg(self.path().join("config.json"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (tell, log) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                // Shown when a test fails.
                eprintln!("{line}");
                let _ = tell.send(line);
            }
        });
        let mut process = Process { child, log };
        process.until_logged("listening").await;
        process
    }
}

/// Built beside this very executable's folder. Cargo tells its path to separate
/// test crates only.
fn program() -> PathBuf {
    let suite = std::env::current_exe().unwrap();
    let program = suite.parent().and_then(Path::parent).unwrap().join("countersign");
    assert!(program.exists(), "{} is missing; `cargo build --bin countersign` makes it", program.display());
    program
}

impl Process {
    /// `kill -9`, and it is gone when this returns.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to end, as an init system does.
    pub fn terminate(&self) {
        let id = self.child.id().expect("it runs").to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    pub async fn until_logged(&mut self, words: &str) {
        let found = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = self.log.recv().await {
                if line.contains(words) {
                    return true;
                }
            }
            false
        });
        assert!(found.await.expect("it logs"), "it ended without saying {words:?}");
    }

    pub async fn ended(mut self) -> ExitStatus {
        tokio::time::timeout(2 * PATIENCE, self.child.wait()).await.expect("it ends").unwrap()
    }
}
