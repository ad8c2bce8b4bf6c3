//! Who gets in: a token that works, and nothing else.

use jiff::SignedDuration;
use rocket::http::Method;

use super::town::Town;
use crate::app::{access, tokens};
use crate::domain::name::Name;
use crate::tests::harness::api::Reply;
use crate::tests::harness::{Service, World};
use crate::web::api;

/// Every route of the API, with an address that leads to something.
fn routes(town: &Town) -> Vec<(Method, String)> {
    let address = |path: &str| {
        let id = if path.starts_with("/requests") { town.request } else { town.deployment };
        path.replace("<id>", &id.to_string())
            .replace("<server>", "web-1")
            .replace("<person>", "dana")
            .replace("<provider>", "proxy")
            .replace("<subject>", "zed")
            .replace("<name>", "web")
            .replace("<application>", "shop")
            .replace("<environment>", "production")
    };
    // Those under /auth are the ways to a token.
    api::routes()
        .iter()
        .filter(|route| !route.uri.path().starts_with("/auth/"))
        .map(|route| (route.method, format!("/api/v1{}", address(route.uri.path()))))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_that_works_no_route_answers_and_all_say_the_same() {
    let town = Town::new().await;
    let service = &town.service;
    let ada = service.calling_as("ada").await;
    let (expired, revoked, disabled) = (
        service.calling_as("dana").await,
        service.calling_as("dana").await,
        service.calling_as("rosa").await,
    );
    tokens::revoke(&service.app, "a test", service.number_of(&revoked).await).await.unwrap();
    let administrator = tokens::find(&service.app, &ada.token).await.unwrap().unwrap().actor;
    access::disable(&service.app, &administrator, &Name::parse("rosa").unwrap()).await.unwrap();
    // The others were made today; this one is ninety days older.
    service.advance(SignedDuration::from_hours(24 * 91));
    let (ada, dana) = (service.calling_as("ada").await, service.as_user("dana").await);
    let bearer = |token: &str| format!("Bearer {token}");
    let sent = [
        None,
        Some("Bearer".to_owned()),
        Some(bearer("")),
        Some(bearer("cs_")),
        Some(bearer("cs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        Some(bearer(&ada.token["cs_".len()..])),
        Some(format!("Basic {}", ada.token)),
        Some(bearer(&expired.token)),
        Some(bearer(&revoked.token)),
        Some(bearer(&disabled.token)),
    ];
    let before = service.rows().await;
    let mut bodies = std::collections::BTreeSet::new();
    for (method, address) in routes(&town) {
        // The browser of somebody signed in sends its cookie with each of them.
        for header in &sent {
            let headers: Vec<(&str, &str)> =
                header.iter().map(|value| ("authorization", value.as_str())).collect();
            let reply = Reply::of(dana.raw(method.as_str(), &address, &headers, "").await.unwrap());
            assert_eq!(reply.problem(401), "unauthorized", "{method} {address} with {header:?}");
            assert_eq!(reply.page.header("www-authenticate"), "Bearer realm=\"countersign\"");
            bodies.insert(reply.page.html.replace(reply.page.header("x-request-id"), ""));
            // So that the limit of wrong tokens stays out of it.
            service.advance(SignedDuration::from_secs(10));
        }
    }
    assert_eq!(bodies.len(), 1, "the reasons tell each other apart: {bodies:#?}");
    assert_eq!(service.rows().await, before);
    ada.get("/account").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_on_its_day_and_a_revoked_one_at_once() {
    let service = Service::start_in(World::quiet()).await;
    let (dana, rosa) = (service.calling_as("dana").await, service.calling_as("rosa").await);
    service.advance(SignedDuration::from_hours(24 * 90) - SignedDuration::from_mins(1));
    dana.get("/account").await.ok();
    let number = service.number_of(&rosa).await;
    tokens::revoke(&service.app, "a test", number).await.unwrap();
    assert_eq!(rosa.get("/account").await.status, 401);
    service.advance(SignedDuration::from_mins(1));
    assert_eq!(dana.get("/account").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_persons_tokens_stay_ended_when_they_are_back() {
    let service = Service::start_in(World::quiet()).await;
    let (ada, rosa) = (service.calling_as("ada").await, service.calling_as("rosa").await);
    rosa.get("/account").await.ok();
    let administrator = tokens::find(&service.app, &ada.token).await.unwrap().unwrap().actor;
    access::disable(&service.app, &administrator, &Name::parse("rosa").unwrap()).await.unwrap();
    assert_eq!(rosa.get("/account").await.status, 401);
    service.damage("UPDATE people SET disabled_at = NULL WHERE name = 'rosa'").await;
    assert_eq!(rosa.get("/account").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_a_member_and_left_may_do_nothing_with_a_token() {
    let service = Service::start_in(World::quiet()).await;
    service.as_user("dana").await;
    let dana = service.calling_as("dana").await;
    assert_eq!(dana.get("/account").await.ok()["roles"], serde_json::json!(["developers"]));
    dana.get("/applications/shop").await.ok();
    service.github.person("dana").outsider();
    access::refresh(&service.app, &Name::parse("dana").unwrap()).await.unwrap();
    assert_eq!(dana.get("/account").await.ok()["roles"], serde_json::json!([]));
    assert_eq!(dana.get("/applications/shop").await.problem(404), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_database_lets_nobody_in() {
    let town = Town::new().await;
    let service = &town.service;
    let dana = service.calling_as("dana").await;
    let path = format!("/deployments/{}/cancel", town.deployment);
    assert_eq!(dana.post_once("key-1", &path, "{}").await.status, 200);
    let secret = &dana.token["cs_".len()..];
    let tables = service.tables().await;
    let dump: Vec<&String> = tables.values().flatten().collect();
    for row in &dump {
        assert!(!row.contains(secret), "{row}");
    }
    // The stored answer is sealed too.
    let answers: Vec<&String> = tables["idempotency_keys"].iter().collect();
    assert!(answers.len() == 1 && !answers[0].contains("production"), "{answers:?}");
    let hash = tables["tokens"][0].split("hash='").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(hash.len(), 64);
    for guess in [hash.to_owned(), format!("cs_{hash}")] {
        assert_eq!(service.calling_with(&guess).get("/account").await.status, 401);
    }
    dana.get("/account").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_is_stamped_at_most_once_a_minute() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.calling_as("dana").await;
    let used = async || dana.get("/account").await.ok()["token"]["last_used_at"].clone();
    dana.get("/account").await.ok();
    let first = used().await;
    assert!(first.is_string(), "{first}");
    service.advance(SignedDuration::from_secs(30));
    assert_eq!(used().await, first);
    service.advance(SignedDuration::from_secs(31));
    used().await;
    assert_ne!(used().await, first);
}
