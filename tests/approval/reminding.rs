//! Reminders, each once, whatever restarts in between.

use jiff::SignedDuration;

use super::{flowing, mails, quiet_with};
use crate::boot::Role;
use crate::tests::harness::Approved;

#[tokio::test(flavor = "multi_thread")]
async fn the_review_list_is_reminded_at_half_time_and_four_hours_before_the_end() {
    let mut service = quiet_with(|_| {}).await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let minutes = |hours: i64, minutes: i64| SignedDuration::from_mins(hours * 60 + minutes);
    service.advance(minutes(35, 50));
    service.keep_house().await;
    assert!(mails(&service, "[reminder]").await.is_empty(), "half of the time is not over");
    service.advance(minutes(0, 20));
    service.keep_house().await;
    service.keep_house().await;
    service.restart_as(Role::Web).await;
    service.keep_house().await;
    let sent = mails(&service, "[reminder] shop v1.0").await;
    assert_eq!(sent.len(), 1, "once");
    assert_eq!(sent[0].to, ["releases@example.com"]);
    for words in ["Nobody has decided yet", "0 of 1 accept.", "Please decide before"] {
        assert!(flowing(&sent[0]).contains(words), "{}", sent[0].text());
    }
    assert_eq!(sent[0].only_link(), format!("{}/requests/{request}", service.base_url), "it holds no secret");

    service.advance(minutes(32, 0));
    service.keep_house().await;
    service.restart_as(Role::Web).await;
    service.keep_house().await;
    let sent = mails(&service, "[reminder] shop v1.0").await;
    assert_eq!(sent.len(), 2);
    assert!(flowing(&sent[1]).contains("is nearly over"), "{}", sent[1].text());
    assert_eq!(service.rows_of("reminders").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_reminded_while_a_question_waits_or_after_a_decision() {
    let service = quiet_with(|fleet| {
        crate::tests::harness::production(fleet)["approval"]["required"] = serde_json::json!(2);
    })
    .await;
    let dana = service.as_user("dana").await;
    let asked = service.asked(&dana, "v1.0", &[]).await;
    let decided = service.asked(&dana, "v1.1", &[]).await;
    let rosa = service.as_user("rosa").await;
    let page = service.post(&rosa, &format!("/requests/{asked}/ask"), &[("comment", "Why?")]).await;
    assert_eq!(page.status, 303, "{}", page.text());
    assert_eq!(service.post(&rosa, &format!("/requests/{decided}/accept"), &[]).await.status, 303);
    service.advance(SignedDuration::from_hours(40));
    service.keep_house().await;
    assert!(mails(&service, "[reminder]").await.is_empty());
    let dana = service.as_user("dana").await;
    assert_eq!(
        service.post(&dana, &format!("/requests/{asked}/answer"), &[("comment", "So.")]).await.status,
        303
    );
    service.keep_house().await;
    assert!(mails(&service, "[reminder]").await.is_empty(), "its clock has only begun to run");
    service.advance(SignedDuration::from_hours(37));
    service.keep_house().await;
    let sent = mails(&service, "[reminder]").await;
    assert!(sent.len() == 1 && sent[0].subject().contains("v1.0"), "{}", sent.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requester_is_reminded_of_a_slot_that_nobody_used() {
    let mut service = quiet_with(|_| {}).await;
    let Approved { dana, request, launch, .. } = service.approved("v1.0").await;
    service.advance(SignedDuration::from_mins(44));
    service.keep_house().await;
    assert!(mails(&service, "[slot ends]").await.is_empty());
    service.advance(SignedDuration::from_mins(2));
    for _ in 0..2 {
        service.keep_house().await;
        service.restart_as(Role::Web).await;
    }
    let sent = mails(&service, "[slot ends] shop v1.0 → production").await;
    assert_eq!(sent.len(), 1, "once");
    assert_eq!(sent[0].to, ["dana@example.com"]);
    assert_eq!(sent[0].only_link(), format!("{}/requests/{request}", service.base_url), "it holds no secret");
    // The link is as good as before.
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_was_used_or_revoked_reminds_nobody() {
    let service = quiet_with(|_| {}).await;
    let used = service.approved("v1.0").await;
    let revoked = service.approved("v1.1").await;
    assert_eq!(service.post(&used.dana, &used.launch, &[]).await.status, 303);
    let path = format!("/requests/{}/revoke-link", revoked.request);
    assert_eq!(service.post(&revoked.dana, &path, &[]).await.status, 303);
    service.advance(SignedDuration::from_mins(50));
    service.keep_house().await;
    assert!(mails(&service, "[slot ends]").await.is_empty());
}
