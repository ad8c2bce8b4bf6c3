//! Direct deployments: by whom, of what, and what stops them.

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::town::{DEPLOYMENTS, begun, deployers, deploys, direct, directly, gates, member};
use crate::app::check_start::Checked;
use crate::domain::deployment::DeploymentState::Succeeded;
use crate::tests::harness::api::keys;
use crate::tests::harness::{Service, World, production};

async fn quiet() -> Service {
    Service::start_in(World::quiet_with(direct)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_to_the_environment_or_a_part_of_it_in_any_direction_and_says_so() {
    let service = directly(2, |_| {}).await;
    let drew = service.calling_as("drew").await;
    let one = async |id: i64| drew.get(&format!("/deployments/{id}")).await.ok();

    let first = drew.post(DEPLOYMENTS, &json!({ "release": "v1.0", "target": null })).await;
    let first_id = begun(&first);
    assert_eq!((&first.body["state"], &first.body["started_by"]), (&json!("queued"), &json!("drew")));
    assert_eq!((&first.body["target"], &first.body["request"]), (&Value::Null, &Value::Null));
    assert_eq!(service.ended(first_id).await.state, Succeeded);
    let ended = one(first_id).await;
    assert_eq!((&ended["from"], &ended["direction"]), (&Value::Null, &Value::Null));
    assert_eq!(ended["hosts"].as_array().unwrap().len(), 2);

    let body = json!({ "release": "v1.1", "target": { "server": "web-2" }, "acknowledge_deletes": true });
    let part = begun(&drew.post(DEPLOYMENTS, &body).await);
    assert_eq!(service.ended(part).await.state, Succeeded);
    let ended = one(part).await;
    assert_eq!((&ended["target"], &ended["direction"]), (&json!({ "server": "web-2" }), &json!("forward")));
    assert_eq!(ended["from"], first.body["commit"]);
    assert_eq!(service.on_host(1, "version").as_deref(), Some(&b"v1.0\n"[..]), "only web-2 was touched");
    assert_eq!(service.on_host(2, "version").as_deref(), Some(&b"v1.1\n"[..]));

    let servers = drew.get("/applications/shop/environments/production/servers").await.ok();
    let runs = |place: usize| (&servers["items"][place]["server"], &servers["items"][place]["release"]);
    assert_eq!(runs(0), (&json!("web-1"), &json!("v1.0")));
    assert_eq!(runs(1), (&json!("web-2"), &json!("v1.1")));
    let releases = drew.get("/servers/web-2/releases").await.ok();
    let row = &releases["items"][0];
    assert_eq!(keys(row), ["application", "environment", "commit", "release", "state", "deployment", "at"]);
    assert_eq!(
        (&row["release"], &row["state"], &row["deployment"]),
        (&json!("v1.1"), &json!("settled"), &json!(part))
    );

    // What its server runs counts, and not what runs elsewhere.
    let body = json!({ "release": first.body["commit"], "target": { "server": "web-2" } });
    let back = begun(&drew.post(DEPLOYMENTS, &body).await);
    assert_eq!(service.ended(back).await.state, Succeeded);
    let ended = one(back).await;
    assert_eq!((&ended["direction"], &ended["release"]), (&json!("goes_back"), &first.body["commit"]));
    assert_ne!(ended["from"], first.body["commit"]);
    let again = deploys(&drew, "v1.0").await;
    assert_eq!(service.ended(again).await.state, Succeeded);
    assert_eq!(one(again).await["direction"], "redeploys");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_approval_is_needed_nobody_deploys_directly_administrators_neither() {
    let service = Service::start_in(World::quiet_with(deployers)).await;
    let wanted = json!({ "release": "v1.0" });
    let before = service.rows_but("people").await;
    for person in ["ada", "drew"] {
        let caller = service.calling_as(person).await;
        let before = service.rows().await;
        let reply = caller.post(DEPLOYMENTS, &wanted).await;
        assert_eq!(gates(&reply, 409), ["approval"], "{person}");
        let gate = &reply.body["gates"][0];
        assert_eq!((&gate["verdict"], &gate["title"]), (&json!("stop"), &json!("Needs approval")));
        assert!(gate["remedy"].as_str().unwrap().contains("request the release instead"), "{gate}");
        assert_eq!(service.rows().await, before);
    }
    assert_ne!(service.rows_but("people").await, before, "tokens were made");
    let dana = member(&service, "dana").await;
    let reply = dana.post(DEPLOYMENTS, &wanted).await;
    assert_eq!(reply.problem(403), "stopped");
    assert_eq!(gates(&reply, 403), ["permission", "approval"], "all of them at once");
    assert_eq!(service.rows_of("deployments").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_deploy_is_403_and_who_may_not_read_404() {
    let service = quiet().await;
    let wanted = json!({ "release": "v1.0" });
    for person in ["dana", "rosa"] {
        let reply = member(&service, person).await.post(DEPLOYMENTS, &wanted).await;
        assert_eq!(gates(&reply, 403), ["permission"], "{person}");
    }
    let mallory = service.calling_as("mallory").await;
    assert_eq!(mallory.post(DEPLOYMENTS, &wanted).await.problem(404), "not_found");
    let drew = service.calling_as("drew").await;
    for nowhere in ["/applications/shop/environments/nosuch", "/applications/vault/environments/production"] {
        let reply = drew.post(&format!("{nowhere}/deployments"), &wanted).await;
        assert_eq!(reply.problem(404), "not_found", "{nowhere}");
    }
    assert_eq!(service.rows_of("deployments").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_named_in_full_and_fits_the_environment() {
    let service = quiet().await;
    let drew = service.calling_as("drew").await;
    let commit = service.repository.git(["rev-parse", "v1.0^{commit}"]).trim().to_owned();
    service.repository.write("loose.txt", "no tag leads here");
    let loose = service.repository.commit("Loose", 1_790_000_000);
    service.repository.tag("nightly", &loose);
    let send = async |release: &str| drew.post(DEPLOYMENTS, &json!({ "release": release })).await;
    let missing = "0123456789".repeat(4);
    for release in [&commit[..7], &commit[..39], &commit.to_uppercase(), "v9.9", &missing, "-x", "v1.0^{}"] {
        assert_eq!(send(release).await.wrong_fields(), ["release"], "{release}");
    }
    for release in ["nightly", loose.as_str()] {
        assert_eq!(gates(&send(release).await, 422), ["release_allowed"], "{release}");
    }
    for (target, field) in [
        (json!({ "server": "web-9" }), "target"),
        (json!({ "cluster": "nosuch" }), "target"),
        (json!({ "servers": ["web-1"] }), "target"),
    ] {
        let reply = drew.post(DEPLOYMENTS, &json!({ "release": "v1.0", "target": target })).await;
        assert!(reply.wrong_fields().contains(&field), "{target}");
    }
    let more = drew.post(DEPLOYMENTS, &json!({ "release": "v1.0", "started_by": "ada" })).await;
    assert_eq!(more.wrong_fields(), ["started_by"]);
    assert_eq!(service.rows_of("deployments").await, 0);
    begun(&send(&commit).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_wait_in_line_and_each_key_makes_one() {
    let service = quiet().await;
    let drew = service.calling_as("drew").await;
    let body = json!({ "release": "v1.0" }).to_string();
    let first = drew.post_once("once", DEPLOYMENTS, &body).await;
    let again = drew.post_once("once", DEPLOYMENTS, &body).await;
    assert_eq!((begun(&first), &first.page.html), (begun(&again), &again.page.html));
    let second = deploys(&drew, "v1.1").await;
    assert_eq!(service.rows_of("deployments").await, 2);
    let waiting = drew.get("/deployments?state=queued").await.ok();
    assert_eq!(waiting["items"].as_array().unwrap().len(), 2);

    let cancel = format!("/deployments/{second}/cancel");
    let dana = member(&service, "dana").await;
    assert_eq!(dana.post(&cancel, &json!({})).await.problem(403), "forbidden");
    let ended = service.calling_as("wendy").await.post(&cancel, &json!({})).await.ok();
    assert_eq!((&ended["state"], &ended["cancel"]), (&json!("cancelled"), &Value::Null));
    let (claimed, checked) = service.pick_up().await;
    assert!(matches!(checked, Checked::Go(_)), "{checked:?}");
    assert_eq!(claimed.deployment.id, begun(&first));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_right_in_the_queue_starts_nothing() {
    let mut service = quiet().await;
    let drew = service.calling_as("drew").await;
    let id = deploys(&drew, "v1.0").await;
    service.apply(|fleet| fleet["roles"][3]["users"] = json!([])).await;
    let (_, checked) = service.pick_up().await;
    assert!(
        matches!(&checked, Checked::Stopped { why } if why.contains("drew may not deploy")),
        "{checked:?}"
    );
    assert_eq!(drew.get(&format!("/deployments/{id}")).await.problem(404), "not_found");
    let ended = service.calling_as("ada").await.get(&format!("/deployments/{id}")).await.ok();
    assert_eq!(ended["state"], "cancelled");
    assert!(ended["why"].as_str().unwrap().contains("drew may not deploy"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_that_is_asked_for_meanwhile_binds_what_waits() {
    let mut service = quiet().await;
    let id = deploys(&service.calling_as("ada").await, "v1.0").await;
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(1)).await;
    let (claimed, checked) = service.pick_up().await;
    assert_eq!(claimed.deployment.id, id);
    assert!(matches!(&checked, Checked::Stopped { why } if why.contains("Needs approval")), "{checked:?}");
}

/// Closed today and tomorrow.
fn closed(fleet: &mut Value) {
    direct(fleet);
    let today = Timestamp::now().in_tz("UTC").unwrap().date();
    let days: Vec<String> =
        (0..2).map(|day: i64| today.checked_add(day.days()).unwrap().to_string()).collect();
    let every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    fleet["calendars"] = json!([{
        "name": "office", "timezone": "UTC", "closed": days,
        "weekly": [{ "days": every_day, "from": "00:00", "to": "24:00" }],
    }]);
    production(fleet)["calendar"] = json!("office");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_binds_who_may_deploy_within_it_and_not_who_may_always() {
    let service = Service::start_in(World::quiet_with(closed)).await;
    let (drew, wendy) = (service.calling_as("drew").await, service.calling_as("wendy").await);
    let reply = wendy.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await;
    assert_eq!(gates(&reply, 409), ["window"]);
    deploys(&drew, "v1.0").await;
    let (_, checked) = service.pick_up().await;
    assert!(matches!(checked, Checked::Go(_)), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_it_would_touch_stands_in_its_way() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        direct(fleet);
        let mut unpinned = fleet["servers"][0].clone();
        unpinned["name"] = json!("web-2");
        unpinned.as_object_mut().unwrap().remove("host_key");
        let mut resting = fleet["servers"][0].clone();
        (resting["name"], resting["active"]) = (json!("web-3"), json!(false));
        fleet["servers"].as_array_mut().unwrap().extend([unpinned, resting]);
        let members = json!([{ "server": "web-2" }, { "server": "web-3" }]);
        fleet["clusters"].as_array_mut().unwrap().push(json!({ "name": "side", "servers": members }));
        production(fleet)["clusters"] = json!(["web", "side"]);
    }))
    .await;
    let drew = service.calling_as("drew").await;
    let send =
        async |target: Value| drew.post(DEPLOYMENTS, &json!({ "release": "v1.0", "target": target })).await;
    assert_eq!(gates(&send(Value::Null).await, 409), ["host_keys"]);
    assert_eq!(gates(&send(json!({ "cluster": "side" })).await, 409), ["host_keys"]);
    assert_eq!(gates(&send(json!({ "server": "web-3" })).await, 409), ["hosts"]);
    begun(&send(json!({ "cluster": "web" })).await);
}
