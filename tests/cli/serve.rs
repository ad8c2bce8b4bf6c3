use std::net::TcpListener;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::installation::{Installation, ended};

#[tokio::test]
async fn the_service_answers_and_ends_well_when_told_to() {
    // Another test of this process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    for signal in [Signal::TERM, Signal::INT] {
        let installation = Installation::new().await;
        let mut command = installation.command(&["serve"]);
        command.env("COUNTERSIGN_ADDR", "127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut service = command.spawn().unwrap();
        let mut log = BufReader::new(service.stderr.take().unwrap()).lines();
        let address = loop {
            let line = log.next_line().await.unwrap().expect("the service ended");
            if let Some((_, rest)) = line.split_once("listening address=") {
                break rest.split(' ').next().unwrap().to_owned();
            }
        };
        let answer = reqwest::get(format!("http://{address}/nowhere")).await.unwrap();
        assert_eq!(answer.status(), 404);

        let process = i32::try_from(service.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(process).unwrap(), signal).unwrap();
        let output = service.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "it prints nothing but logs");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_said() {
    let installation = Installation::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = installation.command(&["serve"]);
    command.env("COUNTERSIGN_ADDR", &address);
    let lines = ended(command).await.refused();
    let last = lines.last().unwrap();
    assert!(last.contains(&address) && last.contains("Address already in use"), "{lines:?}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let installation = Installation::new().await;
    installation.run(&["migrate"]).await.well();
    installation.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)").await;
    for command in [&["serve"][..], &["migrate"], &["export"], &["audit", "verify"]] {
        let lines = installation.run(command).await.refused();
        let words = "database: the database was made by a newer version of this program";
        assert_eq!(lines, [words], "{command:?}");
    }
    let ran = installation.run(&["check"]).await;
    assert!(ran.out.contains("FAIL database  "), "{ran:?}");
}
