//! Questions and answers: they change no state, stop the clock and are mailed.

use jiff::SignedDuration;
use serde_json::json;

use super::{audited, flowing, mails, quiet_with};
use crate::tests::api::town::member;

#[tokio::test(flavor = "multi_thread")]
async fn a_question_changes_no_state_and_its_answer_reaches_who_asked() {
    let service = quiet_with(|_| {}).await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let review = service.link_about("review", "v1.0").await;
    let rosa = service.as_user("rosa").await;
    let page = rosa.get(&review).await.unwrap();
    let page = rosa.submit(&page, "Send the question", &[("comment", "   ")]).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (422, Some("awaiting_review")));
    assert!(page.text().contains("Say what you want to know"), "{}", page.text());
    let page =
        rosa.submit(&page, "Send the question", &[("comment", "How long does it take?")]).await.unwrap();
    assert_eq!(
        (page.main_page().as_deref(), page.main_state().as_deref()),
        (Some("request"), Some("awaiting_review"))
    );
    assert!(page.text().contains("A question waits for its answer"), "{}", page.text());
    assert!(!page.has_form("Send the answer"), "only the requester answers");

    let mail = &mails(&service, "[question] shop v1.0 → production").await[0];
    assert_eq!(mail.to, ["dana@example.com"]);
    assert!(flowing(mail).contains("How long does it take?") && flowing(mail).contains("stands still until"));
    assert_eq!(mail.only_link(), format!("{}/requests/{request}", service.base_url));
    let page = dana.get(&format!("/requests/{request}")).await.unwrap();
    assert!(
        page.text().contains("A reviewer asks you") && page.text().contains("rosa asked"),
        "{}",
        page.text()
    );
    let page = dana.submit(&page, "Send the answer", &[("comment", " ")]).await.unwrap();
    assert_eq!(page.status, 422, "{}", page.text());
    assert!(page.text().contains("Write an answer"), "{}", page.text());
    let page = dana.submit(&page, "Send the answer", &[("comment", "Two minutes.")]).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (200, Some("awaiting_review")));
    assert!(!page.has_form("Send the answer"));
    assert!(page.text().contains("dana answered") && page.text().contains("Two minutes."), "{}", page.text());
    let mail = &mails(&service, "[answer] shop v1.0 → production").await[0];
    assert_eq!(mail.to, ["rosa@example.com"]);
    for words in ["Two minutes.", "How long does it take?", "Please decide before"] {
        assert!(flowing(mail).contains(words), "{}", mail.text());
    }
    assert_eq!((audited(&service, "request.ask").await, audited(&service, "request.answer").await), (1, 1));

    // Nothing waits any more; and the decision is still to be made.
    let again = service.post(&dana, &format!("/requests/{request}/answer"), &[("comment", "More")]).await;
    assert_eq!(again.status, 409, "{}", again.text());
    assert_eq!(service.post(&rosa, &format!("{review}/accept"), &[]).await.status, 303);
    let late = service.post(&rosa, &format!("/requests/{request}/ask"), &[("comment", "And?")]).await;
    assert_eq!(late.status, 409, "a decided request is not asked about: {}", late.text());
    assert_eq!(service.rows_of("remarks").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_for_review_stands_still_until_the_answer() {
    let service = quiet_with(|_| {}).await;
    let dana = service.as_user("dana").await;
    let asked = service.asked(&dana, "v1.0", &[]).await;
    let left = service.asked(&dana, "v1.1", &[]).await;
    let review = service.link_about("review", "v1.0").await;
    let rosa = service.as_user("rosa").await;
    for request in [asked, left] {
        let page = service.post(&rosa, &format!("/requests/{request}/ask"), &[("comment", "Why?")]).await;
        assert_eq!(page.status, 303, "{}", page.text());
    }
    service.advance(SignedDuration::from_hours(50));
    let dana = service.as_user("dana").await;
    let page = service.post(&dana, &format!("/requests/{asked}/answer"), &[("comment", "So.")]).await;
    assert_eq!(page.status, 303, "{}", page.text());
    // 72 hours and the 50 that it stood still; the link of the mail lives as long.
    service.advance(SignedDuration::from_hours(71));
    service.keep_house().await;
    assert_eq!(service.request_state(asked).await, "awaiting_review");
    let rosa = service.as_user("rosa").await;
    assert_eq!(rosa.get(&review).await.unwrap().status, 200);
    service.advance(SignedDuration::from_hours(2));
    service.keep_house().await;
    assert_eq!(service.request_state(asked).await, "expired");
    assert_eq!(service.request_state(left).await, "awaiting_review", "its question stops the clock");
    // At most 72 hours in all.
    service.advance(SignedDuration::from_hours(22));
    service.keep_house().await;
    assert_eq!(service.request_state(left).await, "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_and_answers_go_by_the_api_too() {
    let service = quiet_with(|_| {}).await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let (dana, rosa) = (member(&service, "dana").await, member(&service, "rosa").await);
    let decisions = format!("/requests/{request}/decisions");
    assert_eq!(rosa.post(&decisions, &json!({ "decision": "ask" })).await.wrong_fields(), ["comment"]);
    assert_eq!(rosa.post(&decisions, &json!({ "decision": "maybe" })).await.wrong_fields(), ["decision"]);
    let asked = rosa.post(&decisions, &json!({ "decision": "ask", "comment": "Why now?" })).await;
    assert_eq!((asked.status, &asked.body["state"]), (201, &json!("awaiting_review")), "{}", asked.body);
    assert_eq!(asked.page.header("location"), format!("/api/v1/requests/{request}"));
    assert_eq!(asked.body["questions"][0]["kind"], json!("question"));
    assert_eq!(asked.body["decisions"], json!([]), "a question is no decision");
    let answer = format!("/requests/{request}/answer");
    assert_eq!(rosa.post(&answer, &json!({ "comment": "Because." })).await.problem(403), "forbidden");
    let one = dana.post(&answer, &json!({ "comment": "Because." })).await.ok();
    let said = one["questions"].as_array().unwrap();
    assert_eq!((said.len(), &said[1]["person"], &said[1]["kind"]), (2, &json!("dana"), &json!("answer")));
    assert_eq!(dana.post(&answer, &json!({ "comment": "Because." })).await.problem(409), "conflict");
}
