//! The same decision by every channel: the link, the page, the API.

use serde_json::{Value, json};

use super::{flowing, quiet_with};
use crate::tests::api::town::{gates, member};
use crate::tests::harness::{Approved, Service, World, production};
use crate::tests::support::browser::Browser;

const VERBS: [&str; 3] = ["accept", "reject", "ask"];

/// What somebody gets for each verb by each channel.
async fn tried(
    service: &Service,
    who: &str,
    browser: &Browser,
    request: i64,
    review: &str,
) -> Vec<(String, u16)> {
    let caller = service.calling_as(who).await;
    let mut found = Vec::new();
    for verb in VERBS {
        let comment = [("comment", "I know best")];
        let page = service.post(browser, &format!("{review}/{verb}"), &comment).await;
        found.push((format!("{verb} by link"), page.status));
        let page = service.post(browser, &format!("/requests/{request}/{verb}"), &comment).await;
        found.push((format!("{verb} on the page"), page.status));
        let body = json!({ "decision": verb, "comment": "I know best" });
        let reply = caller.post(&format!("/requests/{request}/decisions"), &body).await;
        found.push((format!("{verb} by API"), reply.status));
    }
    found
}

/// dana in the role of somebody with further rights.
fn promote(fleet: &mut Value, role: Option<usize>) {
    if let Some(role) = role {
        fleet["roles"][role]["users"] = json!(["ada", "dana"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_their_own_request_in_any_role_by_any_channel() {
    for role in [None, Some(0), Some(2)] {
        let service = quiet_with(move |fleet| promote(fleet, role)).await;
        let dana = service.as_user("dana").await;
        let request = service.asked(&dana, "v1.0", &[]).await;
        let review = service.link_about("review", "v1.0").await;
        for (what, status) in tried(&service, "dana", &dana, request, &review).await {
            assert_eq!(status, 403, "{what} with role {role:?}");
        }
        // Nor in somebody else's name.
        let caller = service.calling_as("dana").await;
        let path = format!("/requests/{request}/decisions");
        let headers = [("content-type", "application/json"), ("x-impersonate-username", "rosa")];
        let reply = caller.send("POST", &path, &headers, &json!({ "decision": "accept" }).to_string()).await;
        assert_eq!(reply.status, 403, "{}", reply.page.html);
        assert_eq!(service.request_state(request).await, "awaiting_review");
        assert_eq!((service.rows_of("decisions").await, service.rows_of("remarks").await), (0, 0));
        let page = dana.get(&format!("/requests/{request}")).await.unwrap();
        assert!(!page.has_form("Countersign"), "the page offers no more than it grants");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_approval_is_marked_wherever_it_is_named() {
    let service = quiet_with(|fleet| {
        promote(fleet, Some(2));
        production(fleet)["approval"]["self_approval"] = json!(true);
    })
    .await;
    let browser = service.as_user("dana").await;
    let request = service.asked(&browser, "v1.0", &[]).await;
    let dana = service.calling_as("dana").await;
    let reply = dana.post(&format!("/requests/{request}/decisions"), &json!({ "decision": "accept" })).await;
    assert_eq!((reply.status, &reply.body["state"]), (201, &json!("accepted")), "{}", reply.body);
    assert_eq!(reply.body["decisions"][0]["own_request"], json!(true), "API: {}", reply.body);
    let page = browser.get(&format!("/requests/{request}")).await.unwrap();
    assert!(page.text().contains("dana accepted it, their own request"), "page: {}", page.text());
    service.deliver().await;
    let mail = service.mail_about("[accepted] shop v1.0").await;
    assert!(flowing(&mail).contains("Dana Okafor (their own request) accepted"), "mail: {}", mail.text());
    let rows = service.rows().await;
    let audited = |row: &&String| row.contains("'request.accept'") && row.contains("\"own_request\":true");
    assert_eq!(rows.iter().filter(audited).count(), 1, "audit");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_review_decides_on_the_page_and_by_the_api_as_by_the_link() {
    let service = quiet_with(|_| {}).await;
    let dana = service.as_user("dana").await;
    let rosa = service.as_user("rosa").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let page = rosa.get(&format!("/requests/{request}")).await.unwrap();
    let refused = rosa.submit(&page, "Reject the request", &[("comment", " ")]).await.unwrap();
    assert_eq!(
        (refused.status, refused.main_page().as_deref()),
        (422, Some("request")),
        "{}",
        refused.text()
    );
    assert!(refused.text().contains("Say why"), "{}", refused.text());
    let page = rosa.submit(&page, "Countersign", &[("comment", "Fine")]).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (200, Some("accepted")), "{}", page.text());
    // What was accepted may still be rejected, here as well.
    let page = rosa.submit(&page, "Reject the request", &[("comment", "Not today")]).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (200, Some("rejected")), "{}", page.text());

    let remy = member(&service, "remy").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let path = format!("/requests/{request}/decisions");
    let one = remy.post(&path, &json!({ "decision": "accept", "comment": "Fine" })).await;
    assert_eq!((one.status, &one.body["state"]), (201, &json!("accepted")), "{}", one.body);
    assert_eq!(one.body["decisions"][0]["comment"], json!("Fine"));
    assert_eq!(remy.post(&path, &json!({ "decision": "reject" })).await.wrong_fields(), ["comment"]);
    let one = remy.post(&path, &json!({ "decision": "reject", "comment": "No" })).await;
    assert_eq!(one.body["state"], json!("rejected"), "{}", one.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_request_is_409_by_number_and_410_by_its_destroyed_link() {
    let service = quiet_with(|_| {}).await;
    let Approved { rosa, request, review, .. } = service.approved("v1.0").await;
    let reject = [("comment", "Not today")];
    assert_eq!(service.post(&rosa, &format!("/requests/{request}/reject"), &reject).await.status, 303);
    let before = service.rows_but("people").await;
    for (what, status) in tried(&service, "rosa", &rosa, request, &review).await {
        assert_eq!(status, if what.ends_with("by link") { 410 } else { 409 }, "{what}");
    }
    let kept = |rows: Vec<String>| -> Vec<String> {
        rows.into_iter().filter(|row| !row.starts_with("tokens: ") && !row.starts_with("audit")).collect()
    };
    assert_eq!(kept(service.rows_but("people").await), kept(before), "and nothing changed");
    assert_eq!(service.rows_of("deployments").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_review_decides_by_no_channel() {
    let service = quiet_with(|fleet| {
        super::role(fleet, "readers", &["rita"], &json!([{ "permission": "read" }]));
    })
    .await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let path = format!("/requests/{request}/decisions");
    let rita = service.calling_as("rita").await;
    let mallory = member(&service, "mallory").await;
    for verb in VERBS {
        let body = json!({ "decision": verb, "comment": "x" });
        assert_eq!(rita.post(&path, &body).await.problem(403), "forbidden", "{verb}");
        assert_eq!(mallory.post(&path, &body).await.problem(404), "not_found", "{verb}");
    }
    // A tag that moved stands in the way by number too, and voids it.
    service.repository.tag("v1.0", "HEAD");
    let rosa = member(&service, "rosa").await;
    let reply = rosa.post(&path, &json!({ "decision": "accept" })).await;
    assert_eq!(gates(&reply, 409), ["unchanged"]);
    assert_eq!(service.request_state(request).await, "void");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_by_the_clock_is_not_withdrawn_any_more() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let dana = service.calling_as("dana").await;
    // Housekeeping has not written it down yet.
    service.advance(jiff::SignedDuration::from_hours(72));
    let reply = dana.post(&format!("/requests/{request}/cancel"), &serde_json::json!({})).await;
    assert_eq!(reply.problem(409), "conflict");
    assert!(reply.page.html.contains("expired"), "{}", reply.page.html);
    assert_eq!(service.request_state(request).await, "awaiting_review");
}
