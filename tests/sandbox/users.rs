//! Scripts as another user, and what refuses that.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::stage::{Stage, as_user, failure, is_root};
use crate::domain::event::StepOutcome;

#[tokio::test]
async fn a_script_of_another_user_builds_and_reads_nothing_of_ours() {
    let stage = Stage::with(as_user("nobody"));
    let ready = stage.sandbox.ready(&stage.path("places")).await;
    if !is_root() {
        assert_eq!(
            ready.unwrap_err(),
            "runner.sandbox is user:nobody, and only root can become another user"
        );
        return;
    }
    ready.unwrap();
    let key = stage.path("auth.key");
    fs::write(&key, "secret").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let (ran, place) = stage
        .predeploy_at(&format!(
            "id -un; groups; cat {key} /etc/shadow; grep -c . /proc/{us}/environ\n\
             echo built >page; echo x >$TMPDIR/x; echo x >~/x; grep NoNewPrivs /proc/self/status\n",
            key = key.display(),
            us = std::process::id(),
        ))
        .await;
    assert_eq!(ran.end, StepOutcome::Done, "{:?}", ran.lines);
    assert_eq!(ran.stdout(), ["nobody", "nogroup", "NoNewPrivs:\t1"], "{:?}", ran.lines);
    assert_eq!(fs::read_to_string(place.tree().join("page")).unwrap(), "built\n");
    let root = place.tree().parent().unwrap().to_owned();
    drop(place);
    assert!(!root.exists());
}

#[tokio::test]
async fn root_and_nobody_at_all_are_no_users_for_scripts() {
    let stage = Stage::new();
    let why = as_user("root").ready(&stage.path("places")).await.unwrap_err();
    assert_eq!(why, "runner.sandbox is user:root, who may do everything");
    let why = as_user("no-such-user").ready(&stage.path("places")).await.unwrap_err();
    let expected = if is_root() { "no-such-user" } else { "only root" };
    assert!(why.contains(expected), "{why}");
}

#[tokio::test]
async fn a_script_cannot_put_another_folder_in_the_place_of_its_tree() {
    if !is_root() {
        return;
    }
    let stage = Stage::with(as_user("nobody"));
    let ran = stage.predeploy("mv \"$PWD\" \"$PWD.old\" && mkdir \"$PWD\"\n").await;
    assert!(failure(&ran.end).contains("exit code 1"));
}
