//! The live feed: everything in order, resumed where it stopped, and only for those
//! who may watch (security.md 37).

use serde_json::json;

use crate::domain::event::Event;
use crate::tests::harness::{Feed, Gate, Message, Service, World};
use crate::tests::support::browser::Browser;

fn events(messages: &[Message]) -> Vec<Event> {
    messages.iter().flat_map(Message::events).collect()
}

/// A run that says "before", waits at the gate, and says "after".
async fn waiting(service: &Service, dana: &Browser) -> (i64, Gate) {
    let gate = service.gate("gate");
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("echo before\n{}echo after\n", gate.wait()));
    });
    (service.launched(dana, "v1.3").await, gate)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_viewer_gets_the_whole_journal_once_and_resumes_where_it_stopped() {
    let service = Service::start_in(World::unreviewed(1)).await;
    let (dana, rosa, ada) =
        (service.as_user("dana").await, service.as_user("rosa").await, service.as_user("ada").await);
    let (id, gate) = waiting(&service, &dana).await;
    let mut feeds = Vec::new();
    for viewer in [&dana, &rosa, &ada] {
        let mut feed = Feed::open(viewer, &service.base_url, id, None).await;
        let seen = feed.until_line("before").await;
        feeds.push((feed, seen));
    }

    gate.open().await;

    let ended = service.ended(id).await;
    let journal = service.journal(id).await;
    for (feed, mut seen) in feeds {
        seen.extend(feed.rest().await);
        assert_eq!(events(&seen), journal);
        let end = seen.last().unwrap();
        assert_eq!((end.kind.as_str(), end.data.as_str()), ("end", ended.state.word()));
        let progress: serde_json::Value = serde_json::from_str(&seen[seen.len() - 2].data).unwrap();
        assert_eq!(
            (&progress["done"], &progress["total"], &progress["say"]),
            (&json!(1), &json!(1), &json!("The host runs v1.3, verified."))
        );
    }
    assert!(journal.iter().zip(1..).all(|(event, seq)| event.seq == seq), "no gaps");

    for last in [1, journal.len() as u64 - 3, journal.len() as u64] {
        let rest = Feed::open(&dana, &service.base_url, id, Some(last)).await.rest().await;
        let expected: Vec<Event> = journal.iter().filter(|event| event.seq > last).cloned().collect();
        assert_eq!(events(&rest), expected, "after {last}");
        assert_eq!(rest.last().unwrap().kind, "end");
        if let Some(message) = rest.iter().rev().find(|message| message.kind == "journal") {
            assert_eq!(message.id, journal.last().map(|event| event.seq));
        }
    }
    let refused = service.as_user("mallory").await.get(&format!("/deployments/{id}/events")).await.unwrap();
    assert_eq!(refused.status, 404);
    assert_eq!(
        service.browser().raw("GET", &format!("/deployments/{id}/events"), &[], "").await.unwrap().status,
        303
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_right_to_read_gets_no_further_event() {
    let mut service = Service::start_in(World::unreviewed(1)).await;
    let (dana, rosa, remy) =
        (service.as_user("dana").await, service.as_user("rosa").await, service.as_user("remy").await);
    let ada = service.as_user("ada").await;
    let (id, gate) = waiting(&service, &dana).await;
    let mut feeds = Vec::new();
    for viewer in [&rosa, &remy, &ada] {
        let mut feed = Feed::open(viewer, &service.base_url, id, None).await;
        feed.until_line("before").await;
        feeds.push(feed);
    }

    let home = rosa.get("/").await.unwrap();
    rosa.submit(&home, "Sign out", &[]).await.unwrap();
    // dana started it, and that alone lets nobody watch.
    let mut feed = Feed::open(&dana, &service.base_url, id, None).await;
    feed.until_line("before").await;
    feeds.insert(0, feed);
    service
        .apply(|fleet| {
            for role in [1, 2] {
                fleet["roles"][role]["github_teams"] = json!([]);
            }
        })
        .await;
    for path in [format!("/deployments/{id}"), format!("/deployments/{id}/log"), "/requests/1".to_owned()] {
        assert_eq!(dana.get(&path).await.unwrap().status, 404, "{path}");
    }
    gate.open().await;
    service.ended(id).await;

    let all = feeds.pop().unwrap().rest().await;
    assert!(events(&all).len() > 3, "ada watches on: {all:?}");
    for feed in feeds {
        let rest = feed.rest().await;
        assert_eq!(events(&rest), []);
        assert_eq!(rest.last().map(|message| message.data.as_str()), Some("you may no longer watch this"));
    }
}
