//! A lease that somebody else holds now.

use crate::domain::deployment::DeploymentState;
use crate::domain::event::{EventKind, Phase};
use crate::tests::harness::{Service, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_lease_is_lost_stops_touching_hosts_and_writes_nothing_more() {
    let mut service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    let (gate, never, alive) = (service.gate("gate"), service.gate("never"), service.gate("alive"));
    service.commit("v1.3", |repository| {
        let script = format!("echo waiting\n{}{}echo after\n{}", alive.hold(), gate.wait(), never.wait());
        repository.write("deploy.sh", script);
    });
    let id = service.launched(&dana, "v1.3").await;
    service.until_line(id, "waiting").await;
    let before = service.journal(id).await;

    service.sql("UPDATE deployments SET fence = fence + 1, lease_owner = 'somebody else'").await;
    tokio::join!(gate.open(), alive.until_nobody_holds_it());
    // Draining waits for runs, so this one is over.
    service.stop().await;
    service.reopen().await;

    assert_eq!(service.journal(id).await, before);
    let row = crate::db::deployments::find(&service.app.db, id).await.unwrap().unwrap();
    assert_eq!(row.state, DeploymentState::Running, "it is the other's to end");
    let locks = crate::db::deployments::list_server_locks(&service.app.db).await.unwrap();
    assert_eq!(locks, [("web-1".to_owned(), id)]);
    assert!(
        !before.iter().any(|event| matches!(event.what, EventKind::StepStarted { phase: Phase::Test, .. }))
    );
    assert!(service.mail.mails().iter().all(|mail| mail.subject().contains("[accepted]")));
}
