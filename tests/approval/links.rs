//! A launch link that somebody revokes by hand: the approval stands.

use serde_json::json;

use super::{audited, flowing, mails, quiet_with, role};
use crate::tests::api::town::member;
use crate::tests::harness::{Approved, Service};

async fn town() -> Service {
    quiet_with(|fleet| {
        role(fleet, "deployers", &["drew"], &json!([{ "permission": "deploy_in_window" }]));
        role(fleet, "readers", &["rita"], &json!([{ "permission": "read" }]));
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_link_says_by_whom_and_when_and_a_new_one_can_be_made() {
    let service = town().await;
    let Approved { dana, rosa, request, launch, .. } = service.approved("v1.0").await;
    let page = rosa.get(&format!("/requests/{request}")).await.unwrap();
    let page = rosa.submit(&page, "Revoke the link", &[]).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (200, Some("accepted")), "{}", page.text());
    assert!(!page.has_form("Revoke the link"), "there is none left to revoke");

    let page = dana.get(&launch).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (410, Some("revoked")));
    let when = service.clock.now().strftime("%Y-%m-%d").to_string();
    let words = format!("rosa revoked this link at {when}");
    assert!(page.text().contains(&words) && page.text().contains("The approval stands"), "{}", page.text());
    let before = service.rows_of("deployments").await;
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 410);
    assert_eq!(service.rows_of("deployments").await, before, "it starts nothing");
    assert_eq!(audited(&service, "link.revoked").await, 1);
    let again = service.post(&rosa, &format!("/requests/{request}/revoke-link"), &[]).await;
    assert_eq!(again.status, 409, "{}", again.text());

    let page = dana.submit(&page, "Send me a new link", &[]).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("accepted"), "{}", page.text());
    let newer = service.link_about("accepted", "v1.0").await;
    assert_ne!(newer, launch);
    assert_eq!(service.post(&dana, &newer, &[]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn requester_reviewers_and_deployers_may_revoke_a_link_and_nobody_else() {
    let service = town().await;
    let Approved { request, .. } = service.approved("v1.0").await;
    let path = format!("/requests/{request}/revoke-link");
    let mallory = member(&service, "mallory").await;
    assert_eq!(mallory.post(&path, &json!({})).await.problem(404), "not_found");
    let rita = service.calling_as("rita").await;
    assert_eq!(rita.post(&path, &json!({})).await.problem(403), "forbidden");
    for who in ["dana", "rosa", "drew", "ada"] {
        let caller = service.calling_as(who).await;
        assert_eq!(caller.post(&path, &json!({})).await.ok()["state"], json!("accepted"), "{who}");
        let dana = service.calling_as("dana").await;
        dana.post(&format!("/requests/{request}/new-link"), &json!({})).await.ok();
    }
    assert_eq!(audited(&service, "link.revoked").await, 4);
    let rosa = service.calling_as("rosa").await;
    let new_link = rosa.post(&format!("/requests/{request}/new-link"), &json!({})).await;
    assert_eq!(new_link.problem(403), "forbidden", "a new one is the requester's to ask for");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requester_is_told_who_revoked_their_link_and_what_to_do() {
    let service = town().await;
    let Approved { dana, rosa, request, launch, .. } = service.approved("v1.0").await;
    let path = format!("/requests/{request}/revoke-link");
    assert_eq!(service.post(&rosa, &path, &[]).await.status, 303);
    let told = mails(&service, "[link revoked] shop").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].to, ["dana@example.com"]);
    let text = flowing(&told[0]);
    assert!(text.contains("Rosa Lindqvist revoked your link to start the release of shop"), "{text}");
    assert!(text.contains("The approval stands until") && text.contains(&format!("/requests/{request}")));
    assert!(!text.contains(&launch), "it holds no link of its own");

    // Whoever revokes their own knows it; and a newer link makes the news old.
    let page = dana.get(&format!("/requests/{request}")).await.unwrap();
    dana.submit(&page, "Send me a new link", &[]).await.unwrap();
    assert_eq!(service.post(&dana, &path, &[]).await.status, 303);
    assert_eq!(mails(&service, "[link revoked]").await.len(), 1);
    let page = dana.get(&format!("/requests/{request}")).await.unwrap();
    dana.submit(&page, "Send me a new link", &[]).await.unwrap();
    assert_eq!(service.post(&rosa, &path, &[]).await.status, 303);
    let page = dana.get(&format!("/requests/{request}")).await.unwrap();
    dana.submit(&page, "Send me a new link", &[]).await.unwrap();
    assert_eq!(mails(&service, "[link revoked]").await.len(), 1);
}
