//! Direct deployments, the queue that they share, thresholds and retries.

use serde_json::{Value, json};

use crate::app::cancel_deployment::cancel_deployment;
use crate::app::deploy::{Ask, deploy};
use crate::app::{Refusal, steer};
use crate::db;
use crate::domain::deployment::{CancelWhen, DeploymentState, Direction};
use crate::domain::event::EventKind;
use crate::domain::git_release::{FILE_NAME, GitRelease};
use crate::domain::name::{CommitId, Name};
use crate::domain::scope::Scope;
use crate::tests::harness::{Service, World, production, release};

async fn started(hosts: usize, edit: impl FnOnce(&mut Value) + Send + 'static) -> Service {
    let edit_fleet = Box::new(|fleet: &mut Value| {
        production(fleet)["approval"]["required"] = json!(0);
        edit(fleet);
    });
    Service::start_in(World { hosts, edit_fleet, ..World::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_deployments_go_back_redeploy_and_diverge_and_are_marked() {
    let service = started(1, |_| {}).await;
    let repository = &service.repository;
    let aside = repository.git(["rev-parse", "v1.0^{commit}"]);
    let tip = repository.git(["rev-parse", "HEAD"]);
    repository.reset(aside.trim());
    release(repository, "v1.0.1", 5);
    repository.branch("aside", repository.git(["rev-parse", "HEAD"]).trim());
    repository.reset(tip.trim());
    for (tag, direction) in [
        ("v1.1", None),
        ("v1.2", Some(Direction::Forward)),
        ("v1.2", Some(Direction::Redeploys)),
        ("v1.0", Some(Direction::GoesBack)),
        ("v1.1", Some(Direction::Forward)),
        ("v1.0.1", Some(Direction::Diverged)),
    ] {
        let before = service.app.db.clone();
        let live =
            db::live::list(&before, &Name::parse("shop").unwrap(), &Name::parse("production").unwrap())
                .await
                .unwrap();
        let ended = service.ran(tag).await;
        assert_eq!(
            (ended.state, ended.direction),
            (DeploymentState::Succeeded, direction),
            "{tag}: {:?}",
            ended.why
        );
        assert_eq!(
            ended.from.as_ref(),
            live.first().and_then(|row| row.commit.as_ref()),
            "{tag}: recorded at the start"
        );
        assert_eq!(service.on_host(1, "version").unwrap(), format!("{tag}\n").into_bytes());
    }
    let shortened = service.queue(&aside[..12], Scope::Environment).await;
    assert!(matches!(shortened, Err(Refusal::Invalid(_))), "{shortened:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_approval_is_required_a_direct_deployment_is_refused_with_the_way_out() {
    let service = started(1, |fleet| production(fleet)["approval"]["required"] = json!(1)).await;
    let refused = service.queue("v1.0", Scope::Environment).await;
    let Err(Refusal::Stopped(gates)) = refused else { panic!("{refused:?}") };
    let words =
        gates.iter().map(|gate| format!("{} {}", gate.title, gate.remedy)).collect::<Vec<_>>().join("\n");
    assert!(words.to_lowercase().contains("request"), "{words}");
    assert_eq!(service.rows_of("deployments").await, 0);
    let dana = service.actor("dana").await;
    let name = |text: &str| Name::parse(text).unwrap();
    let ask = Ask {
        application: name("shop"),
        environment: name("production"),
        release: "v1.0".to_owned(),
        scope: Scope::Environment,
        deletes_acknowledged: false,
    };
    assert!(deploy(&service.app, &dana, &ask).await.is_err());
    let mallory = service.actor("mallory").await;
    assert!(matches!(deploy(&service.app, &mallory, &ask).await, Err(Refusal::NotFound)));
}

/// `till` has the server of `shop` too.
fn two_applications(fleet: &mut Value) {
    let mut till = fleet["applications"][0].clone();
    till["name"] = json!("till");
    let target = till["environments"][0]["target_path"].as_str().unwrap().replace("shop", "till");
    till["environments"][0]["target_path"] = json!(target);
    fleet["applications"].as_array_mut().unwrap().push(till);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_wait_in_a_fair_order_one_at_a_time_on_a_server_and_any_may_be_cancelled() {
    let service = started(1, two_applications).await;
    let gate = service.gate("gate");
    service.commit("v1.3", |repository| {
        repository.write(
            "deploy.sh",
            format!("[ \"$DEPLOY_APPLICATION\" = till ] || {{ echo waiting; {}}}\n", gate.wait().trim_end())
                .replace("'}", "'; }"),
        );
    });
    let first = service.queue("v1.3", Scope::Environment).await.unwrap();
    service.until_line(first, "waiting").await;
    let till = service.queue_at(["till", "production"], "v1.3", Scope::Environment).await.unwrap();
    let second = service.queue("v1.0", Scope::Environment).await.unwrap();
    let third = service.queue("v1.1", Scope::Environment).await.unwrap();
    let state = async |id| db::deployments::find(&service.app.db, id).await.unwrap().unwrap().state;
    assert_eq!([state(till).await, state(second).await, state(third).await], [DeploymentState::Queued; 3]);
    let ada = service.actor("ada").await;
    let dana = service.actor("dana").await;
    assert!(matches!(
        cancel_deployment(&service.app, &dana, second, CancelWhen::Now).await,
        Err(Refusal::Forbidden(_))
    ));
    cancel_deployment(&service.app, &ada, second, CancelWhen::Now).await.unwrap();
    gate.open().await;

    let (first, till, third) =
        (service.ended(first).await, service.ended(till).await, service.ended(third).await);

    assert_eq!(
        [first.state, till.state, third.state],
        [DeploymentState::Succeeded; 3],
        "{first:?} {till:?} {third:?}"
    );
    assert!(
        till.started_at >= first.ended_at && third.started_at >= till.ended_at,
        "{first:?} {till:?} {third:?}"
    );
    let cancelled = db::deployments::find(&service.app.db, second).await.unwrap().unwrap();
    assert_eq!((cancelled.state, cancelled.started_at), (DeploymentState::Cancelled, None));
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_deletions_stop_before_anything_is_changed_until_they_are_acknowledged() {
    let service = started(1, |_| {}).await;
    service.commit("v1.3", |repository| {
        for number in 0..60 {
            repository.write(format!("data/{number}"), "x");
        }
    });
    service.succeeds("v1.3").await;
    service.commit("v1.4", |repository| {
        repository.remove("data");
    });
    let mark = service.on_host(1, FILE_NAME).unwrap();

    let stopped = service.ran("v1.4").await;

    assert_eq!(stopped.state, DeploymentState::Failed);
    let why = stopped.why.unwrap();
    let expected = "web-1: 60 of 66 files there would be deleted, more than 50 percent; start it again and acknowledge that";
    assert_eq!(why, expected);
    assert_eq!(service.on_host(1, FILE_NAME).unwrap(), mark);
    assert!(service.on_host(1, "data/59").is_some());
    assert!(service.live("web-1").await.release.as_deref() == Some("v1.3"));
    let compared = service.journal(stopped.id).await.into_iter().find_map(|event| match event.what {
        EventKind::Compared { host, added, deleted, files } => {
            Some((host.to_string(), added, deleted, files))
        }
        _ => None,
    });
    assert_eq!(compared, Some(("web-1".to_owned(), 1, 60, 66)), "its deploy.sh was removed after its run");

    let ada = service.actor("ada").await;
    let again = steer::retry(&service.app, &ada, stopped.id, false).await.unwrap();
    assert_eq!(service.ended(again).await.why.as_deref(), Some(expected), "not without a word");
    let again = steer::retry(&service.app, &ada, again, true).await.unwrap();
    assert_eq!(service.ended(again).await.state, DeploymentState::Succeeded);
    assert!(service.on_host(1, "data/59").is_none());
    let said = "60 of 66 files there would be deleted, as acknowledged";
    assert!(
        service
            .journal(again)
            .await
            .iter()
            .any(|event| event.what.remark().is_some_and(|text| text.contains(said)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_from_many_files_is_acknowledged_where_it_is_asked_for() {
    let service = started(1, |_| {}).await;
    let first = service.succeeds("v1.0").await;
    service.commit("v1.3", |repository| {
        for number in 0..60 {
            repository.write(format!("data/{number}"), "x");
        }
    });
    service.succeeds("v1.3").await;
    let ada = service.actor("ada").await;
    for (acknowledged, state) in [(false, DeploymentState::Failed), (true, DeploymentState::Succeeded)] {
        let back = steer::roll_back(&service.app, &ada, first, "", acknowledged).await.unwrap();
        let steer::RolledBack::Deployment(id) = back else { panic!("a request") };
        assert_eq!(service.ended(id).await.state, state, "{acknowledged}");
    }
    assert!(service.on_host(1, "data/59").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_refuses_a_host_that_runs_something_else() {
    let service = started(2, |_| {}).await;
    service.succeeds("v1.0").await;
    let broken = service.path().join("broken");
    service.commit("v1.3", |repository| {
        repository
            .write("deploy.sh", format!("[ \"$DEPLOY_HOST\" = web-1 ] || [ ! -e '{}' ]\n", broken.display()));
    });
    std::fs::write(&broken, "").unwrap();
    let failed = service.ran("v1.3").await;
    assert_eq!(failed.why.as_deref(), Some("web-2: deploy.sh ended with exit code 1"));
    let mark = service.hosts[1].files().join("shop").join(FILE_NAME);
    let theirs = std::fs::read_to_string(&mark).unwrap();
    let commit = GitRelease::parse(&theirs).unwrap().commit;
    let other = CommitId::parse(&"b".repeat(40)).unwrap();
    std::fs::write(&mark, theirs.replace(commit.as_str(), other.as_str())).unwrap();
    std::fs::remove_file(&broken).unwrap();

    let retry = service.retried(failed.id).await;

    let why =
        "web-2: it runs bbbbbbbbbbbb, which is neither the old nor the new release; nothing was changed";
    assert_eq!((retry.state, retry.why.as_deref()), (DeploymentState::Failed, Some(why)));
    std::fs::write(&mark, &theirs).unwrap();
    let retry = service.retried(retry.id).await;
    assert_eq!((retry.state, &retry.why), (DeploymentState::Succeeded, &None));
    let ada = service.actor("ada").await;
    let refused = steer::retry(&service.app, &ada, retry.id, false).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    let refused = steer::retry(&service.app, &ada, failed.id, false).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "a later one ran: {refused:?}");
}
