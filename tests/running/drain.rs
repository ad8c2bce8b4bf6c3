//! SIGTERM to the program itself: no new runs, running ones end, pages stay.

use serde_json::json;

use crate::db;
use crate::domain::deployment::DeploymentState;
use crate::domain::live::LiveState;
use crate::tests::harness::{Feed, Service, World};

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_it_lets_a_run_finish_starts_no_other_and_serves_pages_meanwhile() {
    let mut service = Service::start_in(World::two_places()).await;
    let dana = service.as_user("dana").await;
    let gate = service.gate("gate");
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("echo waiting\n{}echo after\n", gate.wait()));
    });
    let mut program = service.run_program().await;
    let running = service.launched(&dana, "v1.3").await;
    let mut feed = Feed::open(&dana, &service.base_url, running, None).await;
    feed.until_line("waiting").await;

    program.terminate();
    program.until_logged("told to stop").await;
    let page = dana.get(&format!("/deployments/{running}")).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (200, Some("running")));
    let waits = service.launched_to(&dana, ["shop", "staging"], "v1.3").await;
    let other = Feed::open(&dana, &service.base_url, waits, None).await;
    gate.open().await;

    let messages = feed.until(|message| message.kind == "end").await;
    assert_eq!(messages.last().unwrap().data, "succeeded");
    assert_eq!(feed.next().await, None, "the connection is closed after the end");
    let messages = other.rest().await;
    assert_eq!(messages.last().unwrap().kind, "restart", "{messages:?}");
    assert!(program.ended().await.success());
    let state = async |id| db::deployments::find(&service.app.db, id).await.unwrap().unwrap().state;
    assert_eq!(state(running).await, DeploymentState::Succeeded);
    assert_eq!(state(waits).await, DeploymentState::Queued);
    let told: Vec<String> =
        service.mail.mails().iter().map(crate::tests::support::smtp::Mail::subject).collect();
    assert!(
        told.iter().any(|subject| subject.starts_with("[succeeded] shop")),
        "its mail left before the end: {told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlives_the_grace_is_interrupted_and_its_script_is_dead() {
    let mut world = World::unreviewed(1);
    world.edit_config = Box::new(|config| config["runner"] = json!({ "shutdown_grace_s": 1 }));
    let mut service = Service::start_in(world).await;
    let dana = service.as_user("dana").await;
    let (never, alive) = (service.gate("never"), service.gate("alive"));
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("echo waiting\n{}{}", alive.hold(), never.wait()));
    });
    let program = service.run_program().await;
    let id = service.launched(&dana, "v1.3").await;
    let mut feed = Feed::open(&dana, &service.base_url, id, None).await;
    feed.until_line("waiting").await;

    program.terminate();
    alive.until_nobody_holds_it().await;
    let messages = feed.until(|message| message.kind == "end").await;
    assert_eq!(messages.last().unwrap().data, "interrupted");
    assert!(program.ended().await.success());

    let ended = db::deployments::find(&service.app.db, id).await.unwrap().unwrap();
    assert_eq!(ended.state, DeploymentState::Interrupted);
    assert_eq!(service.live("web-1").await.state, LiveState::Unknown);
    assert_eq!(db::deployments::list_server_locks(&service.app.db).await.unwrap(), []);
    assert_eq!(service.request_state(ended.request.unwrap()).await, "launched");
    service.mails_about("[interrupted] shop", 1).await;
}
