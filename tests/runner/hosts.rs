//! A release reaches real hosts: real sshd, real rsync, the bytes compared.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use super::world::{Journal, World, commit, make_pipe, manifest_of, uncontrolled};
use crate::domain::event::{EventKind, HostState, StepOutcome, Stream};
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

/// Exported trees give every file its commit's time, and a version bump keeps the size.
#[tokio::test]
async fn two_commits_of_the_same_second_and_size_both_arrive() {
    let mut world = World::with_hosts(1);
    let second = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    for version in ["version = 1", "version = 2"] {
        world.write("version", version);
        fs::File::options()
            .append(true)
            .open(world.path("tree/version"))
            .unwrap()
            .set_modified(second)
            .unwrap();
        world.deploy().await.succeeded();
        assert_eq!(world.read("web-1", "version"), version);
        world.facts.commit = commit('b');
    }
    assert!(world.read("web-1", FILE_NAME).contains(commit('b').as_str()));
}

#[tokio::test]
async fn what_the_release_no_longer_has_is_deleted_and_excluded_files_stay() {
    let mut world = World::with_hosts(1);
    world.facts.rsync_options.push("--exclude=/uploads".to_owned());
    world.write("index.html", "new");
    world.write("uploads/from-git", "never sent");
    let target = world.target_on("web-1");
    fs::create_dir_all(target.join("uploads")).unwrap();
    fs::write(target.join("uploads/picture"), "of a customer").unwrap();
    fs::write(target.join("old.html"), "old").unwrap();

    world.deploy().await.succeeded();

    assert!(!target.join("old.html").exists());
    assert_eq!(world.read("web-1", "uploads/picture"), "of a customer");
    assert!(!target.join("uploads/from-git").exists());
}

/// The script blocks until somebody opens the pipe, and the test does that only
/// after it has seen the line before.
#[tokio::test]
async fn output_arrives_while_the_script_still_runs() {
    let world = World::with_hosts(1);
    let pipe = world.path("pipe");
    make_pipe(&pipe);
    world.write("deploy.sh", format!("echo waiting; read answer < {}; echo \"got $answer\"", pipe.display()));
    let (plan, journal, cancel) = (world.plan(), Journal::default(), uncontrolled());
    let (ran, ()) = tokio::join!(world.run(&plan, &journal, &cancel), async {
        journal.until_line("web-1", "waiting").await;
        tokio::fs::write(&pipe, "an answer\n").await.unwrap();
    });
    assert_eq!(ran.succeeded().output("web-1").last().unwrap().1, "got an answer");
}

#[tokio::test]
async fn a_script_may_leave_a_process_behind_that_holds_its_output_open() {
    let world = World::with_hosts(1);
    let pipe = world.path("pipe");
    make_pipe(&pipe);
    world.write("deploy.sh", format!("printf 'no line end'; cat {} &", pipe.display()));
    let ran = world.deploy().await.succeeded();
    assert_eq!(ran.output("web-1"), [(Stream::Stdout, "no line end".to_owned())]);
    fs::write(&pipe, "").unwrap();
}

#[tokio::test]
async fn a_failing_host_is_named_the_others_finish_and_the_next_cluster_is_left_alone() {
    let world = World::with_hosts(3);
    world.write("index.html", "new");
    world.write("deploy.sh", "[ \"$2\" != web-2 ] || exit 7");
    let [one, two, three] = world.hosts.clone().try_into().unwrap();
    let plan = world.plan_of(&[vec![one, two], vec![three]]);

    let ran = world.run(&plan, &Journal::default(), &uncontrolled()).await;

    let states = ran.host_states();
    assert_eq!(states["web-1"], HostState::Done);
    assert_eq!(states["web-2"], HostState::Failed);
    assert_eq!(states["web-3"], HostState::Waiting);
    assert_eq!(ran.failed(), "web-2: deploy.sh ended with exit code 7");
    assert!(!world.target_on("web-3").exists(), "nothing may reach the next cluster");
    assert!(!world.target_on("web-2").join("deploy.sh").exists(), "a failing deploy.sh is removed too");
    assert!(world.read("web-2", FILE_NAME).ends_with("in progress\n"));
    assert!(!world.read("web-1", FILE_NAME).contains("in progress"));
}

#[tokio::test]
async fn failed_tests_can_be_a_warning() {
    let mut world = World::with_hosts(1);
    world.facts.fail_on_failed_tests = false;
    world.write("tests/run_tests.sh", "exit 127");
    let ran = world.deploy().await.succeeded();
    let why = "tests/run_tests.sh ended with exit code 127".to_owned();
    let warned = StepOutcome::Warned { why };
    assert!(
        ran.events
            .iter()
            .any(|event| matches!(event, EventKind::StepEnded { outcome, .. } if *outcome == warned))
    );
}

#[tokio::test]
async fn names_of_any_kind_arrive_and_nothing_in_them_is_run() {
    let target = "-my 'shop' \"x\" $(touch pwned) `id` é;&|<>!~#%";
    let mut world = World::with_target(1, target);
    world.facts.release = "x';touch pwned;'".to_owned();
    let names = [
        "-rf",
        "two  words",
        "it's",
        "\"",
        "$(touch pwned)",
        "`touch pwned`",
        "größe",
        "a\nb",
        "back\\slash",
        "tab\there",
        "\\#012",
        "*",
        "?[a]",
        "-dash/-e sh",
        " ",
    ];
    for name in names {
        world.write(name, name);
    }
    // No UTF-8 at all.
    fs::write(world.path("tree").join(OsStr::from_bytes(b"\xff\xfe")), "bytes").unwrap();
    world.write("deploy.sh", "printf '%s\\n' \"$@\" > args");
    world.write("tests/run_tests.sh", "printf '%s\\n' \"$3\"");
    // So that rsync is asked which entries are sent, and prints these names.
    world.facts.rsync_options.push("--exclude=/nothing".to_owned());

    let ran = world.deploy().await.succeeded();

    for name in names {
        assert_eq!(world.read("web-1", name), name);
    }
    assert_eq!(ran.output("web-1").last().unwrap().1, "x';touch pwned;'");
    assert!(world.read("web-1", FILE_NAME).starts_with("x';touch pwned;'\n"));
    for folder in [world.target_on("web-1"), world.sshds[0].files(), ".".into()] {
        assert!(!folder.join("pwned").exists());
    }
}
