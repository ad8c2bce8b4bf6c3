//! A release reaches real hosts: real sshd, real rsync, the bytes compared.

use std::fs;
use std::os::unix::fs::symlink;

use super::world::{World, manifest_of};
use crate::domain::event::{HostState, Stream};
use crate::domain::git_release::FILE_NAME;

#[tokio::test]
async fn two_hosts_get_exactly_the_tree() {
    let world = World::with_hosts(2);
    world.write("index.html", "<h1>shop</h1>");
    world.write("bin/run.sh", "#!/bin/sh\n");
    symlink("index.html", world.path("tree/home.html")).unwrap();

    let ran = world.deploy().await.succeeded();

    for host in ["web-1", "web-2"] {
        let target = world.target_on(host);
        assert_eq!(
            fs::read_to_string(target.join(FILE_NAME)).unwrap(),
            format!("v1.2\n{}\n2026-11-21T08:00:00Z\n{}\n", world.facts.commit, world.facts.target_path)
        );
        fs::remove_file(target.join(FILE_NAME)).unwrap();
        assert_eq!(manifest_of(&target), manifest_of(&world.path("tree")));
        assert_eq!(ran.host_states()[host], HostState::Done);
    }
}

#[tokio::test]
async fn scripts_get_their_arguments_and_facts_and_both_streams_are_shown() {
    let world = World::with_hosts(1);
    world.write("deploy.sh", "echo \"deploy $*\"; pwd; env | grep -e ^DEPLOY_ -e ^COUNTERSIGN | sort >&2");
    world.write("tests/run_tests.sh", "echo \"tests $*\"");

    let ran = world.deploy().await.succeeded();

    let commit = &world.facts.commit;
    let of = |wanted| ran.output("web-1").into_iter().filter(move |(stream, _)| *stream == wanted);
    let printed: Vec<String> = of(Stream::Stdout).map(|(_, line)| line).collect();
    assert_eq!(
        printed,
        [
            format!("deploy production web-1 {commit}"),
            world.facts.target_path.clone(),
            format!("tests production web-1 v1.2 {commit}"),
        ]
    );
    let facts: Vec<String> = of(Stream::Stderr).map(|(_, line)| line).collect();
    assert_eq!(
        facts,
        [
            "DEPLOY_APPLICATION=shop".to_owned(),
            format!("DEPLOY_COMMIT={commit}"),
            "DEPLOY_ENVIRONMENT=production".to_owned(),
            "DEPLOY_HOST=web-1".to_owned(),
            "DEPLOY_ID=7".to_owned(),
            "DEPLOY_RELEASE=v1.2".to_owned(),
        ]
    );
    assert!(!world.target_on("web-1").join("deploy.sh").exists());
    assert!(world.target_on("web-1").join("tests/run_tests.sh").exists());
}
