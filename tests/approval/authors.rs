//! The author of a commit does not count, where the policy says so.

use serde_json::json;

use super::quiet_with;
use crate::tests::harness::{Service, production, release};

/// v1.3 brings a commit of rosa's, under an address that only its case differs.
async fn with_a_commit_of_rosas(authors_count: bool) -> Service {
    let service =
        quiet_with(move |fleet| production(fleet)["approval"]["authors_count"] = json!(authors_count)).await;
    // She is known here, with her verified address.
    service.as_user("rosa").await;
    let rosas = service.repository.as_author("Rosa", "Rosa@Example.COM");
    rosas.write("till", "1");
    rosas.commit("Open the till", 1_785_000_000);
    release(&service.repository, "v1.3", 12);
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authors_accept_counts_0_where_the_policy_says_so_and_they_are_told() {
    let service = with_a_commit_of_rosas(false).await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.3", &[]).await;
    let review = service.link_about("review", "v1.3").await;
    let (rosa, remy) = (service.as_user("rosa").await, service.as_user("remy").await);
    let page = rosa.get(&review).await.unwrap();
    for words in ["You wrote a part of this", "helps and proves nothing"] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    let other = remy.get(&review).await.unwrap();
    assert!(!other.text().contains("You wrote a part of this"), "{}", other.text());

    assert_eq!(service.post(&rosa, &format!("{review}/accept"), &[]).await.status, 303);
    assert_eq!(service.request_state(request).await, "awaiting_review", "it counts 0");
    let page = dana.get(&format!("/requests/{request}")).await.unwrap();
    assert!(page.text().contains("0 of 1 accept. rosa wrote a part of it"), "{}", page.text());
    assert_eq!(service.post(&remy, &format!("{review}/accept"), &[]).await.status, 303);
    assert_eq!(service.request_state(request).await, "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_without_a_commit_of_theirs_is_theirs_to_accept() {
    let service = with_a_commit_of_rosas(false).await;
    let approved = service.approved("v1.2").await;
    assert_eq!(service.request_state(approved.request).await, "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn authors_count_unless_the_policy_says_otherwise_now_too() {
    let mut service = with_a_commit_of_rosas(true).await;
    let approved = service.approved("v1.3").await;
    assert_eq!(service.request_state(approved.request).await, "accepted");
    service.apply(|fleet| production(fleet)["approval"]["authors_count"] = json!(false)).await;
    assert_eq!(service.request_state(approved.request).await, "void");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_who_first_signs_in_after_the_request_was_made_does_not_count_either() {
    let service = quiet_with(|fleet| production(fleet)["approval"]["authors_count"] = json!(false)).await;
    let remys = service.repository.as_author("Remy", "remy@example.com");
    remys.write("till", "1");
    remys.commit("Open the till", 1_785_000_000);
    release(&service.repository, "v1.3", 12);
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.3", &[]).await;
    let review = service.link_about("review", "v1.3").await;

    let remy = service.as_user("remy").await;
    let page = remy.get(&review).await.unwrap();
    assert!(page.text().contains("You wrote a part of this"), "{}", page.text());
    assert_eq!(service.post(&remy, &format!("{review}/accept"), &[]).await.status, 303);
    assert_eq!(service.request_state(request).await, "awaiting_review", "it counts 0");
}
