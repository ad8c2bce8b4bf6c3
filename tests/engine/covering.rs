//! What an approval covers on the way back, what it no longer covers, and that what is
//! done again is done once.

use serde_json::json;

use crate::app::check_start::{Checked, check_start};
use crate::app::queue::claim_next;
use crate::app::steer::{self, RolledBack};
use crate::app::{Refusal, run_deployment};
use crate::db;
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::{Event, EventKind, HostState};
use crate::domain::name::Name;
use crate::domain::scope::Scope;
use crate::tests::harness::{Service, World, number_in, production, server};

/// A release that was asked for, approved, started and, as the record says, brought.
async fn brought(service: &Service, tag: &str) -> Deployment {
    let approved = service.approved(tag).await;
    let id = number_in(&service.post(&approved.dana, &approved.launch, &[]).await);
    done(service, tag).await;
    db::deployments::find(&service.app.db, id).await.unwrap().unwrap()
}

async fn done(service: &Service, tag: &str) {
    let (claimed, checked) = service.pick_up().await;
    let Checked::Go(plan) = checked else { panic!("{checked:?}") };
    run_deployment::store_plan(&service.app, &claimed.lease, &plan).await.unwrap();
    service.record_live("web-1", tag).await;
    let end = DeploymentState::Succeeded;
    run_deployment::finish(&service.app, &claimed, claimed.seq, end, None).await.unwrap();
}

async fn back(service: &Service, to: i64) -> Result<RolledBack, Refusal> {
    let dana = service.actor("dana").await;
    steer::roll_back(&service.app, &dana, to, "It is broken.", false).await
}

