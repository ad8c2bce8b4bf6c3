//! Links: what looking does, whose they are, how often they work, and how they end.

use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::tests::harness::{Approved, Service, World, keep_logs, kept_logs, number_in, production};
use crate::tests::support::browser::{Browser, Page};

const AN_HOUR: SignedDuration = SignedDuration::from_hours(1);

async fn quiet() -> Service {
    Service::start_in(World::quiet()).await
}

fn seen(page: &Page) -> (u16, String) {
    (page.status, page.main_state().unwrap_or_default())
}

async fn look(browser: &Browser, link: &str) -> (u16, String) {
    let page = browser.get(link).await.unwrap();
    assert_eq!(page.select("main").len(), 1, "one main on {link}");
    seen(&page)
}

/// Looks twenty times in each way, as scanners do.
async fn stare(browser: &Browser, link: &str) {
    for _ in 0..20 {
        browser.raw("GET", link, &[], "").await.unwrap();
        browser.raw("HEAD", link, &[], "").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_a_link_changes_nothing_however_often_and_it_still_works() {
    let service = quiet().await;
    let (dana, rosa) = (service.as_user("dana").await, service.as_user("rosa").await);
    let (mallory, stranger) = (service.as_user("mallory").await, service.browser());
    service.asked(&dana, "v1.0", &[]).await;
    let review = service.link_about("review", "v1.0").await;

    let before = service.rows().await;
    for browser in [&dana, &rosa, &mallory, &stranger] {
        stare(browser, &review).await;
    }
    assert_eq!(service.rows().await, before);
    let page = rosa.get(&review).await.unwrap();
    let page = rosa.submit(&page, "Countersign", &[]).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("accepted"), "{}", page.text());

    let launch = service.link_about("accepted", "v1.0").await;
    let before = service.rows().await;
    for browser in [&dana, &rosa, &mallory, &stranger] {
        stare(browser, &launch).await;
    }
    assert_eq!(service.rows().await, before);
    let page = dana.get(&launch).await.unwrap();
    let page = dana.submit(&page, "Start deployment", &[]).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("queued"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_link_is_of_no_use_to_anybody_but_its_person() {
    let service = quiet().await;
    let Approved { dana, rosa, request, launch, .. } = service.approved("v1.0").await;
    let others = [rosa, service.as_user("ada").await, service.as_user("mallory").await];

    let before = service.rows().await;
    for other in &others {
        assert_eq!(look(other, &launch).await, (403, "foreign".to_owned()));
        assert_eq!(service.post(other, &launch, &[]).await.status, 403);
        let page = service.post(other, &format!("/requests/{request}/start"), &[]).await;
        assert!([403, 404].contains(&page.status), "{}", page.text());
    }
    let unsigned =
        service.browser().raw("POST", &launch, &[("origin", &service.base_url)], "csrf=").await.unwrap();
    assert_eq!(unsigned.status, 403);
    assert_eq!(service.rows().await, before);

    let page = dana.get(&launch).await.unwrap();
    assert_eq!(page.header("referrer-policy"), "same-origin");
    assert!(!page.html.contains("http-equiv=\"refresh\""));
    let page = dana.press(&page, "Start deployment", &[]).await.unwrap();
    assert_eq!(page.status, 303, "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_database_nor_the_log_ever_holds_a_link() {
    keep_logs();
    let service = quiet().await;
    let (dana, rosa) = (service.as_user("dana").await, service.as_user("rosa").await);
    service.mail.down().await;
    service.asked(&dana, "v1.0", &[]).await;
    service.deliver().await;
    let mut stored = written(&service).await;
    assert!(service.mail.mails().is_empty());

    service.mail.up().await;
    service.advance(AN_HOUR);
    let review = service.link_about("review", "v1.0").await;
    service.mail.down().await;
    assert_eq!(service.post(&rosa, &format!("{review}/accept"), &[]).await.status, 303);
    service.deliver().await;
    stored.extend(written(&service).await);

    service.mail.up().await;
    service.advance(AN_HOUR / 2);
    let launch = service.link_about("accepted", "v1.0").await;
    assert_eq!(look(&dana, &launch).await, (200, "ready".to_owned()), "it was delivered late, and works");
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 303);
    stored.extend(written(&service).await);

    for link in [review, launch] {
        let secret = link.rsplit('/').next().unwrap();
        assert_eq!(secret.len(), 43, "128 random bits and as much proof");
        assert!(!stored.iter().any(|text| text.contains(secret)), "{secret} is in the database");
        let logs = kept_logs();
        let told: Vec<&str> = logs.lines().filter(|line| line.contains(secret)).collect();
        assert_eq!(told, [""; 0], "it is in the log");
    }
    assert!(kept_logs().contains("logs are kept"));
    let sealed = service
        .rows()
        .await
        .into_iter()
        .filter(|row| row.starts_with("outbox: ") && !row.contains("sealed=NULL"));
    assert_eq!(sealed.collect::<Vec<_>>(), [""; 0], "what was sealed is erased on delivery");
}

/// The rows, and the files as they are, pages that were freed included.
async fn written(service: &Service) -> Vec<String> {
    let mut written = service.rows().await;
    for file in std::fs::read_dir(service.data_dir()).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("countersign.db") {
            written.push(String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned());
        }
    }
    assert!(written.len() > 10);
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_starts_at_once_make_one_deployment() {
    let service = quiet().await;
    let Approved { dana, launch, .. } = service.approved("v1.0").await;
    let csrf = dana.get("/").await.unwrap().value("csrf").unwrap();

    let starts = (0..50).map(|_| service.post_with(&dana, &csrf, &launch, &[]));
    let mut answers: Vec<u16> =
        futures_util::future::join_all(starts).await.iter().map(|page| page.status).collect();
    answers.sort_unstable();

    assert_eq!(answers, [vec![303], vec![410; 49]].concat());
    assert_eq!(service.rows_of("deployments").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_link_shows_the_way_to_its_deployment() {
    let service = quiet().await;
    let Approved { dana, rosa, request, review, launch } = service.approved("v1.0").await;
    let deployment = number_in(&service.post(&dana, &format!("/requests/{request}/start"), &[]).await);

    let page = dana.get(&launch).await.unwrap();
    assert_eq!(seen(&page), (410, "used".to_owned()));
    assert!(page.text().contains("dana used it"), "{}", page.text());
    let again = service.post(&dana, &launch, &[]).await;
    assert_eq!(seen(&again), (410, "used".to_owned()));
    assert_eq!(again.main_page().as_deref(), Some("launch"), "the page of the link, not one of an error");
    let ways = [page.link("Open the deployment").unwrap(), again.link("Open the deployment").unwrap()];
    assert!(ways.iter().all(|way| way.path() == format!("/deployments/{deployment}")), "{ways:?}");
    assert_eq!(service.post(&dana, &format!("/requests/{request}/start"), &[]).await.status, 410);
    assert_eq!(look(&rosa, &review).await, (410, "launched".to_owned()));
    assert_eq!(service.post(&rosa, &format!("{review}/reject"), &[("comment", "Late")]).await.status, 410);
    assert_eq!(service.rows_of("deployments").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_link_revokes_the_one_before() {
    let service = quiet().await;
    let Approved { dana, rosa, request, launch: first, .. } = service.approved("v1.0").await;
    let new_link = format!("/requests/{request}/new-link");
    assert_eq!(service.post(&rosa, &new_link, &[]).await.status, 403, "only for its requester");
    assert_eq!(service.post(&dana, &new_link, &[]).await.status, 303);
    let second = service.link_about("accepted", "v1.0").await;
    assert_ne!(first, second);

    let page = dana.get(&first).await.unwrap();
    assert_eq!(seen(&page), (410, "revoked".to_owned()));
    assert!(page.text().contains("A newer link replaced this one"), "{}", page.text());
    let page = service.post(&dana, &first, &[]).await;
    assert_eq!(page.status, 410);
    assert!(page.text().contains("A newer link replaced this one"), "{}", page.text());
    assert_eq!(service.post(&dana, &second, &[]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_whose_slot_is_over_is_over_and_the_approval_stands_a_day() {
    let service = quiet().await;
    let Approved { dana, request, launch, .. } = service.approved("v1.0").await;
    service.advance(AN_HOUR);
    let page = dana.get(&launch).await.unwrap();
    assert_eq!(seen(&page), (410, "expired".to_owned()));
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 410);
    let page = dana.press(&page, "Send me a new link", &[]).await.unwrap();
    assert_eq!(page.status, 303, "{}", page.text());
    let second = service.link_about("accepted", "v1.0").await;
    assert_eq!(look(&dana, &second).await, (200, "ready".to_owned()));

    service.advance(AN_HOUR * 23);
    let dana = service.as_user("dana").await;
    assert_eq!(look(&dana, &second).await, (410, "expired".to_owned()));
    assert_eq!(service.post(&dana, &format!("/requests/{request}/new-link"), &[]).await.status, 409);
    service.keep_house().await;
    assert_eq!(service.request_state(request).await, "expired");
    assert_eq!(look(&dana, &second).await, (410, "expired".to_owned()), "it was over before it was revoked");
    service.deliver().await;
    assert_eq!(service.mail_about("[expired]").await.to, ["dana@example.com"]);
    assert_eq!(service.rows_of("deployments").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_link_ends_with_the_time_for_review() {
    let service = quiet().await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let review = service.link_about("review", "v1.0").await;
    service.advance(AN_HOUR * 72);
    let rosa = service.as_user("rosa").await;

    assert_eq!(look(&rosa, &review).await, (410, "expired".to_owned()));
    let page = service.post(&rosa, &format!("{review}/accept"), &[]).await;
    assert_eq!(page.status, 410);
    assert!(page.text().contains("Its time ran out"), "{}", page.text());
    service.keep_house().await;
    assert_eq!(service.request_state(request).await, "expired");
    assert_eq!(service.post(&rosa, &format!("{review}/accept"), &[]).await.status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_window_the_slot_begins_when_it_opens() {
    let service = Service::start_in(World::quiet_with(|fleet| closed_for(fleet, 2))).await;
    let opens = service.clock.now().in_tz("UTC").unwrap().date().checked_add(2.days()).unwrap();
    let opens = opens.in_tz("UTC").unwrap().timestamp();
    let Approved { dana, launch, .. } = service.approved("v1.0").await;
    let mail = service.mail_about("[accepted] shop v1.0").await.text();
    assert!(
        mail.contains(&opens.strftime("The link works from %a %-d %b %Y, %H:%M UTC").to_string()),
        "{mail}"
    );

    let page = dana.get(&launch).await.unwrap();
    assert_eq!(seen(&page), (409, "blocked".to_owned()));
    assert!(
        page.text().contains("Outside the window") && page.text().contains("The slot has not begun"),
        "{}",
        page.text()
    );
    let page = service.post(&dana, &launch, &[]).await;
    assert_eq!(page.status, 409);
    assert!(page.text().contains("Outside the window"), "{}", page.text());

    // A day after the opening would be too late for a day that began with the accept.
    advance_to(&service, opens);
    let dana = service.as_user("dana").await;
    assert_eq!(look(&dana, &launch).await, (200, "ready".to_owned()));
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_is_made_for_a_slot_after_the_end_of_the_approval() {
    let mut service = quiet().await;
    let Approved { dana, request, .. } = service.approved("v1.0").await;
    service.apply(|fleet| closed_for(fleet, 3)).await;
    assert_eq!(service.request_state(request).await, "accepted", "a calendar voids nothing");
    let page = service.post(&dana, &format!("/requests/{request}/new-link"), &[]).await;
    assert_eq!(page.status, 409);
    assert!(page.text().contains("after the approval has run out"), "{}", page.text());
}

/// Closed from today for some days, then always open.
fn closed_for(fleet: &mut Value, days: i64) {
    let today = Timestamp::now().in_tz("UTC").unwrap().date();
    let closed: Vec<String> =
        (0..days).map(|day| today.checked_add(day.days()).unwrap().to_string()).collect();
    let every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    fleet["calendars"] = json!([{
        "name": "office", "timezone": "UTC", "closed": closed,
        "weekly": [{ "days": every_day, "from": "00:00", "to": "24:00" }],
    }]);
    production(fleet)["calendar"] = json!("office");
}

fn advance_to(service: &Service, at: Timestamp) {
    service.advance(at.duration_since(service.clock.now()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accept_may_become_a_reject_which_ends_the_launch_link_too() {
    let service = quiet().await;
    let Approved { dana, rosa, request, review, launch } = service.approved("v1.0").await;
    let page = rosa.get(&review).await.unwrap();
    assert_eq!(seen(&page), (200, "accepted".to_owned()));

    let refused = rosa.submit(&page, "Reject the request", &[("comment", " \n")]).await.unwrap();
    assert_eq!(refused.status, 422);
    assert_eq!(refused.value("comment").as_deref().map(str::trim), Some(""));
    assert!(refused.text().contains("the requester is mailed your reason"), "{}", refused.text());
    assert_eq!(service.request_state(request).await, "accepted");

    let page = rosa.submit(&page, "Reject the request", &[("comment", "Not on a Friday.")]).await.unwrap();
    assert_eq!(seen(&page), (200, "rejected".to_owned()));
    let page = dana.get(&launch).await.unwrap();
    assert_eq!(seen(&page), (410, "revoked".to_owned()));
    assert!(page.text().contains("rosa rejected it at"), "{}", page.text());
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 410);
    assert_eq!(look(&rosa, &review).await, (410, "rejected".to_owned()));
    let page = service.post(&rosa, &format!("{review}/accept"), &[]).await;
    assert_eq!(page.status, 410);
    assert!(page.text().contains("Not on a Friday."), "{}", page.text());
    service.deliver().await;
    let mail = service.mail_about("[rejected] shop v1.0").await;
    assert_eq!(mail.to, ["dana@example.com"]);
    assert!(
        mail.text().contains("Rosa Lindqvist") && mail.text().contains("Not on a Friday."),
        "{}",
        mail.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_comment_is_kept_as_it_was_typed() {
    let service = quiet().await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let review = service.link_about("review", "v1.0").await;
    let rosa = service.as_user("rosa").await;
    let long = "Ü".repeat(2001);
    for act in ["accept", "reject"] {
        let page = service.post(&rosa, &format!("{review}/{act}"), &[("comment", &long)]).await;
        assert_eq!(page.status, 422, "{}", page.text());
        assert!(page.html.contains(&long), "what was typed is still there");
    }
    assert_eq!(service.request_state(request).await, "awaiting_review");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_cancelled_in_the_queue_gives_its_approval_back() {
    let service = quiet().await;
    let Approved { dana, rosa, request, review, launch } = service.approved("v1.0").await;
    let deployment = number_in(&service.post(&dana, &launch, &[]).await);
    assert_eq!(service.post(&rosa, &format!("/deployments/{deployment}/cancel"), &[]).await.status, 403);
    let page = dana.get(&format!("/deployments/{deployment}")).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("queued"));
    assert_eq!(service.post(&dana, &format!("/deployments/{deployment}/cancel"), &[]).await.status, 303);
    assert_eq!(service.request_state(request).await, "accepted");
    assert_eq!(look(&dana, &launch).await, (410, "used".to_owned()), "a link works once");
    assert_eq!(look(&rosa, &review).await, (200, "accepted".to_owned()), "it may be rejected again");

    assert_eq!(service.post(&dana, &format!("/requests/{request}/new-link"), &[]).await.status, 303);
    let second = service.link_about("accepted", "v1.0").await;
    assert_eq!(service.post(&dana, &second, &[]).await.status, 303);
    assert_eq!(service.request_state(request).await, "launched");
    assert_eq!(service.rows_of("deployments").await, 2);
}
