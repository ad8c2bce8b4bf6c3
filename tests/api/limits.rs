//! Calls are bounded per token, guesses per address.

use jiff::SignedDuration;

use crate::tests::harness::{Service, World};

#[tokio::test(flavor = "multi_thread")]
async fn sixty_guesses_a_minute_and_a_right_token_still_works() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.calling_as("dana").await;
    for guess in 0..60 {
        let reply = service.calling_with(&format!("cs_guess-{guess}")).get("/account").await;
        assert_eq!(reply.problem(401), "unauthorized", "guess {guess}");
    }
    let reply = service.calling_with("cs_guess-60").get("/account").await;
    assert_eq!(reply.problem(429), "too_many");
    let wait: i64 = reply.page.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    dana.get("/account").await.ok();
    let nothing = service.browser().raw("GET", "/api/v1/account", &[], "").await.unwrap();
    assert_eq!(nothing.status, 401, "no token is no guess");
    service.advance(SignedDuration::from_secs(61));
    assert_eq!(service.calling_with("cs_guess-61").get("/account").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hundred_calls_a_minute_for_each_token() {
    let service = Service::start_in(World::quiet()).await;
    let (busy, other) = (service.calling_as("dana").await, service.calling_as("dana").await);
    for call in 0..600 {
        assert_eq!(busy.get("/account").await.status, 200, "call {call}");
    }
    assert_eq!(busy.get("/account").await.problem(429), "too_many");
    other.get("/account").await.ok();
    service.advance(SignedDuration::from_secs(61));
    busy.get("/account").await.ok();
}