/// Asked for instead, and withdrawn, so that it can be asked for again.
async fn is_asked_for(service: &Service, to: i64) {
    let RolledBack::Request(request) = back(service, to).await.unwrap() else { panic!("it was covered") };
    let dana = service.as_user("dana").await;
    service.post(&dana, &format!("/requests/{request}/cancel"), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_covers_no_way_back_once_what_it_rests_on_is_another() {
    let mut service = Service::start_in(World::quiet()).await;
    let first = brought(&service, "v1.0").await;
    let second = brought(&service, "v1.1").await;

    let path = production(&mut service.fleet)["target_path"].clone();
    service.apply(|fleet| production(fleet)["target_path"] = json!("/srv/elsewhere")).await;
    is_asked_for(&service, first.id).await;
    let dana = service.as_user("dana").await;
    let page = dana.get(&format!("/deployments/{}", second.id)).await.unwrap();
    assert!(page.text().contains("It needs approval: a request is made"), "{}", page.text());
    service.apply(|fleet| production(fleet)["target_path"] = path).await;

    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(2)).await;
    is_asked_for(&service, first.id).await;
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(1)).await;

    let teams = json!(["release-managers"]);
    service.apply(|fleet| fleet["roles"][2]["github_teams"] = json!([])).await;
    is_asked_for(&service, first.id).await;
    service.apply(|fleet| fleet["roles"][2]["github_teams"] = teams).await;

    let RolledBack::Deployment(id) = back(&service, first.id).await.unwrap() else { panic!("not covered") };
    service.post(&dana, &format!("/deployments/{id}/cancel"), &[("when", "now")]).await;
    let again = back(&service, first.id).await.unwrap();
    let RolledBack::Deployment(id) = again else { panic!("what never began came between nothing") };
    // What changes while it waits is found when it begins.
    service.apply(|fleet| fleet["roles"][2]["github_teams"] = json!([])).await;
    let (_, checked) = service.pick_up().await;
    assert!(
        matches!(&checked, Checked::Stopped { why } if why.contains("rosa, who accepted it")),
        "{checked:?}"
    );
    let again = steer::retry(&service.app, &service.actor("dana").await, id, false).await;
    let Err(Refusal::Stopped(gates)) = again else { panic!("{again:?}") };
    assert!(gates.iter().any(|gate| gate.title.contains("covers it no more")), "{gates:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_had_to_accept_covers_nothing_where_somebody_has_to_now() {
    let mut service = Service::start_in(World::quiet_with(|fleet| {
        production(fleet)["approval"]["required"] = json!(0);
    }))
    .await;
    let dana = service.as_user("dana").await;
    let mut first = None;
    for tag in ["v1.0", "v1.1"] {
        let id = service.launched(&dana, tag).await;
        done(&service, tag).await;
        first.get_or_insert(id);
    }
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(1)).await;
    is_asked_for(&service, first.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_go_back_or_retry_at_once_one_does() {
    let service = Service::start_in(World::quiet()).await;
    let first = brought(&service, "v1.0").await;
    brought(&service, "v1.1").await;
    let at_once = futures_util::future::join_all((0..6).map(|_| back(&service, first.id))).await;
    let queued: Vec<i64> = at_once
        .iter()
        .filter_map(|result| match result {
            Ok(RolledBack::Deployment(id)) => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(queued.len(), 1, "{at_once:?}");

    let (claimed, checked) = service.pick_up().await;
    assert!(matches!(checked, Checked::Go(_)), "{checked:?}");
    let failed = DeploymentState::Failed;
    run_deployment::finish(&service.app, &claimed, claimed.seq, failed, Some("no")).await.unwrap();
    let dana = service.actor("dana").await;
    let retries = (0..6).map(|_| steer::retry(&service.app, &dana, queued[0], false));
    let at_once = futures_util::future::join_all(retries).await;
    assert_eq!(at_once.iter().filter(|result| result.is_ok()).count(), 1, "{at_once:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_joins_after_the_claim_is_not_deployed_by_two() {
    let mut service = Service::start_in(World::quiet_with(|fleet| {
        production(fleet)["approval"]["required"] = json!(0);
        fleet["servers"].as_array_mut().unwrap().push(server("web-9", 9));
    }))
    .await;
    service.queue("v1.0", Scope::Environment).await.unwrap();
    let claimed = claim_next(&service.app, "a test").await.unwrap().unwrap();
    let tx = service.app.db.begin().await.unwrap();
    db::deployments::lock_servers(&tx, 62, &[Name::parse("web-9").unwrap()]).await.unwrap();
    tx.commit().await.unwrap();
    service
        .apply(|fleet| {
            fleet["clusters"][0]["servers"].as_array_mut().unwrap().push(json!({ "server": "web-9" }));
        })
        .await;
    let checked = check_start(&service.app, &claimed).await.unwrap();
    assert!(
        matches!(&checked, Checked::Stopped { why } if why.contains("deployment 62 has it")),
        "{checked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_made_anew_gets_nothing_of_the_one_before() {
    let mut service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let approved = service.approved("v1.0").await;
    let id = number_in(&service.post(&approved.dana, &approved.launch, &[]).await);
    let (claimed, checked) = service.pick_up().await;
    assert!(matches!(checked, Checked::Go(_)), "{checked:?}");
    // Its fleet file takes it away while it runs, and gives another of that name.
    let mut place = json!([]);
    service.apply(|fleet| std::mem::swap(&mut fleet["applications"][0]["environments"], &mut place)).await;
    service.apply(|fleet| fleet["applications"][0]["environments"] = place).await;

    let host = Name::parse("web-1").unwrap();
    let what = EventKind::Host { host, state: HostState::Done, commit: None };
    let event = Event { seq: claimed.seq + 1, at: service.clock.now(), what };
    run_deployment::append(&service.app, &claimed.deployment, &claimed.lease, &[event]).await.unwrap();
    let failed = DeploymentState::Failed;
    run_deployment::finish(&service.app, &claimed, claimed.seq + 1, failed, Some("no")).await.unwrap();
    let anew = ada.get("/applications/shop/environments/production").await.ok();
    assert!(!anew["live"].to_string().contains("v1.0"), "{anew}");
    let dana = service.actor("dana").await;
    let again = steer::retry(&service.app, &dana, id, false).await;
    assert!(
        matches!(&again, Err(Refusal::Conflict(words)) if words.contains("was removed since")),
        "{again:?}"
    );
    let page = approved.dana.get(&format!("/deployments/{id}")).await.unwrap();
    assert!(!page.has_form("Retry") && !page.has_form("Start it once more"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_was_given_back_does_not_outlive_its_place() {
    let mut service = Service::start_in(World::quiet()).await;
    let approved = service.approved("v1.0").await;
    number_in(&service.post(&approved.dana, &approved.launch, &[]).await);
    let mut place = json!([]);
    service.apply(|fleet| std::mem::swap(&mut fleet["applications"][0]["environments"], &mut place)).await;
    let (_, checked) = service.pick_up().await;
    assert!(matches!(&checked, Checked::Stopped { why } if why.contains("no longer exists")), "{checked:?}");
    assert_eq!(service.request_state(approved.request).await, "void");
    service.apply(|fleet| fleet["applications"][0]["environments"] = place).await;
    service.keep_house().await;
    assert_eq!(service.request_state(approved.request).await, "void");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_right_goes_back_under_nobodys_approval() {
    let mut service = Service::start_in(World::quiet_with(crate::tests::api::town::deployers)).await;
    service.github.person("drew").named("Drew Deployer");
    let first = brought(&service, "v1.0").await;
    brought(&service, "v1.1").await;
    let drew = service.actor("drew").await;
    let gone_back = steer::roll_back(&service.app, &drew, first.id, "x", false).await.unwrap();
    let RolledBack::Deployment(id) = gone_back else { panic!("drew may deploy here") };
    service.apply(|fleet| fleet["roles"][3]["grants"][0]["permission"] = json!("request")).await;
    let (_, checked) = service.pick_up().await;
    assert!(
        matches!(&checked, Checked::Stopped { why } if why.contains("drew may not deploy")),
        "{checked:?}"
    );
    let drew = service.actor("drew").await;
    let again = steer::retry(&service.app, &drew, id, false).await;
    assert!(matches!(&again, Err(Refusal::Stopped(_))), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_whose_lease_is_gone_keeps_no_server() {
    let mut service = Service::start_in(World::quiet_with(|fleet| {
        production(fleet)["approval"]["required"] = json!(0);
        fleet["servers"].as_array_mut().unwrap().push(server("web-9", 9));
    }))
    .await;
    let dana = service.as_user("dana").await;
    let id = service.launched(&dana, "v1.0").await;
    let claimed = claim_next(&service.app, "a test").await.unwrap().unwrap();
    service.advance(jiff::SignedDuration::from_mins(2));
    service.keep_house().await;
    let lost = db::deployments::find(&service.app.db, id).await.unwrap().unwrap();
    assert_eq!(lost.state, DeploymentState::Interrupted);
    service
        .apply(|fleet| {
            fleet["clusters"][0]["servers"].as_array_mut().unwrap().push(json!({ "server": "web-9" }));
        })
        .await;
    let checked = check_start(&service.app, &claimed).await;
    assert!(!matches!(checked, Ok(Checked::Go(_))), "{checked:?}");
    assert!(db::deployments::list_server_locks(&service.app.db).await.unwrap().is_empty());

    // One that was left behind all the same is found.
    let tx = service.app.db.begin().await.unwrap();
    db::deployments::lock_servers(&tx, id, &[Name::parse("web-9").unwrap()]).await.unwrap();
    tx.commit().await.unwrap();
    service.keep_house().await;
    assert!(db::deployments::list_server_locks(&service.app.db).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_of_commands_that_share_a_name_share_no_server() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        let command = |place: &mut serde_json::Value| {
            place["method"] = json!("command");
            place["command"] = json!("ship");
            place["clusters"] = json!([]);
            place["approval"]["required"] = json!(0);
        };
        command(production(fleet));
        let mut blog = fleet["applications"][0].clone();
        blog["name"] = json!("blog");
        fleet["applications"].as_array_mut().unwrap().push(blog);
    }))
    .await;
    for application in ["shop", "blog"] {
        service.queue_at([application, "production"], "v1.0", Scope::Environment).await.unwrap();
        let (_, checked) = service.pick_up().await;
        assert!(matches!(checked, Checked::Go(_)), "{application}: {checked:?}");
    }
}
