//! Both keys rotated under a service in use: the mail that waited still brings a
//! link that works, and what was sealed is under the newest key.

use jiff::SignedDuration;

use crate::app::rotation::{AuthNeed, OlderKeys, older_keys};
use crate::boot::Role;
use crate::db::audit;
use crate::db::sealed::{self, Place};
use crate::keys;
use crate::tests::harness::{Service, World};
use crate::tests::support::key_files::move_back;

async fn older(service: &Service) -> OlderKeys {
    older_keys(&service.app.db, &service.app.keys, service.app.clock.now()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_loses_no_link_and_no_secret() {
    let mut service = Service::start_in(World { hosts: 1, ..World::without_runner() }).await;
    let dana = service.as_user("dana").await;
    service.ask(&dana, "v1.0").await;
    service.stop().await;
    let folder = service.path().join("keys");
    for name in ["auth.key", "enc.key"] {
        move_back(&folder, name);
    }
    let path = |name: &str| folder.join(name);
    keys::generate(&path("auth.key"), &path("enc.key"), &path("id_ed25519")).unwrap();
    service.reopen().await;

    for place in [Place::GitHubToken, Place::OutboxLink] {
        let values = sealed::list(&service.app.db, place, None, 100).await.unwrap();
        assert_eq!(values.len(), 1, "{place:?}");
        assert!(!service.app.keys.is_outdated(&values[0].bytes), "{place:?}");
    }
    let found = older(&service).await;
    assert_eq!((found.enc, found.shut), (vec![(path("enc.key.1"), 0)], 0));
    let [(file, AuthNeed::Links(until))] = &found.auth[..] else { panic!("{:?}", found.auth) };
    assert_eq!(file, &path("auth.key.1"));
    let hours = until.duration_since(service.app.clock.now()).as_hours();
    assert!((70..=72).contains(&hours), "the review link works for {hours} hours");

    service.run(Role::All).await;
    let link = service.mail_about("[review] shop v1.0").await.only_link();
    let rosa = service.as_user("rosa").await;
    let page = rosa.get(&link).await.unwrap();
    let page = rosa.submit(&page, "Countersign", &[]).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("accepted"), "{}", page.text());

    service.stop().await;
    for name in ["auth.key.1", "enc.key.1"] {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    service.reopen().await;
    audit::verify(&service.app.db, &service.app.keys, None).await.unwrap().expect("the trail holds");
    service.run(Role::All).await;
    let launch = service.mail_about("[accepted] shop v1.0").await.only_link();
    let dana = service.as_user("dana").await;
    let page = dana.get(&launch).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("ready"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn links_of_before_need_the_older_key_only_while_they_work() {
    let mut service = Service::start_in(World { hosts: 1, ..World::without_runner() }).await;
    let dana = service.as_user("dana").await;
    service.ask(&dana, "v1.0").await;
    service.stop().await;
    let folder = service.path().join("keys");
    move_back(&folder, "auth.key");
    keys::generate(&folder.join("auth.key"), &folder.join("enc.key"), &folder.join("id_ed25519")).unwrap();
    service.reopen().await;
    assert!(matches!(older(&service).await.auth[0].1, AuthNeed::Links(_)));
    service.advance(SignedDuration::from_hours(73));
    assert_eq!(older(&service).await.auth[0].1, AuthNeed::Nothing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_changed_meanwhile_is_not_overwritten() {
    let service = Service::start_in(World { hosts: 1, ..World::without_runner() }).await;
    service.as_user("dana").await;
    let read = async || sealed::list(&service.app.db, Place::GitHubToken, None, 1).await.unwrap().remove(0);
    let first = read().await;
    service.as_user("dana").await;
    let second = read().await;
    assert_ne!(first.bytes, second.bytes, "she signed in again");
    let tx = service.app.db.begin().await.unwrap();
    assert!(!sealed::replace(&tx, Place::GitHubToken, &first, b"old".to_vec()).await.unwrap());
    assert!(sealed::replace(&tx, Place::GitHubToken, &second, b"new".to_vec()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(read().await.bytes, b"new");
}
