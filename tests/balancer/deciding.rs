//! What is decided by the states of servers, without a load balancer.

use std::collections::BTreeSet;

use super::world::member;
use crate::domain::balancer::{
    Admin, Goal, Health, MemberState, Obstacle, Order, ServerState, agree, are_serving, find, may_take_out,
    missing, not_followed, read_runtime, read_stats_page,
};

fn is(server: &str, admin: Admin, up: Health) -> MemberState {
    let member = member(server);
    let (backend, server) = (member.backend.to_string(), member.backend_server.to_string());
    MemberState { member, state: ServerState { backend, server, admin, up, sessions: 0 } }
}

fn words(obstacles: &[Obstacle]) -> Vec<String> {
    obstacles.iter().map(ToString::to_string).collect()
}

#[test]
fn only_a_server_that_somebody_else_took_out_stops_a_run() {
    let states = [
        is("shop/A", Admin::Ready, Health::Up),
        is("shop/B", Admin::Ready, Health::Unchecked),
        is("shop/C", Admin::Maint, Health::Unknown),
        is("shop/D", Admin::Drain, Health::Up),
        is("shop/E", Admin::Ready, Health::Down),
        is("shop/F", Admin::Ready, Health::Unproven),
    ];
    let nobody = may_take_out(&states, &BTreeSet::new());
    assert!(!nobody.may());
    assert_eq!(
        words(&nobody.stops),
        [
            "c (shop/C in edge) was put in maintenance by somebody else. Put it back, or ask who did it.",
            "d (shop/D in edge) is being drained by somebody else. Put it back, or ask who did it."
        ]
    );
    assert_eq!(
        words(&nobody.warnings),
        ["e (shop/E in edge) is down already; it serves nobody, and is deployed all the same."]
    );

    let ours = may_take_out(&states, &BTreeSet::from([member("shop/C"), member("shop/D")]));
    assert!(ours.may(), "{:?}", ours.stops);
    assert_eq!(ours.warnings, nobody.warnings);
}

#[test]
fn finished_servers_must_carry_the_traffic_before_more_are_taken_out() {
    let finished = [
        is("shop/A", Admin::Ready, Health::Up),
        is("shop/B", Admin::Ready, Health::Down),
        is("shop/C", Admin::Drain, Health::Up),
    ];
    assert_eq!(
        words(&are_serving(&finished)),
        [
            "b (shop/B in edge) is done, but does not serve (ready, down, 0 sessions). Nothing more is taken out.",
            "c (shop/C in edge) is done, but does not serve (draining, up, 0 sessions). Nothing more is taken out."
        ]
    );
    assert_eq!(are_serving(&finished[..1]), []);
}

/// A stats page with `shop/OLD`.
fn page(status: &str, sessions: u32) -> crate::domain::balancer::Reading {
    let check = if status == "no check" { "" } else { "L4OK" };
    let row = format!("shop,OLD,{sessions},{status},2,{check},");
    read_stats_page(&format!("# pxname,svname,scur,status,type,check_status,\n{row}\n")).unwrap()
}

#[test]
fn health_may_differ_for_a_moment_but_orders_may_not() {
    let old = member("shop/OLD");
    let both = |a: &str, b: &str| {
        let seen = [page(a, 1), page(b, 2)].map(|page| find(&page, &[&old]).unwrap());
        agree(&[&old], &seen).map(|states| states[0].state.to_string())
    };
    assert_eq!(both("UP", "UP").unwrap(), "ready, up, 3 sessions");
    assert_eq!(both("UP", "UP 1/3").unwrap(), "ready, not yet checked, 3 sessions");
    assert_eq!(both("DOWN", "DOWN 1/2").unwrap(), "ready, down, 3 sessions");
    assert_eq!(both("MAINT", "MAINT").unwrap(), "in maintenance, 3 sessions");
    let says = |a, b| both(a, b).unwrap_err().says.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(says("UP", "DRAIN"), ["ready, up, 1 session", "draining, up, 2 sessions"]);
    assert_eq!(says("UP", "DOWN"), ["ready, up, 1 session", "ready, down, 2 sessions"]);
}

#[test]
fn a_page_that_hides_what_was_ordered_contradicts_nobody() {
    let old = member("shop/OLD");
    let runtime = "admin\n\n1\n# be_id be_name srv_id srv_name srv_admin_state\n3 shop 1 OLD 8\n\n\
                   # pxname,svname,scur,status,type,check_status,\nshop,OLD,0,DOWN,2,L4CON,\n\n";
    let runtime = find(&read_runtime(runtime).unwrap(), &[&old]).unwrap();
    let page = find(&page("DOWN", 0), &[&old]).unwrap();
    let states = agree(&[&old], &[page.clone(), runtime.clone()]).unwrap();
    assert_eq!(states[0].state.to_string(), "draining, down, 0 sessions");

    let drain = Order::all(std::slice::from_ref(&old), Admin::Drain);
    assert_eq!(not_followed(&drain, &page), None);
    let ready = Order::all(std::slice::from_ref(&old), Admin::Ready);
    assert_eq!(not_followed(&ready, &runtime), Some((ready[0], Admin::Drain)));
    assert_eq!(missing(Goal::Drained, &[&old], &[page, runtime]), Ok(vec![]));
}
