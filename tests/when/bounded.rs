//! What bounded the one who started a run bounds it when its turn comes, too.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::app::Refusal;
use crate::app::check_start::Checked;
use crate::app::situation::Situation;
use crate::domain::deployment::DeploymentState;
use crate::domain::name::Name;
use crate::tests::api::town::{DEPLOYMENTS, begun, direct};
use crate::tests::harness::{Service, World, production};

/// Open for the next hours, and shut after them.
fn closes_soon(fleet: &mut Value) {
    let now = crate::clock::Clock::system().now();
    let day =
        |hours: i64| (now + SignedDuration::from_hours(hours)).strftime("%a").to_string().to_lowercase();
    let days = if day(0) == day(12) { vec![day(0)] } else { vec![day(0), day(12)] };
    let weekly = json!([{ "days": days, "from": "00:00", "to": "24:00" }]);
    fleet["calendars"] = json!([{ "name": "soon", "timezone": "UTC", "weekly": weekly }]);
    production(fleet)["calendar"] = json!("soon");
}

async fn why_not(service: &Service) -> String {
    match service.pick_up().await.1 {
        Checked::Stopped { why } => why,
        Checked::Go(_) => panic!("it began"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_deploys_within_the_window_starts_nothing_after_it() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        direct(fleet);
        closes_soon(fleet);
    }))
    .await;
    let drew = service.calling_as("drew").await;
    let scope = json!({ "grants": [{ "permission": "deploy_in_window" }] });
    let token = drew.post("/tokens", &json!({ "name": "by day", "scope": scope })).await;
    let bounded = service.calling_with(token.body["token"].as_str().unwrap());
    begun(&bounded.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await);
    service.advance(SignedDuration::from_hours(49));
    let why = why_not(&service).await;
    assert!(why.contains("window"), "{why}");

    // drew in person may, at any time.
    let drew = service.calling_as("drew").await;
    begun(&drew.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await);
    assert!(matches!(service.pick_up().await.1, Checked::Go(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_started_in_anothers_name_needs_the_right_to_do_so_when_its_turn_comes() {
    let mut service = Service::start_in(World::quiet_with(|fleet| {
        direct(fleet);
        let role = json!({ "name": "bots", "users": ["bot"], "global": ["impersonate"] });
        fleet["roles"].as_array_mut().unwrap().push(role);
    }))
    .await;
    service.calling_as("drew").await;
    let bot = service.calling_as("bot").await;
    let headers = [("content-type", "application/json"), ("x-impersonate-username", "drew")];
    let wish = json!({ "release": "v1.0" }).to_string();
    begun(&bot.send("POST", DEPLOYMENTS, &headers, &wish).await);
    assert!(matches!(service.pick_up().await.1, Checked::Go(_)));

    service.sql("UPDATE deployments SET state = 'cancelled', active_key = NULL").await;
    service.sql("DELETE FROM server_locks").await;
    begun(&bot.send("POST", DEPLOYMENTS, &headers, &wish).await);
    service
        .apply(|fleet| {
            for role in fleet["roles"].as_array_mut().unwrap() {
                if role["name"] == "bots" {
                    role["global"] = json!([]);
                }
            }
        })
        .await;
    let why = why_not(&service).await;
    assert!(why.contains("impersonate"), "{why}");
}

/// A fetch takes its time; what was changed while it did counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_judged_by_what_is_so_once_the_repository_was_read() {
    let mut service = Service::start_in(World::quiet_with(direct)).await;
    let drew = service.calling_as("drew").await;
    begun(&drew.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await);
    service.advance(SignedDuration::from_mins(5));
    let path = service.data_dir().join("mirrors/.shop.lock");
    let lock = std::fs::File::options().write(true).open(path).unwrap();
    lock.lock().unwrap();
    let app = service.app.clone();
    let begins = tokio::spawn(async move {
        let claimed = crate::app::queue::claim_next(&app, "a test").await.unwrap().expect("a deployment");
        crate::app::check_start::check_start(&app, &claimed).await.unwrap()
    });
    let name = Name::parse("shop").unwrap();
    service.until(1, |deployment| deployment.state == DeploymentState::Running).await;
    while service.app.mirrors.fetches_begun(&name) < 2 {
        tokio::task::yield_now().await;
    }
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(1)).await;
    lock.unlock().unwrap();
    let Checked::Stopped { why } = begins.await.unwrap() else { panic!("it began without an approval") };
    assert!(why.contains("approv"), "{why}");
}

/// rules.md 18: there is no approval to void, and several may queue.
#[tokio::test(flavor = "multi_thread")]
async fn what_goes_live_meanwhile_is_in_the_way_of_a_request_and_of_no_deployment() {
    let service = Service::start_in(World::quiet_with(direct)).await;
    let [application, environment] = ["shop", "production"].map(|text| Name::parse(text).unwrap());
    let now = service.clock.now();
    let situation = Situation::load(&service.app, &service.app.db, &application, &environment, now)
        .await
        .unwrap()
        .unwrap();
    service.record_live("web-1", "v1.1").await;
    let again = situation.again(&service.app.db, now).await;
    assert!(matches!(again, Err(Refusal::Conflict(_))));
    let renewed = situation.renewed(&service.app.db, now).await.unwrap();
    assert_eq!(renewed.recorded().len(), 1);
}
