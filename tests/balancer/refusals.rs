//! What goes wrong, each in its own words, and before anything is touched.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::world::{By, World, edge, member, name, runtime, stats};
use crate::balancer::{Balancers, Endpoint, Patience};
use crate::domain::balancer::{Admin, Member};
use crate::tests::support::haproxy::PASSWORD;

async fn words_of(balancers: &Balancers, server: &str) -> String {
    balancers.states(&[member(server)]).await.unwrap_err().to_string()
}

/// Both endpoints are asked to drain; the first would do it.
async fn is_untouched_after_a_drain_by(world: &World, other: Endpoint, members: &[Member]) -> String {
    let both = edge([runtime(&world.haproxy.tcp()), other]);
    let problem = both.drain(members).await.unwrap_err();
    let states = world.by(By::Tcp).states(&[member("chat/OLD")]).await.unwrap();
    assert_eq!(states[0].state.admin, Admin::Ready, "something was touched");
    problem.to_string()
}

#[tokio::test]
async fn a_backend_or_server_that_haproxy_does_not_have_is_named() {
    let world = World::start().await;
    for (by, place) in
        [(By::Tcp, world.haproxy.tcp()), (By::Unix, world.haproxy.unix()), (By::Stats, world.haproxy.stats())]
    {
        assert_eq!(
            words_of(&world.by(by), "sHOp/OLD").await,
            format!(
                "The load balancer edge at {place} has no backend \"sHOp\". \
                 Mend the cluster's `backend`, or HAProxy's configuration."
            )
        );
        assert_eq!(
            words_of(&world.by(by), "shop/OTHER").await,
            format!(
                "The load balancer edge at {place} has no server \"OTHER\" in its backend \"shop\". \
                 Mend the server's `backend_server`, or HAProxy's configuration."
            )
        );
        let problem = world.by(by).drain(&[member("chat/OLD"), member("chat/OTHER")]).await.unwrap_err();
        assert!(problem.to_string().contains("no server \"OTHER\""), "{problem}");
        let states = world.by(by).states(&[member("chat/OLD")]).await.unwrap();
        assert_eq!(states[0].state.admin, Admin::Ready, "something was touched");
    }
}

#[tokio::test]
async fn a_wrong_password_is_said_and_never_shown() {
    let world = World::start().await;
    let page = stats(&world.haproxy.stats(), "s3cret-guess");
    assert!(!format!("{page:?}").contains("s3cret-guess"));
    let words = is_untouched_after_a_drain_by(&world, page, &[member("chat/OLD")]).await;
    assert_eq!(
        words,
        format!("The load balancer edge at {} does not accept our user and password.", world.haproxy.stats())
    );
}

#[tokio::test]
async fn a_socket_or_a_page_that_only_lets_us_read_is_said() {
    let world = World::start().await;
    let socket = world.haproxy.unix_for_readers();
    assert_eq!(
        is_untouched_after_a_drain_by(&world, runtime(&socket), &[member("chat/OLD")]).await,
        format!(
            "The load balancer edge at {socket} lets us read, but not act: permission denied. \
             Its socket needs `level admin`."
        )
    );
    let page = world.haproxy.stats_for_readers();
    assert_eq!(
        is_untouched_after_a_drain_by(&world, stats(&page, PASSWORD), &[member("chat/OLD")]).await,
        format!(
            "The load balancer edge at {page} lets us read, but not act. The stats page needs `stats admin`."
        )
    );
    let before_start = words_of(&edge([stats(&page, PASSWORD)]), "chat/OLD").await;
    assert!(before_start.contains("`stats admin`"), "{before_start}");
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_said() {
    let world = World::start().await;
    let mut second = world.second();
    second.stop();
    for endpoint in [runtime(&second.tcp()), stats(&second.stats(), PASSWORD)] {
        let place = endpoint.to_string();
        assert_eq!(
            is_untouched_after_a_drain_by(&world, endpoint, &[member("chat/OLD")]).await,
            format!("The load balancer edge at {place} cannot be reached: connection refused.")
        );
    }
    let nowhere = format!("unix://{}/nobody.sock", world.folder.path().display());
    assert_eq!(
        words_of(&edge([runtime(&nowhere)]), "chat/OLD").await,
        format!("The load balancer edge at {nowhere} cannot be reached: there is no such socket.")
    );
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_given_up() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let short = Patience { connect: Duration::from_secs(5), answer: Duration::from_millis(200) };
    for endpoint in
        [runtime(&format!("tcp://127.0.0.1:{port}")), stats(&format!("http://127.0.0.1:{port}/"), "x")]
    {
        let place = endpoint.to_string();
        let endpoints = BTreeMap::from([(name("edge"), vec![endpoint])]);
        let balancers = Balancers::with_patience(endpoints, short).unwrap();
        assert_eq!(
            words_of(&balancers, "shop/OLD").await,
            format!("The load balancer edge at {place} did not answer in time.")
        );
    }
}

/// Answers each connection with the same bytes, whatever it is asked.
async fn parrot(answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(&answer).await;
        }
    });
    port
}

