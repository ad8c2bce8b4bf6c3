//! Asking hosts what they run.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use super::world::{World, commit};
use crate::domain::git_release::{FILE_NAME, GitRelease};
use crate::runner::ssh::live::{Inspection, Reading, check, read_live};
use crate::runner::ssh::remote::Answer;
use crate::runner::ssh::run_dir::{RunDir, remove_stale};

const LIMIT: Duration = Duration::from_secs(20);

impl World {
    /// A record as a deployment leaves it on the host.
    fn record(&self, host: &str, in_progress: bool) {
        let now = "2026-11-20T08:00:00Z".parse().unwrap();
        let record = GitRelease::new("v1.1", &commit('b'), now, &self.facts.target_path, in_progress);
        fs::create_dir_all(self.target_on(host)).unwrap();
        fs::write(self.target_on(host).join(FILE_NAME), record.text()).unwrap();
    }

    async fn readings(&self) -> Vec<Reading> {
        let (facts, settings) = (&self.facts, self.settings());
        let asked = read_live(&settings, &self.hosts, &facts.remote_user, &facts.target_path, LIMIT);
        asked.await.into_iter().map(|(_, reading)| reading).collect()
    }
}

#[tokio::test]
async fn hosts_say_what_they_run_and_whether_a_deployment_was_left_in_the_middle() {
    let world = World::with_hosts(3);
    world.record("web-1", false);
    world.record("web-2", true);
    let runs = |in_progress| Reading::Runs { commit: commit('b'), release: "v1.1".to_owned(), in_progress };
    assert_eq!(world.readings().await, [runs(false), runs(true), Reading::Nothing]);
    assert!(!world.target_on("web-3").exists(), "reading makes no folder");
    assert_eq!(fs::read_dir(world.path("control")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_cannot_be_asked_is_unreachable_in_words() {
    let mut world = World::with_hosts(4);
    world.hosts[0].host_key = None;
    world.sshds[1].stop();
    world.sshds[2].swap_host_key();
    world.record("web-4", false);
    let said: Vec<String> = world
        .readings()
        .await
        .into_iter()
        .map(|reading| match reading {
            Reading::Unreachable(why) => why,
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(said[0], "no host key is pinned; nothing was sent");
    assert!(said[1].ends_with("refused the connection"), "{}", said[1]);
    assert!(said[2].starts_with("the host key of web-3 changed: expected SHA256:"), "{}", said[2]);
    assert!(said[3].starts_with("Runs"), "the others answer: {}", said[3]);
    assert_eq!(world.sshds[0].log().matches("Connection").count(), 0, "without a key nothing connects");
}

#[tokio::test]
async fn a_host_that_says_nothing_ends_with_the_limit() {
    let mut world = World::with_hosts(1);
    let silent = TcpListener::bind("127.0.1.1:0").unwrap();
    world.hosts[0].port = silent.local_addr().unwrap().port();
    let (facts, limit) = (&world.facts, Duration::from_millis(1));
    let mut settings = world.settings();
    settings.connect_timeout_s = 600;
    let read = read_live(&settings, &world.hosts, &facts.remote_user, &facts.target_path, limit).await;
    assert!(matches!(&read[0].1, Reading::Unreachable(why) if why.contains("gave no answer")), "{read:?}");
}

#[tokio::test]
async fn a_check_says_whether_a_deployment_could_begin() {
    let world = World::with_hosts(1);
    let (facts, host) = (&world.facts, &world.hosts[0]);
    let user = &facts.remote_user;
    check(&world.settings(), host, user, &facts.target_path, LIMIT).await.unwrap();
    let home = fs::canonicalize(std::env::var("HOME").unwrap()).unwrap();
    std::os::unix::fs::symlink(home, world.target_on("web-1")).unwrap();
    let why = check(&world.settings(), host, user, &facts.target_path, LIMIT).await.unwrap_err();
    assert!(why.contains("leads to"), "{why}");
}

#[test]
fn a_host_without_rsync_is_said_in_words() {
    let answer = |stdout: &str| Answer { code: 0, stdout: stdout.into(), stderr: String::new() };
    let target = crate::domain::target::TargetPath::parse("/srv/shop").unwrap();
    let greeted = answer("Welcome!\n\0 rsync setsid\0/srv/shop\0/home/deploy\0folder\0\0");
    let why = Inspection::parse(&greeted).unwrap().may_deploy(&target).unwrap_err().why;
    assert_eq!(why, "rsync is missing on the host");
    for home in ["/srv/shop", "/srv/shop/deploy"] {
        let answer = answer(&format!("\0\0/srv/shop\0{home}\0folder\0\0"));
        assert!(Inspection::parse(&answer).unwrap().may_deploy(&target).is_err());
    }
    Inspection::parse(&answer("\0\0/srv/shop\0/srv/shopper\0\0\0\0")).unwrap().may_deploy(&target).unwrap();
    assert!(Inspection::parse(&answer("nonsense")).is_err());
}

#[test]
fn folders_of_dead_processes_are_removed_and_others_stay() {
    let base = tempfile::TempDir::new().unwrap();
    let base = base.path().join("control");
    let other = RunDir::create(&base).unwrap();
    // No process has this number: it is beyond the largest that Linux gives.
    fs::create_dir(base.join("4194305-0")).unwrap();
    fs::create_dir(base.join("1-0")).unwrap();
    fs::create_dir(base.join("notes")).unwrap();
    drop(other);
    remove_stale(&base).unwrap();
    let mut left: Vec<_> = fs::read_dir(&base).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["1-0", "notes"]);
}

#[test]
fn sockets_have_short_private_paths_wherever_the_data_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let base = tempfile::TempDir::new().unwrap();
    for below in ["control".to_owned(), "x".repeat(200)] {
        let folder = RunDir::create(&base.path().join(below)).unwrap();
        assert!(folder.path().as_os_str().len() < 85);
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
