use std::os::unix::net::UnixDatagram;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;

use super::installation::{Installation, ended, fleet, program};
use crate::tests::support::key_files::move_back;

/// With something to say at the next start: a key was rotated.
async fn rotated() -> Installation {
    let installation = Installation::new().await;
    installation.apply(&fleet(), &[]).await.well();
    move_back(&installation.path("keys"), "auth.key");
    installation.run(&["keys"]).await.well();
    installation
}

const SAID: &str = "auth_key was rotated: the trail has a checkpoint";

/// A place of this machine where logs are taken, and what came there.
struct Taker(UnixDatagram);

impl Taker {
    fn new(installation: &Installation, name: &str) -> Self {
        Self(UnixDatagram::bind(installation.path(name)).unwrap())
    }

    fn taken(&self) -> String {
        self.0.set_nonblocking(true).unwrap();
        let mut taken = String::new();
        let mut buffer = vec![0; 65_536];
        while let Ok(length) = self.0.recv(&mut buffer) {
            taken += &String::from_utf8_lossy(&buffer[..length]);
            taken.push('\n');
        }
        taken
    }
}

/// The program in a world whose `/dev/log` and journal are the test's own.
fn with_takers(installation: &Installation, to: &str) -> Command {
    let mut command = Command::new("bwrap");
    command
        .args(["--bind", "/", "/", "--dev", "/dev", "--tmpfs", "/run", "--dir", "/run/systemd/journal"])
        .arg("--bind")
        .args([installation.path("syslog").as_os_str(), "/dev/log".as_ref()])
        .arg("--bind")
        .args([installation.path("journal").as_os_str(), "/run/systemd/journal/socket".as_ref()])
        .arg("--")
        .arg(program())
        .args(["apply", "fleet.json", "--dry-run"])
        .current_dir(installation.path(""))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("COUNTERSIGN_LOG__TO", to)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn logs_go_where_the_configuration_says_and_nowhere_else() {
    let installation = rotated().await;
    let (syslog, journal) = (Taker::new(&installation, "syslog"), Taker::new(&installation, "journal"));
    let ran = ended(with_takers(&installation, r#"["syslog", "journald"]"#)).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let line = syslog.taken();
    // Of the facility daemon, and a notice or the like.
    assert!(line.starts_with("<30>") || line.starts_with("<29>"), "{line}");
    assert!(line.contains("countersign[") && line.contains(SAID), "{line}");
    let entry = journal.taken();
    assert!(
        entry.contains("SYSLOG_IDENTIFIER\n\u{b}\0\0\0\0\0\0\0countersign\n") && entry.contains(SAID),
        "{entry}"
    );
}

#[tokio::test]
async fn a_place_that_cannot_be_opened_is_said_and_fatal_only_if_it_is_the_only_one() {
    let installation = rotated().await;
    let without = |to: &str| {
        let mut command = Command::new("bwrap");
        command
            .args(["--bind", "/", "/", "--dev", "/dev", "--tmpfs", "/run", "--"])
            .arg(program())
            .args(["apply", "fleet.json", "--dry-run"])
            .current_dir(installation.path(""))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("COUNTERSIGN_LOG__TO", to)
            .kill_on_drop(true);
        command
    };
    let lines = ended(without(r#"["syslog", "journald"]"#)).await.refused();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("log.to: syslog cannot be opened: /dev/log: No such file"), "{lines:?}");
    assert!(lines[1].starts_with("log.to: journald cannot be opened: No such file"), "{lines:?}");

    let ran = ended(without(r#"["stdout", "journald"]"#)).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("log.to: journald cannot be opened") && ran.err.contains(SAID), "{ran:?}");
}

#[tokio::test]
async fn the_web_framework_adds_no_lines_of_its_own() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let installation = Installation::new().await;
    let mut command = installation.command(&["serve"]);
    command.env("COUNTERSIGN_ADDR", "127.0.0.1:0").env("RUST_LOG", "info,rocket=trace");
    let mut service = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(service.stderr.take().unwrap());
    let mut line = String::new();
    let address = loop {
        line.clear();
        assert!(log.read_line(&mut line).await.unwrap() > 0, "the service ended");
        if let Some((_, rest)) = line.split_once("listening address=") {
            break rest.split(' ').next().unwrap().to_owned();
        }
    };
    // Nobody is signed in: a guard fails, a parameter is no number, and a link is made up.
    for path in ["requests", "requests/none", "launch/AAAAAAAAAAAAAAAAAAAAAA", "requests?before=none"] {
        reqwest::get(format!("http://{address}/{path}")).await.unwrap();
    }
    kill_process(Pid::from_raw(i32::try_from(service.id().unwrap()).unwrap()).unwrap(), Signal::TERM)
        .unwrap();
    let mut rest = String::new();
    log.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("told to stop"), "{rest}");
    assert!(!rest.contains("uard") && !rest.contains("::_") && !rest.contains("AAAA"), "{rest}");
}
