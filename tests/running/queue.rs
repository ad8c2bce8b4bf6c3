//! The queue: order, places, cancellation, and gates that close while one waits.

use serde_json::{Value, json};

use crate::boot::Role;
use crate::db;
use crate::domain::deployment::DeploymentState::{Cancelled, Queued, Running, Succeeded};
use crate::domain::event::EventKind;
use crate::tests::harness::{Service, World, release};

/// `shop` in production and `till` share web-1; `shop` in staging has web-2.
fn shared_server(fleet: &mut Value) {
    let port = fleet["applications"][0].clone();
    fleet["clusters"] = json!([
        { "name": "web", "servers": [{ "server": "web-1" }] },
        { "name": "side", "servers": [{ "server": "web-2" }] },
    ]);
    fleet["roles"][1]["grants"] = json!([{ "permission": "request" }]);
    fleet["applications"][0]["environments"][0]["approval"]["required"] = json!(0);
    let mut staging = fleet["applications"][0]["environments"][0].clone();
    staging["name"] = json!("staging");
    staging["clusters"] = json!(["side"]);
    let mut till = port;
    till["name"] = json!("till");
    till["environments"][0]["approval"]["required"] = json!(0);
    let target = till["environments"][0]["target_path"].as_str().unwrap().replace("shop", "till");
    till["environments"][0]["target_path"] = json!(target);
    fleet["applications"][0]["environments"].as_array_mut().unwrap().push(staging);
    fleet["applications"].as_array_mut().unwrap().push(till);
}

async fn state(service: &Service, id: i64) -> crate::domain::deployment::DeploymentState {
    db::deployments::find(&service.app.db, id).await.unwrap().unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shares_a_server_waits_in_order_and_others_run_beside() {
    let world = World { edit_fleet: Box::new(shared_server), ..World::default() };
    let service = Service::start_in(world).await;
    let dana = service.as_user("dana").await;
    let gate = service.gate("gate");
    service.commit("v1.3", |repository| {
        let only = "[ \"$DEPLOY_APPLICATION $DEPLOY_ENVIRONMENT\" = 'shop production' ] || exit 0\n";
        repository.write("deploy.sh", format!("{only}echo waiting\n{}", gate.wait()));
    });

    let shop = service.launched(&dana, "v1.3").await;
    service.until_line(shop, "waiting").await;
    let till = service.launched_to(&dana, ["till", "production"], "v1.3").await;
    let staging = service.launched_to(&dana, ["shop", "staging"], "v1.3").await;
    assert_eq!(service.ended(staging).await.state, Succeeded, "another server is free");
    assert_eq!((state(&service, shop).await, state(&service, till).await), (Running, Queued));
    let again = dana.get("/requests/new?application=shop&environment=production&tag=v1.3").await.unwrap();
    assert_eq!(
        again.main_state().as_deref(),
        Some("refused"),
        "one at a time in an environment: {}",
        again.text()
    );

    gate.open().await;
    let (shop, till) = (service.ended(shop).await, service.ended(till).await);
    assert_eq!((shop.state, till.state), (Succeeded, Succeeded));
    assert!(till.started_at >= shop.ended_at, "{:?} before {:?}", till.started_at, shop.ended_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_in_the_queue_never_starts_and_its_request_is_accepted_again() {
    let world = World { edit_fleet: Box::new(shared_server), ..World::default() };
    let service = Service::start_in(world).await;
    let dana = service.as_user("dana").await;
    let gate = service.gate("gate");
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("echo waiting\n{}", gate.wait()));
    });
    let shop = service.launched(&dana, "v1.3").await;
    service.until_line(shop, "waiting").await;
    let till = service.launched_to(&dana, ["till", "production"], "v1.3").await;

    let page = dana.get(&format!("/deployments/{till}")).await.unwrap();
    let page = dana.submit(&page, "Cancel the deployment", &[]).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("cancelled"), "{}", page.text());
    gate.open().await;
    service.ended(shop).await;
    // The runner looks at the queue again with the next one, which it runs.
    let after = service.launched_to(&dana, ["shop", "staging"], "v1.0").await;
    service.ended(after).await;

    let ended = db::deployments::find(&service.app.db, till).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.started_at), (Cancelled, None));
    let journal = service.journal(till).await;
    let states = journal.iter().filter_map(|event| match &event.what {
        EventKind::State { state, .. } => Some(*state),
        _ => None,
    });
    assert_eq!(states.collect::<Vec<_>>(), [Queued, Cancelled]);
    assert_eq!(service.request_state(ended.request.unwrap()).await, "accepted");
    let mails = service.mails_about("[cancelled] till", 1).await;
    assert!(mails[0].text().contains("Cancelled by dana"), "{}", mails[0].text());
}

/// Queued while no runner works; `change` happens; then one looks at it.
async fn queued_while(change: impl AsyncFnOnce(&mut Service)) -> (Service, i64) {
    let mut service = Service::start_in(World::unreviewed(2)).await;
    let dana = service.as_user("dana").await;
    service.apply(|fleet| fleet["clusters"][0]["servers"] = json!([{ "server": "web-1" }])).await;
    service.restart_as(Role::Web).await;
    let id = service.launched(&dana, "v1.0").await;
    change(&mut service).await;
    service.restart().await;
    (service, id)
}

async fn is_stopped(service: &Service, id: i64, request: &str, why: &str) {
    let ended = service.ended(id).await;
    assert_eq!(ended.state, Cancelled);
    assert!(ended.why.as_deref().unwrap().contains(why), "{:?}", ended.why);
    assert_eq!(service.request_state(ended.request.unwrap()).await, request);
    assert_eq!(service.on_host(1, "version"), None, "nothing was touched");
    assert_eq!(db::deployments::list_server_locks(&service.app.db).await.unwrap(), []);
    let mail = service.mail_about("[cancelled] shop").await;
    assert!(mail.text().contains(why), "{}", mail.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moves_while_it_waits_voids_the_request() {
    let (service, id) = Box::pin(queued_while(async |service| {
        service.repository.write("src/backdoor.py", "import os\n");
        release(&service.repository, "v1.0", 20);
    }))
    .await;
    is_stopped(&service, id, "void", "tag").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_added_while_it_waits_voids_the_request() {
    let (service, id) = Box::pin(queued_while(async |service| {
        service
            .apply(|fleet| {
                fleet["clusters"][0]["servers"] = json!([{ "server": "web-1" }, { "server": "web-2" }]);
            })
            .await;
    }))
    .await;
    is_stopped(&service, id, "void", "host").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_who_loses_the_right_while_it_waits_starts_nothing() {
    let (service, id) = Box::pin(queued_while(async |service| {
        service.github.person("dana").without_team("developers");
    }))
    .await;
    is_stopped(&service, id, "accepted", "request releases").await;
}
