//! The main job by clicking, and the review by keyboard alone.

use thirtyfour::Key;

use super::driver::{Chromium, Screen};
use super::town::Latch;
use crate::domain::deployment::DeploymentState;
use crate::tests::harness::{Service, release};

/// A tag whose deploy.sh waits at a gate.
fn waiting_release(service: &Service, tag: &str) -> Latch {
    let gate = Latch::closed(service.path());
    let script = format!("echo \"begun on $2\"\n{}\necho \"went on\"\n", gate.wait());
    service.repository.write("deploy.sh", script);
    release(&service.repository, tag, 3);
    gate
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_the_whole_way_by_clicking() {
    let service = Service::start().await;
    let gate = waiting_release(&service, "v1.3");
    let chromium = Chromium::start().await;

    chromium.sign_in(&service, "Dana Okafor").await;
    chromium.click_link("Request a release").await;
    chromium.click_link("shop").await;
    chromium.click_link("production").await;
    chromium.click_link("v1.3").await;
    chromium.type_into("reason", "Guests lose their basket.").await;
    chromium.click_button("Request review of v1.3 → production").await;
    chromium.arrives("request", "awaiting_review").await;

    chromium.resize(Screen::PHONE).await;
    chromium.sign_in(&service, "Rosa Lindqvist").await;
    let review = service.mail_about("[review] shop v1.3").await.only_link();
    chromium.open(&service, &review).await;
    assert!(!chromium.text().await.contains("Countersign v1.3"), "the last button hides in its panel");
    chromium.click_button("Accept…").await;
    chromium.type_into("comment", "Fine.").await;
    chromium.click_button("Countersign v1.3").await;
    chromium.arrives("request", "accepted").await;

    chromium.sign_in(&service, "Dana Okafor").await;
    let launch = service.mail_about("[accepted] shop v1.3").await.only_link();
    chromium.open(&service, &launch).await;
    chromium.arrives("launch", "ready").await;
    chromium.click_button("Start deployment").await;
    chromium.arrives("deployment", "running").await;

    chromium.value("window.loadedOnce = true").await;
    chromium.until("document.body.textContent.includes('begun on web-1') && document.body.textContent.includes('begun on web-2')").await;
    assert!(chromium.driver.title().await.unwrap().starts_with("Running: shop v1.3 → production"));
    gate.open();
    chromium.until("document.querySelector('main').dataset.state === 'succeeded' && document.getElementById('say').textContent.includes('verified')").await;
    assert_eq!(chromium.value("return window.loadedOnce").await, true, "without loading it again");
    assert!(chromium.driver.title().await.unwrap().starts_with("Succeeded: shop v1.3 → production"));
    let icon = chromium.ask("return document.querySelector('link[rel=icon]').href").await;
    assert!(icon.ends_with("icon-succeeded.svg"), "{icon}");
    assert!(chromium.text().await.contains("2 of 2 hosts run v1.3, verified."));
    assert_eq!(chromium.complaints().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_decided_by_keyboard_alone() {
    let service = Service::start().await;
    let dana = service.as_user("dana").await;
    service.ask(&dana, "v1.0").await;
    let review = service.mail_about("[review] shop v1.0").await.only_link();
    let chromium = Chromium::start().await;
    chromium.sign_in(&service, "Rosa Lindqvist").await;
    chromium.open(&service, &review).await;

    let key = async |key: Key| chromium.driver.action_chain().send_keys(key).perform().await.unwrap();
    let focus = || chromium.ask("return document.activeElement.textContent");
    key(Key::Tab).await;
    assert_eq!(focus().await, "Skip to content", "the first stop leads past the navigation");
    let mut stops = 0;
    while !focus().await.contains("Accept…") {
        key(Key::Tab).await;
        stops += 1;
        assert!(stops < 200, "the accept panel is never reached");
    }
    key(Key::Enter).await;
    key(Key::Tab).await;
    chromium.driver.action_chain().send_keys("By keyboard").perform().await.unwrap();
    key(Key::Tab).await;
    assert!(focus().await.contains("Countersign v1.0"), "{}", focus().await);
    key(Key::Enter).await;
    chromium.arrives("request", "accepted").await;
    assert!(chromium.text().await.contains("By keyboard"), "{}", chromium.text().await);
    let launch = service.mail_about("[accepted] shop v1.0").await.only_link();
    let page = dana.get(&launch).await.unwrap();
    let page = dana.submit(&page, "Start deployment", &[]).await.unwrap();
    let ended = service.ended(crate::tests::harness::id_of(&page)).await;
    assert_eq!(ended.state, DeploymentState::Succeeded);
}
