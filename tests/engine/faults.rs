//! Hosts that hang, vanish or are full: said in words, in bounded time, and the others
//! go on.

use std::fs;
use std::net::TcpListener;

use crate::domain::deployment::DeploymentState;
use crate::domain::event::HostState;
use crate::runner::ssh::connection::SshSettings;
use crate::tests::runner::world::{Journal, World, make_pipe, uncontrolled};

#[tokio::test]
async fn hosts_that_refuse_are_silent_or_changed_their_key_do_not_hold_back_the_others() {
    let mut world = World::with_hosts(4);
    world.write("index.html", "new");
    world.sshds[0].stop();
    let silent = TcpListener::bind("127.0.1.2:0").unwrap();
    world.hosts[1].port = silent.local_addr().unwrap().port();
    world.sshds[2].swap_host_key();
    let settings = SshSettings { connect_timeout_s: 2, ..world.settings() };

    let ran = world.run_with(settings, &world.plan()).await;

    let states = ran.host_states();
    assert_eq!(states["web-4"], HostState::Done);
    assert_eq!(world.read("web-4", "index.html"), "new");
    let why = ran.failed();
    for words in [
        "web-1: 127.0.1.1 port",
        "refused the connection",
        "web-2: 127.0.1.2 port",
        "gave no answer within 2 s",
        "web-3: the host key of web-3 changed",
    ] {
        assert!(why.contains(words), "{words}: {why}");
    }
    assert!((1..=3).all(|number| states[&format!("web-{number}")] == HostState::Failed));
}

#[tokio::test]
async fn a_network_that_goes_away_half_way_loses_one_host_from_sight_and_no_other() {
    let world = World::with_hosts(2);
    let never = world.path("never");
    make_pipe(&never);
    world.write(
        "deploy.sh",
        format!("[ $DEPLOY_HOST = web-1 ] || exit 0; echo running; read x < {}", never.display()),
    );
    let (plan, journal, control) = (world.plan(), Journal::default(), uncontrolled());
    let (ran, ()) = tokio::join!(world.run(&plan, &journal, &control), async {
        journal.until_line("web-1", "running").await;
        world.sshds[0].kill_sessions();
    });
    assert_eq!(
        (ran.host_states()["web-1"], ran.host_states()["web-2"]),
        (HostState::Unknown, HostState::Done)
    );
    assert_eq!(ran.failed(), "web-1: the connection was lost");
}

/// The keep-alive of ssh finds it: three questions, fifteen seconds apart.
#[tokio::test]
async fn a_host_that_hangs_in_mid_session_is_given_up_and_unknown() {
    let world = World::with_hosts(2);
    let never = world.path("never");
    make_pipe(&never);
    world.write(
        "deploy.sh",
        format!("[ $DEPLOY_HOST = web-1 ] || exit 0; echo running; read x < {}", never.display()),
    );
    let (plan, journal, control) = (world.plan(), Journal::default(), uncontrolled());
    let (ran, ()) = tokio::join!(world.run(&plan, &journal, &control), async {
        journal.until_line("web-1", "running").await;
        world.sshds[0].freeze(true);
    });
    world.sshds[0].freeze(false);
    assert_eq!(
        (ran.host_states()["web-1"], ran.host_states()["web-2"]),
        (HostState::Unknown, HostState::Done)
    );
    assert_eq!(ran.failed(), "web-1: the connection was lost");
}

#[tokio::test]
async fn a_host_that_hangs_does_not_hold_up_a_cancellation() {
    let world = World::with_hosts(1);
    let never = world.path("never");
    make_pipe(&never);
    world.write("deploy.sh", format!("echo running; read x < {}", never.display()));
    let (plan, journal, control) = (world.plan(), Journal::default(), uncontrolled());
    let (ran, ()) = tokio::join!(world.run(&plan, &journal, &control), async {
        journal.until_line("web-1", "running").await;
        world.sshds[0].freeze(true);
        control.now.cancel();
    });
    world.sshds[0].freeze(false);
    assert_eq!(ran.outcome.state, DeploymentState::Cancelled);
    assert_eq!(ran.host_states()["web-1"], HostState::Unknown, "nobody saw the script end");
}

#[tokio::test]
async fn a_full_disk_is_said_in_words_and_the_others_go_on() {
    let mut world = World::with_hosts(2);
    world.make_small(1, 1 << 20);
    world.write("large", vec![b'x'; 4 << 20]);

    let ran = world.deploy().await;

    assert_eq!(
        (ran.host_states()["web-1"], ran.host_states()["web-2"]),
        (HostState::Failed, HostState::Done)
    );
    assert_eq!(ran.failed(), "web-1: the disk of the host is full");
    assert_eq!(fs::metadata(world.target_on("web-2").join("large")).unwrap().len(), 4 << 20);
}
