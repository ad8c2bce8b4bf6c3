//! What goes wrong on the way to real hosts: strangers, silence, cancellation,
//! lost connections and leases, and trees that must not be sent.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::world::{Journal, World, is_alive, make_pipe, manifest_of, uncontrolled, until_closed};
use crate::domain::deployment::DeploymentState;
use crate::domain::event::HostState;
use crate::domain::git_release::FILE_NAME;
use crate::domain::manifest::EntryKind;
use crate::domain::target::HostKey;
use crate::runner::ssh::Tree;
use crate::runner::ssh::connection::SshSettings;

#[tokio::test]
async fn a_changed_host_key_stops_before_anything_is_sent() {
    let mut world = World::with_hosts(1);
    world.write("index.html", "new");
    let pinned = HostKey::parse(world.sshds[0].host_key()).unwrap().fingerprint();
    world.sshds[0].swap_host_key();
    let now = HostKey::parse(world.sshds[0].host_key()).unwrap().fingerprint();

    let ran = world.deploy().await;

    assert_eq!(
        ran.failed(),
        format!("web-1: the host key of web-1 changed: expected {pinned}, got {now}; nothing was sent")
    );
    assert!(!world.target_on("web-1").exists());
    assert!(!world.sshds[0].log().contains("Accepted publickey"), "{}", world.sshds[0].log());
}

#[tokio::test]
async fn a_refusing_port_and_a_stranger_are_said_in_words() {
    let mut world = World::with_hosts(2);
    world.write("index.html", "new");
    world.sshds[0].stop();
    fs::write(world.path("web-2/authorized_keys"), "").unwrap();

    let ran = world.deploy().await;

    let refused = format!("web-1: 127.0.1.1 port {} refused the connection", world.sshds[0].port());
    let (port, user) = (world.sshds[1].port(), &world.facts.remote_user);
    let stranger =
        format!("web-2: 127.0.1.2 port {port} does not let us in as {user}: our key is not accepted there");
    assert_eq!(ran.failed(), format!("{refused}; {stranger}"));
}

