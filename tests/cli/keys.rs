use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::installation::{Installation, ended};

const MADE: [&str; 4] = ["keys/auth.key", "keys/enc.key", "keys/id_ed25519", "keys/id_ed25519.pub"];

#[tokio::test]
async fn a_fresh_folder_gets_its_keys_once() {
    let installation = Installation::empty();
    let said = installation.run(&["keys"]).await.well();
    assert_eq!(said, "wrote keys/auth.key\nwrote keys/enc.key\nwrote keys/id_ed25519\n");
    let contents = || MADE.map(|file| fs::read(installation.path(file)).unwrap());
    let first = contents();
    assert_eq!((first[0].len(), first[1].len()), (64, 32));
    for file in MADE {
        let mode = fs::metadata(installation.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }

    let said = installation.run(&["keys"]).await.well();
    assert!(said.lines().all(|line| line.starts_with("kept ")), "{said}");
    assert!(contents() == first, "a key was written again");
}

#[tokio::test]
async fn keys_come_before_everything_else_that_is_configured() {
    let installation = Installation::empty();
    // The secret's file is not there yet, the mail section neither.
    installation.write(
        "config.json",
        &json!({ "auth_key": "secret/a", "github": { "client_secret": "file:keys/github" }, "ssh": { "connect_timeout_s": 5 } }),
    );
    let mut command = installation.command(&["keys"]);
    command.env("COUNTERSIGN_SSH__IDENTITY", "secret/ssh");
    let said = ended(command).await.well();
    assert_eq!(said, "wrote secret/a\nwrote keys/enc.key\nwrote secret/ssh\n");
}

#[tokio::test]
async fn a_configuration_that_was_named_must_be_there() {
    let installation = Installation::empty();
    let lines = installation.run(&["keys", "--config", "missing.json"]).await.refused();
    assert!(lines[0].contains("missing.json: cannot be read"), "{lines:?}");
    assert!(!installation.path("keys").exists());
}

#[tokio::test]
async fn a_wrong_call_is_told_apart_from_a_failure() {
    let installation = Installation::empty();
    assert_eq!(installation.run(&["launch-everything"]).await.code, 2);
    assert_eq!(installation.run(&["apply"]).await.code, 2);
    assert_eq!(installation.run(&["audit", "verify", "--head", "12:short"]).await.code, 2);
    assert_eq!(installation.run(&["export"]).await.code, 1);
}
