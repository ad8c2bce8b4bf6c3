//! Health checks on a real host: by a command there, and by a URL.

use std::fs;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::domain::deployment::DeploymentState;
use crate::domain::event::{EventKind, HostState, Phase, Stream};
use crate::domain::fleet::HealthCheck;
use crate::tests::runner::world::{Journal, World, uncontrolled};

fn by_command(command: &str, attempts: u32) -> HealthCheck {
    HealthCheck { command: Some(command.to_owned()), url: None, attempts, interval_s: 1 }
}

fn by_url(url: String, attempts: u32) -> HealthCheck {
    HealthCheck { command: None, url: Some(url), attempts, interval_s: 1 }
}

/// Answers each request with the next of these, and with the last one from then on.
/// Gives its port on the host's address.
async fn answering(statuses: &'static [&'static str]) -> u16 {
    let listener = TcpListener::bind("127.0.1.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let status = statuses[number.min(statuses.len() - 1)];
            let answer = format!(
                "HTTP/1.1 {status}\r\nLocation: /else\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

#[tokio::test]
async fn a_command_is_tried_again_until_it_passes_in_the_target_with_the_facts() {
    let mut world = World::with_hosts(1);
    world.write("index.html", "new");
    world.facts.health_check = Some(by_command(
        "test -f index.html && test \"$DEPLOY_HOST\" = web-1 && echo >>tries && test $(wc -l <tries) = 2",
        5,
    ));
    let ran = world.deploy().await.succeeded();
    assert_eq!(fs::read_to_string(world.target_on("web-1").join("tries")).unwrap().lines().count(), 2);
    let said: Vec<String> = ran.output("web-1").into_iter().map(|(_, line)| line).collect();
    assert!(said.contains(&"attempt 1 of 5: the command ended with exit code 1".to_owned()), "{said:?}");
}

#[tokio::test]
async fn a_host_that_never_gets_well_fails_and_is_not_called_done() {
    let mut world = World::with_hosts(1);
    world.write("index.html", "new");
    world.facts.health_check = Some(by_command("exit 7", 2));
    let ran = world.deploy().await;
    assert_eq!(ran.host_states()["web-1"], HostState::Failed);
    let release = world.read("web-1", ".git_release");
    assert!(release.contains("in progress"), "{release}");
    let why = "web-1: not healthy after 2 attempts: the command ended with exit code 7";
    assert_eq!(ran.failed(), why);
}

#[tokio::test]
async fn a_url_passes_with_any_success_and_redirects_are_not_followed() {
    let mut world = World::with_hosts(1);
    world.write("index.html", "new");
    // The program does this first of all.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let port = answering(&["503 Busy", "302 Found", "204 Fine"]).await;
    world.facts.health_check = Some(by_url(format!("http://{{host}}:{port}/health"), 5));
    let ran = world.deploy().await.succeeded();
    let errors = ran.output("web-1").into_iter().filter(|(stream, _)| *stream == Stream::Stderr);
    let said: Vec<String> = errors.map(|(_, line)| line).filter(|line| line.starts_with("attempt")).collect();
    let url = format!("http://127.0.1.1:{port}/health");
    assert_eq!(
        said,
        [format!("attempt 1 of 5: {url} answered 503"), format!("attempt 2 of 5: {url} answered 302")]
    );
}

#[tokio::test]
async fn a_check_that_waits_ends_with_a_cancel() {
    let mut world = World::with_hosts(1);
    world.write("index.html", "new");
    world.facts.health_check = Some(by_command("exit 1", 1000));
    let (plan, journal, control) = (world.plan(), Journal::default(), uncontrolled());
    let (ran, ()) = tokio::join!(world.run(&plan, &journal, &control), async {
        let begun = |event: &EventKind| {
            matches!(event, EventKind::StepStarted { phase: Phase::Health, .. }).then_some(())
        };
        journal.until(begun).await;
        control.now.cancel();
    });
    assert_eq!(ran.outcome.state, DeploymentState::Cancelled);
}
