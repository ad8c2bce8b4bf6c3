//! The program itself, as an init system runs it, on the data of a test's service.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::{PATIENCE, Service};

pub struct Process {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Service {
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
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
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
            while let Some(line) = self.log.next_line().await.unwrap() {
                if line.contains(words) {
                    return true;
                }
            }
            false
        });
        assert!(found.await.expect("it logs"), "it ended without saying {words:?}");
    }

    /// Waits for its end; what it logs is read, so that it never waits for us.
    pub async fn ended(mut self) -> ExitStatus {
        let read = async { while let Ok(Some(_)) = self.log.next_line().await {} };
        let (_, status) = tokio::time::timeout(2 * PATIENCE, async { tokio::join!(read, self.child.wait()) })
            .await
            .expect("it ends");
        status.unwrap()
    }
}
