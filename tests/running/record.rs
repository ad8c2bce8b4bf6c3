//! The audit trail (security.md 42): every transition writes its row or does not
//! happen, and what was changed afterwards is found and named.

use sea_orm::{EntityTrait as _, QueryOrder as _};

use crate::db::audit::{self, Broken, Head};
use crate::db::entity::audit_log;
use crate::keys::{self, Keys};
use crate::tests::harness::{Service, World, id_of, release};

async fn rows(service: &Service) -> Vec<audit_log::Model> {
    let database = service.database().await;
    let rows = audit_log::Entity::find().order_by_asc(audit_log::Column::Seq).all(&database).await.unwrap();
    database.close().await.unwrap();
    rows
}

/// What happened since row `after`: who did what.
async fn acts(service: &Service, after: i64) -> Vec<String> {
    let rows = rows(service).await.into_iter().filter(|row| row.seq > after);
    rows.map(|row| format!("{} {} {}", row.actor, row.action, row.subject)).collect()
}

async fn head(service: &Service) -> Head {
    audit::verify(&service.app.db, &service.app.keys, None).await.unwrap().expect("the trail holds")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transition_is_on_record() {
    let service = Service::start_in(World { hosts: 1, ..World::default() }).await;
    let rosa = service.as_user("rosa").await;
    let dana = service.as_user("dana").await;
    let start = head(&service).await.count;
    service.released("v1.0").await;
    let whole_way = acts(&service, start).await;
    let expected = [
        "dana request.created request 1",
        "rosa request.accept request 1",
        "policy request.accepted request 1",
        "dana request.launched request 1",
        "dana deployment.started deployment 1",
        "dana deployment.ended deployment 1",
    ];
    let without_sessions =
        |acts: Vec<String>| acts.into_iter().filter(|act| !act.contains("signed_in")).collect::<Vec<_>>();
    assert_eq!(without_sessions(whole_way), expected);

    let start = head(&service).await.count;
    service.ask(&dana, "v1.1").await;
    let link = service.mail_about("[review] shop v1.1").await.only_link();
    let page = rosa.get(&link).await.unwrap();
    rosa.submit(&page, "Reject the request", &[("comment", "no")]).await.unwrap();
    let page = service.ask(&dana, "v1.2").await;
    release(&service.repository, "v1.2", 30);
    service.keep_house().await;
    assert_eq!(service.request_state(id_of(&page)).await, "void");
    let expected = [
        "dana request.created request 2",
        "rosa request.reject request 2",
        "rosa request.rejected request 2",
        "dana request.created request 3",
        "policy request.voided request 3",
    ];
    assert_eq!(without_sessions(acts(&service, start).await), expected);
    head(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_does_not_happen() {
    let service = Service::start_in(World { hosts: 1, ..World::default() }).await;
    let dana = service.as_user("dana").await;
    let form = service.request_form(&dana, "v1.0").await;
    service
        .sql("CREATE TRIGGER no_record BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'full'); END")
        .await;
    let page = dana.submit(&form, "Request review of", &[("reason", "x")]).await.unwrap();
    assert_eq!(page.status, 500);
    assert!(crate::db::requests::find(&service.app.db, 1).await.unwrap().is_none());
    service.sql("DROP TRIGGER no_record").await;

    let (dana, launch) = service.accepted("v1.0").await;
    let start = dana.get(&launch).await.unwrap();
    service
        .sql("CREATE TRIGGER no_record BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'full'); END")
        .await;
    assert_eq!(dana.submit(&start, "Start deployment", &[]).await.unwrap().status, 500);
    assert_eq!(service.request_state(1).await, "accepted");
    assert!(crate::db::deployments::find(&service.app.db, 1).await.unwrap().is_none());
    service.sql("DROP TRIGGER no_record").await;
    let page = dana.submit(&start, "Start deployment", &[]).await.unwrap();
    assert_eq!(page.main_page().as_deref(), Some("deployment"), "the link was not used up: {}", page.text());
    service.ended(id_of(&page)).await;
    head(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_that_was_changed_is_found_and_named() {
    let service = Service::start_in(World { hosts: 1, ..World::default() }).await;
    let dana = service.as_user("dana").await;
    service.ask(&dana, "v1.0").await;
    service.ask(&dana, "v1.1").await;
    let known = head(&service).await;
    let last = known.count;
    let row = last - 1;
    service.sql("CREATE TABLE kept_log AS SELECT * FROM audit_log; CREATE TABLE kept_head AS SELECT * FROM audit_head").await;
    let tampered = async |change: String, keys: &Keys, known: Option<&Head>| {
        service.sql(&change).await;
        let found = audit::verify(&service.app.db, keys, known).await.unwrap().expect_err(&change);
        service.sql("DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM kept_log; DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM kept_head").await;
        found
    };
    let keys = &service.app.keys;

    for change in [
        "facts = '{}'",
        "actor = 'rosa'",
        "at = at + 1",
        "subject = 'request 9'",
        "action = 'request.cancelled'",
    ] {
        assert_eq!(
            tampered(format!("UPDATE audit_log SET {change} WHERE seq = {row}"), keys, None).await,
            [Broken::Changed(row)],
            "{change}"
        );
    }
    let missing = tampered(format!("DELETE FROM audit_log WHERE seq = {row}"), keys, None).await;
    assert_eq!(missing, [Broken::Missing(row, row)]);
    let cut = tampered(format!("DELETE FROM audit_log WHERE seq = {last}"), keys, None).await;
    assert_eq!(cut, [Broken::Cut { found: row, said: last }]);
    let swapped = tampered(
        "UPDATE audit_head SET mac = (SELECT mac FROM audit_log WHERE seq = 1)".to_owned(),
        keys,
        None,
    )
    .await;
    assert_eq!(swapped, [Broken::WrongHead(last)]);
    // Whoever cuts the tail and the head alike is found out by a head from a mail.
    let both = format!(
        "DELETE FROM audit_log WHERE seq = {last}; UPDATE audit_head SET count = {row}, mac = (SELECT mac FROM audit_log WHERE seq = {row})"
    );
    let found = tampered(both, keys, Some(&known)).await;
    assert_eq!(found, [Broken::OtherHead(format!("{last}:{}", known.mac))]);

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    keys::generate(&path("auth"), &path("enc"), &path("id")).unwrap();
    let others = Keys::load(&path("auth"), &path("enc")).unwrap();
    let found = tampered(String::new(), &others, None).await;
    assert_eq!(found, (1..=last).map(Broken::Changed).collect::<Vec<_>>());
    head(&service).await;
}
