//! The journal by the page and as it grows.

use serde_json::{Value, json};

use super::town::Town;
use crate::app::tokens;
use crate::domain::event::Event;
use crate::tests::harness::{Service, World};

fn seqs(list: &Value) -> Vec<u64> {
    list["items"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_read_to_its_end_and_says_what_each_host_runs() {
    let service = Service::start_in(World::unreviewed(1)).await;
    let browser = service.as_user("dana").await;
    let id = service.launched(&browser, "v1.0").await;
    service.ended(id).await;
    let dana = service.calling_as("dana").await;
    let journal = service.journal(id).await;

    let mut read: Vec<Event> = Vec::new();
    let mut next = json!(0);
    while !next.is_null() {
        let page = dana.get(&format!("/deployments/{id}/journal?limit=3&after={next}")).await.ok();
        assert!(seqs(&page).len() <= 3, "{page}");
        read.extend(serde_json::from_value::<Vec<Event>>(page["items"].clone()).unwrap());
        next = page["next"].clone();
    }
    assert_eq!(read, journal);
    let end = dana.get(&format!("/deployments/{id}/journal?after={}", journal.len())).await.ok();
    assert_eq!(end, json!({ "items": [], "next": null }));

    let one = dana.get(&format!("/deployments/{id}")).await.ok();
    let host = json!({ "server": "web-1", "state": "done", "commit": one["commit"], "why": null });
    assert_eq!((&one["state"], &one["hosts"]), (&json!("succeeded"), &json!([host])));

    let feed = dana.send("GET", &format!("/deployments/{id}/events"), &[("last-event-id", "2")], "").await;
    assert!(feed.page.header("content-type").starts_with("text/event-stream"), "{}", feed.page.html);
    let lines = feed.page.html.lines().filter_map(|line| line.strip_prefix("data:"));
    let events: Vec<Event> =
        lines.filter_map(|line| serde_json::from_str::<Vec<Event>>(line).ok()).flatten().collect();
    assert_eq!(events, journal[2..]);
    assert!(feed.page.html.contains("event:end"), "{}", feed.page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_sees_nothing_further() {
    let town = Town::new().await;
    let (service, id) = (&town.service, town.deployment);
    let (dana, ada) = (service.calling_as("dana").await, service.calling_as("ada").await);
    let mut feed = reqwest::Client::new()
        .get(format!("{}/api/v1/deployments/{id}/events", service.base_url))
        .bearer_auth(&dana.token)
        .send()
        .await
        .unwrap();
    assert_eq!(feed.status(), 200);
    let mut seen = String::new();
    while !seen.contains("event:progress") && !seen.contains("event:journal") {
        seen += &String::from_utf8_lossy(&feed.chunk().await.unwrap().expect("it goes on"));
    }
    tokens::revoke(&service.app, "a test", service.number_of(&dana).await).await.unwrap();
    ada.post(&format!("/deployments/{id}/cancel"), &json!({})).await.ok();
    while let Some(chunk) = feed.chunk().await.unwrap() {
        seen += &String::from_utf8_lossy(&chunk);
    }
    assert!(seen.contains("you may no longer watch this"), "{seen}");
    assert!(!seen.contains("cancelled"), "{seen}");
}
