//! Mail while the mail server is away, refuses, or the service dies in between.

use jiff::SignedDuration;
use sea_orm::EntityTrait as _;

use crate::db::entity::outbox;
use crate::domain::deployment::DeploymentState;
use crate::tests::harness::{Service, World, id_of};
use crate::tests::support::smtp::Behaviour;

async fn rows(service: &Service) -> Vec<outbox::Model> {
    let database = service.database().await;
    let rows = outbox::Entity::find().all(&database).await.unwrap();
    database.close().await.unwrap();
    rows
}

/// Waits for the outbox to be as wanted; it wakes nobody when it changes.
async fn until(service: &Service, wanted: impl Fn(&[outbox::Model]) -> bool) -> Vec<outbox::Model> {
    let looked = tokio::time::timeout(std::time::Duration::from_mins(1), async {
        loop {
            let rows = rows(service).await;
            if wanted(&rows) {
                return rows;
            }
        }
    });
    looked.await.expect("the outbox comes to what the test waits for")
}

/// The last mail could not be sent; now the server is back, and its time has come.
async fn comes_back(service: &Service) {
    until(service, |rows| rows.last().is_some_and(|row| row.attempts > 0 && row.error.is_some())).await;
    service.mail.up().await;
    service.advance(SignedDuration::from_mins(1));
    service.app.wake.outbox.notify_one();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_loses_nothing_and_everything_arrives_once() {
    let service = Service::start_in(World { hosts: 1, ..World::default() }).await;
    let (dana, rosa) = (service.as_user("dana").await, service.as_user("rosa").await);

    service.mail.down().await;
    service.ask(&dana, "v1.0").await;
    comes_back(&service).await;
    let review = service.mail_about("[review] shop v1.0").await.only_link();

    service.mail.down().await;
    let page = rosa.get(&review).await.unwrap();
    rosa.submit(&page, "Countersign", &[("comment", "fine")]).await.unwrap();
    comes_back(&service).await;
    let launch = service.mail_about("[accepted] shop v1.0").await.only_link();

    service.mail.down().await;
    let page = dana.get(&launch).await.unwrap();
    let page = dana.submit(&page, "Start deployment", &[]).await.unwrap();
    let ended = service.ended(id_of(&page)).await;
    assert_eq!(ended.state, DeploymentState::Succeeded);
    comes_back(&service).await;
    service.mail_about("[succeeded] shop").await;

    let rows = until(&service, |rows| rows.iter().all(|row| row.state == "delivered")).await;
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.sealed.is_none()), "secrets are erased on delivery");
    assert_eq!(service.mail.mails().len(), 3, "each exactly once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_refused_for_good_is_given_up_and_counted() {
    let service = Service::start_in(World { hosts: 1, ..World::default() }).await;
    let (dana, ada) = (service.as_user("dana").await, service.as_user("ada").await);
    service.mail.behave(Behaviour::RefuseForGood);
    service.ask(&dana, "v1.0").await;

    let rows = until(&service, |rows| rows.iter().any(|row| row.state == "given_up")).await;

    assert_eq!((rows[0].attempts, &rows[0].sealed), (1, &None), "its secret is erased");
    let health = ada.get("/health").await.unwrap();
    assert!(health.html.contains("0 waiting, 1 given up"), "{}", health.html);
    let admin = ada.get("/admin").await.unwrap();
    assert!(admin.text().contains("1 delivery failed."), "{}", admin.text());
    service.mail.behave(Behaviour::Accept);
    service.advance(SignedDuration::from_hours(1));
    service.ask(&dana, "v1.1").await;
    service.mail_about("[review] shop v1.1").await;
    assert_eq!(service.mail.mails().len(), 1, "given up is given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_was_taken_when_the_process_died_is_delivered_later() {
    let mut service = Service::start_in(World { hosts: 1, ..World::default() }).await;
    let dana = service.as_user("dana").await;
    service.mail.behave(Behaviour::Hang);
    service.ask(&dana, "v1.0").await;
    until(&service, |rows| rows.iter().any(|row| row.attempts == 1)).await;
    service.kill();
    service.mail.behave(Behaviour::Accept);

    service.restart().await;
    assert_eq!(service.mail.mails().len(), 0, "it is somebody's for two minutes");
    service.advance(SignedDuration::from_secs(121));
    service.app.wake.outbox.notify_one();

    service.mail_about("[review] shop v1.0").await;
    until(&service, |rows| rows.iter().all(|row| row.state == "delivered")).await;
    assert_eq!(service.mail.mails().len(), 1);
}
