//! Hosts and scripts that fail, as people are told of them.

use crate::domain::deployment::DeploymentState;
use crate::domain::live::LiveState;
use crate::tests::harness::{Service, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_host_fails_the_run_and_everybody_is_told_which_and_why() {
    let service = Service::start_in(World::unreviewed(2)).await;
    let dana = service.as_user("dana").await;
    let first = service.launched(&dana, "v1.0").await;
    service.ended(first).await;
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", "[ \"$2\" != web-1 ] || { echo 'disk on fire' >&2; exit 3; }\n");
    });

    let id = service.launched(&dana, "v1.3").await;
    let ended = service.ended(id).await;

    let why = "web-1: deploy.sh ended with exit code 3";
    assert_eq!((ended.state, ended.why.as_deref()), (DeploymentState::Failed, Some(why)));
    assert_eq!(service.request_state(ended.request.unwrap()).await, "launched");
    let page = dana.get(&format!("/deployments/{id}")).await.unwrap();
    let text = page.text();
    assert_eq!(page.main_state().as_deref(), Some("failed"));
    for said in [why, "disk on fire", "web-1 failed, 1 of 2 hosts done.", "failed at deploy.sh"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let log = dana.get(&format!("/deployments/{id}/log")).await.unwrap().html;
    assert!(log.contains("web-1 ! disk on fire\n") && log.contains(&format!("-- failed: {why}\n")), "{log}");
    let mail = service.mail_about("[failed] shop").await.text();
    let lines = [
        "web-1: failed; what it runs is not known: deploy.sh: deploy.sh ended with exit code 3",
        "web-2: runs v1.3, verified",
    ];
    for said in lines.into_iter().chain([why]) {
        assert!(mail.split_whitespace().collect::<Vec<_>>().join(" ").contains(said), "{said}: {mail}");
    }
    let (failed, done) = (service.live("web-1").await, service.live("web-2").await);
    assert_eq!(
        (failed.state, failed.release.as_deref()),
        (LiveState::Unknown, Some("v1.0")),
        "its last known release"
    );
    assert_eq!((done.state, done.release.as_deref()), (LiveState::Settled, Some("v1.3")));
    assert!(service.on_host(1, "deploy.sh").is_none(), "a failed deploy.sh is removed too");
    let home = dana.get("/").await.unwrap();
    assert!(
        home.html.contains(&format!("/deployments/{id}\"")) && home.text().contains("Failed"),
        "{}",
        home.text()
    );

    service.commit("v1.4", |repository| {
        repository.write("deploy.sh", "echo fine\n");
    });
    let next = service.launched(&dana, "v1.4").await;
    assert_eq!(service.ended(next).await.state, DeploymentState::Succeeded);
    assert_eq!(service.live("web-1").await.release.as_deref(), Some("v1.4"));
    let home = dana.get("/").await.unwrap();
    assert!(home.text().contains("none has failed lately"), "it was put right: {}", home.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_tests_are_a_warning_where_the_environment_says_so() {
    let mut world = World::unreviewed(1);
    let unreviewed = world.edit_fleet;
    world.edit_fleet = Box::new(|fleet| {
        unreviewed(fleet);
        fleet["applications"][0]["environments"][0]["fail_on_failed_tests"] = serde_json::json!(false);
    });
    let service = Service::start_in(world).await;
    let dana = service.as_user("dana").await;
    service.commit("v1.3", |repository| {
        repository.write("tests/run_tests.sh", "echo 'one of two' >&2\nexit 1\n");
    });
    let id = service.launched(&dana, "v1.3").await;
    assert_eq!(service.ended(id).await.state, DeploymentState::Succeeded);
    let page = dana.get(&format!("/deployments/{id}")).await.unwrap();
    assert!(page.text().contains("web-1: tests/run_tests.sh ended with exit code 1"), "{}", page.text());
    assert!(page.html.contains("data-s=\"warned\""), "{}", page.html);
    assert_eq!(service.live("web-1").await.state, LiveState::Settled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_another_key_gets_nothing_and_it_is_said() {
    let mut service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    let first = service.launched(&dana, "v1.0").await;
    service.ended(first).await;
    service.hosts[0].swap_host_key();
    let logins = service.hosts[0].log().matches("Accepted publickey").count();

    let id = service.launched(&dana, "v1.1").await;
    let ended = service.ended(id).await;

    assert_eq!(ended.state, DeploymentState::Failed);
    let why = ended.why.unwrap();
    assert!(
        why.starts_with("web-1: the host key of web-1 changed") && why.ends_with("nothing was sent"),
        "{why}"
    );
    assert_eq!(service.hosts[0].log().matches("Accepted publickey").count(), logins);
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.0\n");
    let row = service.live("web-1").await;
    assert_eq!(
        (row.state, row.release.as_deref()),
        (LiveState::Settled, Some("v1.0")),
        "it was never touched"
    );
    assert!(service.mail_about("[failed] shop").await.text().contains("nothing was sent"));
}
