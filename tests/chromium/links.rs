//! Opening a link in a real browser, with its scripts, prefetching and all.

use super::driver::Chromium;
use crate::tests::harness::{Service, id_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_opens_a_link_posts_nothing_and_uses_nothing_up() {
    let service = Service::start().await;
    let chromium = Chromium::start().await;
    let dana = service.as_user("dana").await;
    let request = id_of(&service.ask(&dana, "v1.0").await);

    let review = service.mail_about("[review] shop v1.0").await.only_link();
    chromium.sign_in(&service, "Rosa Lindqvist").await;
    look_twice(&service, &chromium, &review, "awaiting_review").await;
    assert_eq!(service.request_state(request).await, "awaiting_review");

    let rosa = service.as_user("rosa").await;
    let page = rosa.get(&review).await.unwrap();
    rosa.submit(&page, "Countersign", &[]).await.unwrap();

    let launch = service.mail_about("[accepted] shop v1.0").await.only_link();
    chromium.sign_in(&service, "Dana Okafor").await;
    look_twice(&service, &chromium, &launch, "ready").await;
    assert_eq!(service.request_state(request).await, "accepted");
    let page = dana.get(&launch).await.unwrap();
    let page = dana.submit(&page, "Start deployment", &[]).await.unwrap();
    assert_eq!(page.main_page().as_deref(), Some("deployment"), "the link still works: {}", page.text());
}

async fn look_twice(service: &Service, chromium: &Chromium, link: &str, state: &str) {
    chromium.methods_sent().await;
    for _ in 0..2 {
        chromium.open(service, link).await;
        chromium.until("document.readyState === 'complete'").await;
        assert_eq!(chromium.state().await, state, "{}", chromium.text().await);
    }
    let sent = chromium.methods_sent().await;
    assert!(sent.len() > 2, "the browser's requests are seen");
    assert!(sent.iter().all(|method| method == "GET"), "{sent:?}");
}