#[tokio::test]
async fn an_answer_that_is_no_table_is_quoted_or_named() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let flood = vec![b'x'; 5 * 1024 * 1024];
    let page = |body: &[u8]| {
        [
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len())
                .as_bytes(),
            body,
        ]
        .concat()
    };
    let hello = "Hello,\n\u{202e}I am a printer.\n".as_bytes();
    let port = parrot(hello.to_vec()).await;
    let printer = runtime(&format!("tcp://127.0.0.1:{port}"));
    for (endpoint, why) in [
        (printer, "it says \"Hello, I am a printer\""),
        (runtime(&format!("tcp://127.0.0.1:{}", parrot(flood.clone()).await)), "it is larger than 4 MB"),
        (
            runtime(&format!("tcp://127.0.0.1:{}", parrot(Vec::new()).await)),
            "there is no table of servers in it",
        ),
        (
            stats(&format!("http://127.0.0.1:{}/", parrot(page(hello)).await), "x"),
            "there is no table of servers in it",
        ),
        (stats(&format!("http://127.0.0.1:{}/", parrot(page(&flood)).await), "x"), "it is larger than 4 MB"),
    ] {
        let place = endpoint.to_string();
        assert_eq!(
            words_of(&edge([endpoint]), "shop/OLD").await,
            format!("The load balancer edge at {place} gave an answer that makes no sense here: {why}.")
        );
    }
}

#[tokio::test]
async fn a_page_that_is_no_stats_page_is_said() {
    let world = World::start().await;
    let other = stats(&world.haproxy.stats().replace("/haproxy?stats", "/elsewhere"), PASSWORD);
    let place = other.to_string();
    assert_eq!(
        words_of(&edge([other]), "shop/OLD").await,
        format!(
            "The load balancer edge at {place} gave an answer that makes no sense here: \
             status 503, not a stats page."
        )
    );
}

/// It keeps its state whatever it is told.
#[tokio::test]
async fn an_order_that_does_not_hold_is_said() {
    let answer = "admin\n\n1\n# be_id be_name srv_id srv_name srv_admin_state\n3 chat 1 OLD 0\n\n\
                  # pxname,svname,scur,status,type,check_status,\nchat,OLD,0,no check,2,,\n\n";
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).await.unwrap();
            let reads = asked[..length].starts_with(b"show");
            stream.write_all(if reads { answer.as_bytes() } else { b"\n" }).await.unwrap();
        }
    });
    let place = format!("tcp://127.0.0.1:{port}");
    let problem = edge([runtime(&place)]).drain(&[member("chat/OLD")]).await.unwrap_err();
    assert_eq!(
        problem.to_string(),
        format!(
            "The load balancer edge at {place} was told that old (chat/OLD in edge) be draining, \
             but it is ready. Is somebody else at work there?"
        )
    );
}

#[tokio::test]
async fn a_load_balancer_that_the_fleet_lacks_is_said() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let none = Balancers::new(BTreeMap::new()).unwrap();
    assert_eq!(words_of(&none, "shop/OLD").await, "The fleet has no load balancer edge.");
    let problem = none.swap(&[member("shop/NEW")], &[member("shop/OLD")]).await.unwrap_err();
    assert_eq!(problem.to_string(), "The fleet has no load balancer edge.");
}
