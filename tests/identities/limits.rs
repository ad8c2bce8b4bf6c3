//! Only what turned out wrong is limited; who does the right thing waits at most.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use rocket::Data;
use rocket::request::Request;
use rocket::response::Responder;
use rocket::route::{Handler, Outcome};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::PASSWORD;
use crate::app::passwords::nobodys;
use crate::tests::harness::{Service, World};
use crate::tests::support::http::{Reply, Server};

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_at_once_are_no_tries_too_many() {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", None).await;
    let replies = join_all((0..15).map(|_| service.exchanges("sam", PASSWORD))).await;
    for reply in replies {
        assert_eq!(reply.status, 200, "{}", reply.page.html);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_at_once_do_not_slip_through_together() {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", None).await;
    let replies = join_all((0..30).map(|_| service.exchanges("sam", "wrong"))).await;
    let answered = |status| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((answered(401), answered(429)), (10, 20));
    assert_eq!(service.app.passwords.checked(), 10);
    assert_eq!(service.exchanges("sam", PASSWORD).await.problem(429), "too_many");
}

/// Answers only when it is let.
#[derive(Clone)]
struct Slow {
    arrived: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    go: Arc<Semaphore>,
    here: Arc<Semaphore>,
}

#[rocket::async_trait]
impl Handler for Slow {
    async fn handle<'r>(&self, request: &'r Request<'_>, _: Data<'r>) -> Outcome<'r> {
        let now = self.arrived.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.here.add_permits(1);
        self.go.acquire().await.unwrap().forget();
        self.arrived.fetch_sub(1, Ordering::SeqCst);
        Reply::json(200, &json!({ "account_id": "17" }))
            .respond_to(request)
            .map_or_else(Outcome::Error, Outcome::Success)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_verifications_make_others_wait_and_turn_nobody_away() {
    let none = || Arc::new(Semaphore::new(0));
    let slow = Slow { arrived: Arc::default(), most: Arc::default(), go: none(), here: none() };
    let verifier = Server::start(slow.clone(), None).await;
    let url = format!("http://127.0.0.1:{}/verify", verifier.port());
    let edit_config = Box::new(move |config: &mut Value| config["session_verifier"] = json!({ "url": url }));
    let service = Service::start_in(World { edit_config, ..World::quiet() }).await;
    let ada = service.calling_as("ada").await;
    ada.post("/people", &json!({ "name": "sam", "external_id": "17" })).await;
    let body = json!({ "session_id": "of-17" });
    let exchanges = join_all((0..8).map(|_| service.knocks("/auth/session", &body)));
    let release = async {
        // Two are being asked about; then the rest comes, one after another.
        slow.here.acquire_many(2).await.unwrap().forget();
        slow.go.add_permits(8);
    };
    let (replies, ()) = tokio::join!(exchanges, release);
    for reply in replies {
        assert_eq!(reply.status, 200, "{}", reply.page.html);
    }
    assert_eq!(slow.most.load(Ordering::SeqCst), 2, "one address gets no more places at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_counts_wrong_tokens_like_every_other_door() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let health = async |token: &str| {
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", authorization.as_str())];
        service.browser().raw("GET", "/health", &headers, "").await.unwrap()
    };
    for guess in 0..60 {
        assert_ne!(health(&format!("cs_guess-{guess}")).await.status, 429, "guess {guess}");
    }
    assert_eq!(health("cs_guess-60").await.status, 429);
    assert!(health(&ada.token).await.html.contains("details"), "a right one still works");
    let nothing = service.browser().raw("GET", "/health", &[], "").await.unwrap();
    assert_ne!(nothing.status, 429);
}

/// It costs what a person's does, from the first one on, and is another each time.
#[tokio::test(flavor = "multi_thread")]
async fn the_hash_for_nobody_has_the_form_of_everybodys() {
    let service = Service::start_in(World::quiet()).await;
    let own = service.app.passwords.hash("password", PASSWORD.to_owned().into()).await.unwrap();
    let form = |hash: &str| -> Vec<String> {
        let parts: Vec<&str> = hash.split('$').collect();
        let [_, kind, version, costs, salt, hash] = parts[..] else { panic!("{hash}") };
        [kind, version, costs, &salt.len().to_string(), &hash.len().to_string()].map(str::to_owned).to_vec()
    };
    let (one, other) = (nobodys().unwrap(), nobodys().unwrap());
    assert_eq!(form(&one), form(&own));
    assert_ne!(one, other);
}
