//! Servers leave service and come back, at a real HAProxy.

use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::world::{By, LONG, SHORT, Site, Traffic, Visit, World, edge, member, runtime, stats};
use crate::balancer::{BalancerError, Balancers, Waited};
use crate::domain::balancer::{Admin, Health, Member, MemberState};
use crate::tests::support::haproxy::PASSWORD;

async fn state(balancers: &Balancers, server: &str) -> (Admin, Health, u64) {
    let states = balancers.states(&[member(server)]).await.unwrap();
    let [MemberState { state, .. }] = &states[..] else { panic!("{states:?}") };
    (state.admin, state.up, state.sessions)
}

fn left(waited: Waited) -> Vec<String> {
    match waited {
        Waited::AtLimit(left) => {
            left.iter().map(|seen| format!("{}: {}", seen.member.server, seen.state)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[tokio::test]
async fn a_drained_server_keeps_its_session_and_gets_no_other(
    #[values(By::Tcp, By::Unix, By::Stats)] by: By,
) {
    let world = World::start().await;
    let balancers = world.by(by);
    let (old, never) = ([member("chat/OLD")], CancellationToken::new());
    balancers.drain(&[member("chat/NEW")]).await.unwrap();
    let mut session = Visit::to(world.haproxy.bare_tcp()).await.unwrap();
    assert_eq!(session.says().await, "OLD");

    balancers.swap(&[member("chat/NEW")], &old).await.unwrap();

    assert_eq!(state(&balancers, "chat/OLD").await, (Admin::Drain, Health::Unchecked, 1));
    assert_eq!(session.says().await, "OLD", "the session goes on");
    assert_eq!(Visit::to(world.haproxy.bare_tcp()).await.unwrap().says().await, "NEW");
    let waited = balancers.wait_drained(&old, SHORT, &never).await.unwrap();
    assert_eq!(left(waited), ["old: draining, without checks, 1 session"]);

    drop(session);
    assert_eq!(balancers.wait_drained(&old, LONG, &never).await, Ok(Waited::Reached));
    balancers.maintain(&old).await.unwrap();
    assert_eq!(state(&balancers, "chat/OLD").await, (Admin::Maint, Health::Unknown, 0));

    balancers.enable(&old).await.unwrap();
    assert_eq!(balancers.wait_up(&old, LONG, &never).await, Ok(Waited::Reached));
    assert_eq!(state(&balancers, "chat/OLD").await, (Admin::Ready, Health::Unchecked, 0));
}

#[rstest]
#[tokio::test]
async fn no_request_fails_while_one_server_takes_over_from_another(
    #[values(By::Tcp, By::Unix, By::Stats)] by: By,
) {
    let world = World::start().await;
    let balancers = world.by(by);
    let (old, new, never) = ([member("shop/OLD")], [member("shop/NEW")], CancellationToken::new());
    balancers.maintain(&[new[0].clone(), member("shop/GONE")]).await.unwrap();
    let mut traffic = Traffic::start(world.haproxy.http());
    assert_eq!(traffic.answered_by().await, ["OLD"]);

    // Checked before anybody is sent there.
    balancers.drain(&new).await.unwrap();
    assert_eq!(balancers.wait_checked(&new, LONG, &never).await, Ok(Waited::Reached));
    assert_eq!(traffic.answered_by().await, ["OLD"]);

    balancers.swap(&new, &old).await.unwrap();
    assert_eq!(balancers.wait_up(&new, LONG, &never).await, Ok(Waited::Reached));
    assert_eq!(traffic.answered_by().await, ["NEW"]);
    assert_eq!(balancers.wait_drained(&old, LONG, &never).await, Ok(Waited::Reached));
    balancers.maintain(&old).await.unwrap();
    assert_eq!(traffic.answered_by().await, ["NEW"]);

    balancers.enable(&old).await.unwrap();
    assert_eq!(balancers.wait_up(&old, LONG, &never).await, Ok(Waited::Reached));
    assert_eq!(traffic.answered_by().await, ["NEW", "OLD"]);
    assert_eq!(traffic.end().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_running_request_is_a_session_and_ends_by_itself() {
    let world = World::start().await;
    let balancers = world.by(By::Tcp);
    let (old, never) = ([member("shop/OLD")], CancellationToken::new());
    balancers.maintain(&[member("shop/NEW"), member("shop/GONE")]).await.unwrap();
    let mut download = Visit::to(world.haproxy.http()).await.unwrap();
    download.ask("/hold").await.unwrap();

    balancers.drain(&old).await.unwrap();
    let waited = balancers.wait_drained(&old, SHORT, &never).await.unwrap();
    assert_eq!(left(waited), ["old: draining, up, 1 session"]);

    balancers.maintain(&old).await.unwrap();
    world.old.release.send_replace(true);
    assert_eq!(download.line().await.unwrap(), "OLD", "maintenance does not cut it off");
    assert_eq!(balancers.wait_drained(&old, LONG, &never).await, Ok(Waited::Reached));
}

#[tokio::test]
async fn a_server_is_up_when_its_checks_say_so_and_not_before() {
    let world = World::start().await;
    let balancers = world.by(By::Stats);
    let (gone, never) = ([member("shop/GONE")], CancellationToken::new());
    balancers.maintain(&gone).await.unwrap();
    balancers.drain(&gone).await.unwrap();
    let waited = balancers.wait_checked(&gone, SHORT, &never).await.unwrap();
    assert!(matches!(waited, Waited::AtLimit(_)), "{waited:?}");

    balancers.enable(&gone).await.unwrap();
    let seen = left(balancers.wait_up(&gone, SHORT, &never).await.unwrap());
    // The first is what HAProxy says before its first check.
    let honest = ["gone: ready, not yet checked, 0 sessions", "gone: ready, down, 0 sessions"];
    assert!(seen.len() == 1 && honest.contains(&seen[0].as_str()), "{seen:?}");

    let _back = Site::at("GONE", port_of_gone(&world)).await;
    assert_eq!(balancers.wait_up(&gone, LONG, &never).await, Ok(Waited::Reached));
}

fn port_of_gone(world: &World) -> u16 {
    let config = std::fs::read_to_string(world.folder.path().join("one/haproxy.cfg")).unwrap();
    let (_, rest) = config.split_once("server GONE 127.0.0.1:").unwrap();
    rest.lines().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_order_reaches_every_endpoint_of_every_process() {
    let world = World::start().await;
    let second = world.second();
    let page = stats(&second.stats(), PASSWORD);
    let both = edge([runtime(&world.haproxy.tcp()), page.clone()]);
    let (first, second_alone) = (world.by(By::Unix), edge([page]));
    let old = [member("shop/OLD")];
    let never = CancellationToken::new();
    assert_eq!(both.wait_up(&old, LONG, &never).await, Ok(Waited::Reached));

    both.drain(&old).await.unwrap();

    assert_eq!(state(&first, "shop/OLD").await.0, Admin::Drain);
    assert_eq!(state(&second_alone, "shop/OLD").await.0, Admin::Drain);
    let mut visitors = Vec::new();
    both.enable(&[member("chat/OLD")]).await.unwrap();
    both.drain(&[member("chat/NEW")]).await.unwrap();
    for process in [&world.haproxy, &second] {
        let mut visit = Visit::to(process.bare_tcp()).await.unwrap();
        assert_eq!(visit.says().await, "OLD");
        visitors.push(visit);
    }
    assert_eq!(state(&both, "chat/OLD").await.2, 2, "sessions of both");
}

#[tokio::test]
async fn endpoints_that_disagree_are_quoted() {
    let world = World::start().await;
    let second = world.second();
    let both = edge([runtime(&world.haproxy.tcp()), runtime(&second.unix())]);
    world.by(By::Tcp).maintain(&[member("chat/OLD")]).await.unwrap();

    let problem = both.states(&[member("chat/NEW"), member("chat/OLD")]).await.unwrap_err();

    let words = problem.to_string().replace(&world.haproxy.tcp(), "ONE").replace(&second.unix(), "TWO");
    assert_eq!(
        words,
        "The endpoints of a load balancer disagree about old (chat/OLD in edge): \
         ONE says \"in maintenance, 0 sessions\", TWO says \"ready, without checks, 0 sessions\"."
    );
}

#[tokio::test]
async fn a_server_that_somebody_puts_back_ends_the_wait() {
    let world = World::start().await;
    let balancers = world.by(By::Tcp);
    let (old, never) = ([member("chat/OLD")], CancellationToken::new());
    balancers.drain(&[member("chat/NEW")]).await.unwrap();
    let mut session = Visit::to(world.haproxy.bare_tcp()).await.unwrap();
    assert_eq!(session.says().await, "OLD");
    balancers.drain(&old).await.unwrap();

    let waiting = balancers.wait_drained(&old, LONG, &never);
    let somebody = world.by(By::Stats);
    let (waited, ()) = tokio::join!(waiting, async { somebody.enable(&old).await.unwrap() });

    assert_eq!(waited, Err(BalancerError::PutBack(old[0].clone())));
    assert_eq!(
        waited.unwrap_err().to_string(),
        "old (chat/OLD in edge) was put back into service by somebody else while its sessions were ending."
    );
}

#[tokio::test]
async fn a_wait_can_be_cancelled_from_another_task() {
    let world = World::start().await;
    let balancers = world.by(By::Unix);
    let cancel = CancellationToken::new();
    let gone: Vec<Member> = vec![member("shop/GONE")];
    let waiting = tokio::spawn({
        let cancel = cancel.clone();
        async move {
            balancers.swap(&gone, &[member("chat/OLD")]).await.unwrap();
            balancers.states(&gone).await.unwrap();
            balancers.wait_up(&gone, LONG * 100, &cancel).await
        }
    });
    cancel.cancel();
    assert_eq!(waiting.await.unwrap(), Ok(Waited::Cancelled));
}