#[tokio::test]
async fn a_host_that_never_sends_its_banner_ends_with_the_connect_time_out() {
    let mut world = World::with_hosts(1);
    world.write("index.html", "new");
    let silent = TcpListener::bind("127.0.1.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    world.hosts[0].port = port;
    let settings = SshSettings { connect_timeout_s: 1, ..world.settings() };

    let ran = world.run_with(settings, &world.plan()).await;

    assert_eq!(ran.failed(), format!("web-1: 127.0.1.1 port {port} gave no answer within 1 s"));
}

#[tokio::test]
async fn cancelling_ends_a_script_and_its_child_that_ignores_the_request_to_end() {
    let world = World::with_hosts(1);
    let pipe = world.path("pipe");
    make_pipe(&pipe);
    // Nobody ever writes to the pipe.
    let stubborn = format!("trap '' TERM; echo stuck $$; read never < {}", pipe.display());
    world.write("deploy.sh", format!("bash -c \"{}\" & wait", stubborn.replace('$', "\\$")));
    let (plan, journal, cancel) = (world.plan(), Journal::default(), uncontrolled());

    let (ran, process) = tokio::join!(world.run(&plan, &journal, &cancel), async {
        let process = journal.until_line_with("web-1", "stuck ").await;
        cancel.now.cancel();
        process
    });

    assert_eq!(ran.outcome.state, DeploymentState::Cancelled);
    assert_eq!(ran.host_states()["web-1"], HostState::Failed);
    assert!(!is_alive(&process), "the child must be gone when the run has ended");
    assert!(!world.target_on("web-1").join("deploy.sh").exists());
    assert!(world.read("web-1", FILE_NAME).ends_with("in progress\n"));
}

#[tokio::test]
async fn a_host_that_is_lost_from_sight_is_unknown_and_its_script_ends() {
    let world = World::with_hosts(1);
    let (alive, never) = (world.path("alive"), world.path("never"));
    make_pipe(&alive);
    make_pipe(&never);
    // The pipe is open before the first line, so that a script that died early is seen too.
    let script = format!("exec 9> {}; echo running; read x < {}", alive.display(), never.display());
    world.write("deploy.sh", script);
    let (plan, journal, cancel) = (world.plan(), Journal::default(), uncontrolled());

    let (ran, (), ()) = tokio::join!(world.run(&plan, &journal, &cancel), until_closed(&alive), async {
        journal.until_line("web-1", "running").await;
        world.sshds[0].cut_connections();
    });

    assert_eq!(ran.host_states()["web-1"], HostState::Unknown);
    assert_eq!(ran.failed(), "web-1: the connection was lost");
}

#[tokio::test]
async fn a_lost_lease_stops_at_once() {
    let world = World::with_hosts(1);
    world.write("index.html", "new");
    world.write("deploy.sh", "echo one; echo two; touch was-here");
    // Up to the mark: three local steps, connect and its host, the host running.
    let journal = Journal::losing_its_lease_after(11);
    let ran = world.run(&world.plan(), &journal, &uncontrolled()).await;
    assert!(ran.outcome.lost);
    assert_eq!(ran.outcome.state, DeploymentState::Interrupted);
    assert_eq!(ran.host_states()["web-1"], HostState::Unknown);
    assert!(!world.target_on("web-1").join("was-here").exists());
}

#[tokio::test]
async fn a_script_of_a_run_that_lost_its_lease_ends() {
    let world = World::with_hosts(1);
    let (alive, never) = (world.path("alive"), world.path("never"));
    make_pipe(&alive);
    make_pipe(&never);
    let script = format!("exec 9> {}; echo running; read x < {}", alive.display(), never.display());
    world.write("deploy.sh", script);
    let (plan, journal) = (world.plan(), Journal::losing_its_lease_at("running"));
    let cancel = uncontrolled();

    let (ran, ()) = tokio::join!(world.run(&plan, &journal, &cancel), until_closed(&alive));

    assert!(ran.outcome.lost);
    assert_eq!(ran.host_states()["web-1"], HostState::Unknown);
}

#[tokio::test]
async fn an_empty_tree_is_refused_where_it_would_empty_the_hosts() {
    let mut world = World::with_hosts(1);
    let target = world.target_on("web-1");
    fs::create_dir_all(&target).unwrap();
    fs::write(target.join("precious"), "data").unwrap();

    let why = world.deploy().await.failed();
    assert_eq!(why, "build: the tree to deploy is empty; with --delete, the hosts would be emptied");
    assert_eq!(world.read("web-1", "precious"), "data");

    world.facts.rsync_options = vec!["-a".to_owned()];
    world.deploy().await.succeeded();
    assert_eq!(world.read("web-1", "precious"), "data");
}

#[tokio::test]
async fn a_tree_that_vanished_after_the_build_is_not_taken_for_an_empty_one() {
    let world = World::with_hosts(1);
    world.write("index.html", "new");
    let manifest = manifest_of(&world.path("tree"));
    fs::remove_file(world.path("tree/index.html")).unwrap();
    let tree = Tree { path: world.path("tree"), manifest };
    let ran = world.run_tree(&world.plan(), tree, &Journal::default(), &uncontrolled()).await;
    assert_eq!(ran.failed(), "web-1: the exported tree is gone; nothing was sent");
}

/// Whatever happened on the way: what is on the host is compared with what was approved.
#[tokio::test]
async fn verification_names_what_is_not_as_approved() {
    let world = World::with_hosts(1);
    for name in ["content", "kind", "link", "missing", "run.sh", "plain", "same"] {
        world.write(name, name);
    }
    let mut manifest = manifest_of(&world.path("tree"));
    world.write("content", "tampered");
    fs::remove_file(world.path("tree/kind")).unwrap();
    symlink("same", world.path("tree/kind")).unwrap();
    fs::remove_file(world.path("tree/missing")).unwrap();
    fs::set_permissions(world.path("tree/run.sh"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(world.path("tree/plain"), fs::Permissions::from_mode(0o755)).unwrap();
    let link = manifest.entries.iter_mut().find(|entry| entry.path == b"link").unwrap();
    link.kind = EntryKind::Symlink { target: b"elsewhere".to_vec() };
    let tree = Tree { path: world.path("tree"), manifest };

    let ran = world.run_tree(&world.plan(), tree, &Journal::default(), &uncontrolled()).await;

    assert_eq!(
        ran.failed(),
        "web-1: what is there is not what was approved: content (other content), \
         kind (another kind of file), link (another kind of file), missing (missing), \
         plain (executable) and 1 more"
    );
}

#[tokio::test]
async fn a_target_that_leads_to_a_home_or_a_root_is_refused() {
    let world = World::with_hosts(1);
    world.write("index.html", "new");
    let target = world.target_on("web-1");
    let home = fs::canonicalize(std::env::var("HOME").unwrap()).unwrap();
    for (place, why) in [("/", "must be at least two folders deep"), (home.to_str().unwrap(), "")] {
        symlink(place, &target).unwrap();
        let said = world.deploy().await.failed();
        assert!(said.contains(&format!("leads to {place} there, which")), "{said}");
        assert!(said.contains(why), "{said}");
        fs::remove_file(&target).unwrap();
    }
}

#[tokio::test]
async fn a_script_of_this_side_makes_the_tree_that_arrives_and_is_not_sent_itself() {
    let world = World::with_hosts(1);
    world.write("predeploy.sh", "echo \"built for $1\" >made.txt");
    world.deploy().await.succeeded();
    assert_eq!(world.read("web-1", "made.txt"), "built for production\n");
    assert!(!world.target_on("web-1").join("predeploy.sh").exists());
}

#[tokio::test]
async fn a_script_of_this_side_that_fails_leaves_every_host_untouched() {
    let world = World::with_hosts(1);
    world.write("predeploy.sh", "exit 3");
    assert_eq!(world.deploy().await.failed(), "predeploy.sh: predeploy.sh ended with exit code 3");
    assert!(!world.target_on("web-1").exists());
}

#[tokio::test]
async fn a_run_uses_one_connection_per_host_and_leaves_nothing_behind() {
    let world = World::with_hosts(1);
    world.write("index.html", "new");
    world.write("deploy.sh", "true");
    world.write("tests/run_tests.sh", "true");
    world.deploy().await.succeeded();
    let log = world.sshds[0].log();
    assert_eq!(log.matches("Accepted publickey").count(), 1, "{log}");
    assert_eq!(fs::read_dir(world.path("control")).unwrap().count(), 0);
}
