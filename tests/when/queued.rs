//! Freezes and the runner: what waits is looked at again when its turn comes, and what
//! runs is left alone.

use serde_json::json;

use crate::boot::Role;
use crate::db;
use crate::domain::deployment::DeploymentState::{Cancelled, Succeeded};
use crate::domain::event::EventKind;
use crate::domain::freeze::Level;
use crate::domain::scope::Scope;
use crate::tests::api::town::{DEPLOYMENTS, deploys, directly, gates};
use crate::tests::harness::{Service, World, number_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_while_it_waits_cancels_it_and_gives_the_approval_back() {
    let mut service = Service::start_in(World { hosts: 1, ..World::without_runner() }).await;
    let approved = service.approved("v1.0").await;
    let launched = service.post(&approved.dana, &new_path(&approved.launch), &[]).await;
    let id = number_in(&launched);
    let freeze = service.freeze("shop", "production", Level::Lock, "The disks are full.").await;

    service.restart_as(Role::All).await;
    let ended = service.ended(id).await;
    assert_eq!(ended.state, Cancelled);
    let why = ended.why.unwrap();
    assert!(why.contains("shop production is frozen") && why.contains("The disks are full"), "{why}");
    assert_eq!(service.request_state(approved.request).await, "accepted");
    let journal = db::journal::read(&service.app.db, id, 0, 100).await.unwrap();
    assert!(!journal.iter().any(|event| matches!(event.what, EventKind::StepStarted { .. })), "{journal:#?}");
    assert_eq!(service.on_host(1, "version"), None, "no host was touched");
    let page = approved.dana.get(&format!("/deployments/{id}")).await.unwrap();
    super::says(&page, &["Cancelled", "The disks are full"]);

    service.unfreeze(freeze).await;
    let page = approved.dana.get(&format!("/requests/{}", approved.request)).await.unwrap();
    super::says(&page, &["may have a new link made and start it", "Cancelled before it began"]);
    assert!(!page.text().contains("left to start"), "{}", page.text());
    let page = service.post(&approved.dana, &format!("/requests/{}/new-link", approved.request), &[]).await;
    assert_eq!(page.status, 303, "{}", page.text());
    let again = service.post(&approved.dana, &format!("/requests/{}/start", approved.request), &[]).await;
    let again = service.ended(number_in(&again)).await;
    assert_eq!(again.state, Succeeded, "{:?}", again.why);
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_never_stops_what_runs_and_stops_what_was_queued_directly_behind_it() {
    let service = Service::start_in(World::unreviewed(1)).await;
    let gate = service.gate("gate");
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("echo waiting\n{}", gate.wait()));
    });
    let running = service.queue("v1.3", Scope::Environment).await.unwrap();
    service.until(running, |deployment| deployment.plan.is_some()).await;
    let waiting = service.queue("v1.0", Scope::Environment).await.unwrap();
    service.freeze("", "", Level::Lock, "An incident.").await;
    gate.open().await;
    let ended = service.ended(running).await;
    assert_eq!(ended.state, Succeeded, "{:?}", ended.why);
    let ended = service.ended(waiting).await;
    assert_eq!(ended.state, Cancelled);
    assert!(ended.why.as_deref().unwrap().contains("Everything is frozen"), "{:?}", ended.why);
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_freeze_binds_from_its_beginning_to_its_end_by_the_services_clock() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        crate::tests::harness::production(fleet)["approval"]["required"] = json!(0);
    }))
    .await;
    let ada = service.calling_as("ada").await;
    let now = service.clock.now();
    let hour = |number: i64| (now + jiff::SignedDuration::from_hours(number)).to_string();
    let wanted = json!({ "reason": "Tonight.", "level": "lock", "from": hour(1), "until": hour(2) });
    let freeze = ada.post("/freezes", &wanted).await;
    assert_eq!((freeze.status, &freeze.body["state"]), (201, &json!("planned")), "{}", freeze.page.html);
    let id = freeze.body["id"].as_i64().unwrap();
    let deploy = async || {
        let path = "/applications/shop/environments/production/deployments";
        ada.post(path, &json!({ "release": "v1.0" })).await
    };
    assert_eq!(deploy().await.status, 202);
    service.advance(jiff::SignedDuration::from_mins(61));
    let reply = deploy().await;
    assert_eq!(reply.problem(409), "stopped");
    assert_eq!(reply.body["gates"][0]["code"], "freeze");
    service.advance(jiff::SignedDuration::from_hours(1));
    assert_eq!(deploy().await.status, 202);
    assert_eq!(ada.get(&format!("/freezes/{id}")).await.ok()["state"], "ended");
}

/// What began within the window may go on after its end; nothing further begins.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_window_stops_nothing_that_runs() {
    let hours = |day: &str| json!([{ "days": [day], "from": "00:00", "to": "24:00" }]);
    let day = |after: i64| {
        let at = crate::clock::Clock::system().now() + jiff::SignedDuration::from_hours(after);
        at.strftime("%a").to_string().to_lowercase()
    };
    let always = json!([{
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00",
    }]);
    let mut service = directly(1, move |fleet| {
        fleet["calendars"] = json!([{ "name": "office", "timezone": "UTC", "weekly": always }]);
        crate::tests::harness::production(fleet)["calendar"] = json!("office");
    })
    .await;
    let gate = service.gate("gate");
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("echo waiting\n{}", gate.wait()));
    });
    let wendy = service.calling_as("wendy").await;
    let id = deploys(&wendy, "v1.3").await;
    service.until_line(id, "waiting").await;
    service.apply(|fleet| fleet["calendars"][0]["weekly"] = hours(&day(72))).await;
    let refused = wendy.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await;
    assert!(gates(&refused, 409).contains(&"window"), "{}", refused.page.html);
    gate.open().await;
    let ended = service.ended(id).await;
    assert_eq!(ended.state, Succeeded, "{:?}", ended.why);
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.3\n");
}

fn new_path(link: &str) -> String {
    crate::tests::harness::furnished::path_of(link)
}
