//! Rate limits count wrong secrets, and nobody who does the right thing.

use jiff::SignedDuration;

use crate::tests::harness::furnished::Furnished;
use crate::tests::harness::{Service, World};

#[tokio::test(flavor = "multi_thread")]
async fn only_unknown_links_are_counted_and_a_right_one_still_works() {
    let world = Furnished::new().await;
    let status = async |link: &str| world.dana.get(link).await.unwrap().status;
    // A tombstone and the links of others are no guesses, however often.
    let foreign = world.service.as_user("mallory").await;
    for _ in 0..61 {
        assert_eq!(status(&world.used).await, 410);
        assert_eq!(foreign.get(&world.launch).await.unwrap().status, 403);
    }
    for number in 0..60 {
        assert_eq!(status(&format!("/launch/guess-{number}")).await, 404, "guess {number}");
    }
    let page = world.dana.get("/launch/guess-60").await.unwrap();
    assert_eq!((page.status, page.main_page().as_deref()), (429, Some("error")), "{}", page.text());
    assert_eq!(status(&world.launch).await, 200, "a right link still works");
    assert_eq!(status(&world.used).await, 410, "and a used one still says so");
    assert_eq!(status("/review/guess").await, 404, "the other route counts for itself");
    world.service.advance(SignedDuration::from_secs(61));
    assert_eq!(status("/launch/guess-61").await, 404, "a minute later");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_github_is_open_three_hundred_times_a_minute() {
    let service = Service::start_in(World { hosts: 0, ..World::without_runner() }).await;
    let browser = service.browser();
    for number in 0..300 {
        assert_eq!(browser.raw("GET", "/authorize", &[], "").await.unwrap().status, 303, "{number}");
    }
    let page = browser.raw("GET", "/authorize", &[], "").await.unwrap();
    assert_eq!((page.status, page.main_page().as_deref()), (429, Some("error")), "{}", page.text());
    assert_eq!(service.browser().get("/login").await.unwrap().status, 200);
    service.advance(SignedDuration::from_secs(61));
    service.as_user("dana").await;
}
