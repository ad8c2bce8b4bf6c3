//! A name and a password of ours, at the page and at the API.

use jiff::SignedDuration;
use serde_json::json;

use super::{PASSWORD, name};
use crate::app::{access, tokens};
use crate::tests::harness::{Service, World};

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_github_signs_in_with_a_password_and_comes_back_to_where_they_were() {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", Some("admin")).await;
    let sam = service.browser();
    let page = service.types(&sam, "sam", PASSWORD).await;
    assert_eq!((page.url.path(), page.main_page().as_deref()), ("/requests", Some("requests")));
    assert_eq!(sam.get("/admin").await.unwrap().status, 200);
    assert!(service.record().await.contains(&"sam person.signed_in person sam".to_owned()));

    let token = service.exchanges("SAM", PASSWORD).await.ok();
    let caller = service.calling_with(token["token"].as_str().unwrap());
    assert_eq!(caller.get("/account").await.ok()["globals"], json!(["admin"]));
    assert_eq!(caller.get("/tokens").await.ok()["items"], json!([]), "it is not among what was made to last");
    service.advance(SignedDuration::from_mins(30));
    assert_eq!(caller.get("/account").await.problem(401), "unauthorized", "half an hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_wrong_disabled_and_without_a_password_are_one_answer_at_one_cost() {
    let service = Service::start_in(World::quiet()).await;
    for who in ["sam", "gone"] {
        service.with_password(who, None).await;
    }
    let ada = service.calling_as("ada").await;
    let administrator = tokens::find(&service.app, &ada.token).await.unwrap().unwrap().actor;
    access::disable(&service.app, &administrator, &name("gone")).await.unwrap();
    // Of GitHub, and one that nobody used yet.
    service.as_user("dana").await;
    service.calling_as("reserved").await;
    let long = "x".repeat(5000);
    let tries = [
        ("sam", "not the password"),
        ("nosuch", PASSWORD),
        ("gone", PASSWORD),
        ("dana", PASSWORD),
        ("reserved", PASSWORD),
        ("", PASSWORD),
        ("sam", ""),
        ("sam'--", PASSWORD),
        ("sam", long.as_str()),
    ];
    let browser = service.browser();
    let (mut pages, mut bodies) = (Vec::new(), Vec::new());
    for (who, password) in tries {
        let before = service.app.passwords.checked();
        let page = service.types(&browser, who, password).await;
        assert_eq!((page.status, page.main_page().as_deref()), (422, Some("login")), "{who}");
        assert!(!page.html.contains(PASSWORD), "a password comes back to nobody");
        pages.push(page.text().replace(page.header("x-request-id"), ""));
        let reply = service.exchanges(who, password).await;
        assert_eq!(reply.problem(401), "unauthorized", "{who}");
        bodies.push(reply.page.html.replace(reply.page.header("x-request-id"), ""));
        assert_eq!(service.app.passwords.checked(), before + 2, "one hash each for {who:?}");
        service.advance(SignedDuration::from_mins(15));
    }
    for (page, body) in pages.iter().zip(&bodies) {
        assert_eq!((page, body), (&pages[0], &bodies[0]));
    }
    assert_eq!(browser.raw("GET", "/", &[], "").await.unwrap().status, 303, "nobody is in");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_wrong_tries_close_a_name_for_a_quarter_of_an_hour_at_every_door() {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", None).await;
    service.with_password("sue", None).await;
    let browser = service.browser();
    for number in 0..5 {
        assert_eq!(service.types(&browser, "sam", "wrong").await.status, 422, "try {number}");
        assert_eq!(service.exchanges("sam", "wrong").await.status, 401, "try {number}");
        assert_eq!(service.exchanges("sue", PASSWORD).await.status, 200, "a right one is none");
    }
    let checked = service.app.passwords.checked();
    let page = service.types(&browser, "sam", PASSWORD).await;
    assert_eq!((page.status, page.main_page().as_deref()), (429, Some("login")), "{}", page.text());
    let reply = service.exchanges(" Sam", PASSWORD).await;
    assert_eq!(reply.problem(429), "too_many", "the right one is not even looked at");
    for refused in [&page, &reply.page] {
        // As long as it really is: a quarter of an hour since the first of them.
        let wait: i64 = refused.header("retry-after").parse().unwrap();
        assert!((600..=900).contains(&wait), "{wait}");
    }
    assert_eq!(service.app.passwords.checked(), checked);
    for _ in 0..12 {
        assert_eq!(service.exchanges("sue", PASSWORD).await.status, 200, "others come in");
    }
    service.advance(SignedDuration::from_mins(15));
    assert_eq!(service.exchanges("sam", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_wrong_tries_from_an_address_close_the_door_for_a_minute() {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", None).await;
    for number in 0..60 {
        assert_eq!(service.exchanges(&format!("guess-{number}"), "wrong").await.status, 401, "{number}");
    }
    assert_eq!(service.exchanges("sam", PASSWORD).await.problem(429), "too_many");
    let page = service.types(&service.browser(), "sam", PASSWORD).await;
    assert_eq!(page.main_page().as_deref(), Some("requests"), "the other route counts for itself");
    service.advance(SignedDuration::from_secs(61));
    assert_eq!(service.exchanges("sam", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_needs_the_old_one_ends_other_sessions_and_renews_this_one() {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", None).await;
    let (here, there) = (service.browser(), service.browser());
    for browser in [&here, &there] {
        service.types(browser, "sam", PASSWORD).await;
    }
    let short = service.exchanges("sam", PASSWORD).await.ok();
    let caller = service.calling_with(short["token"].as_str().unwrap());
    let before = here.cookies();
    let page = here.get("/account").await.unwrap();
    let wrong = [("old", "not this one"), ("new", "a new and longer one")];
    let again = here.submit(&page, "Change the password", &wrong).await.unwrap();
    assert_eq!(again.status, 422, "{}", again.text());
    let short =
        here.submit(&page, "Change the password", &[("old", PASSWORD), ("new", "short")]).await.unwrap();
    assert_eq!(short.status, 422, "{}", short.text());
    let right = [("old", PASSWORD), ("new", "a new and longer one")];
    let page = here.submit(&page, "Change the password", &right).await.unwrap();
    assert_eq!((page.status, page.main_page().as_deref()), (200, Some("account")), "{}", page.text());
    assert_ne!(here.cookies(), before, "what is known of the session from before is worth nothing");
    assert_eq!(there.get("/").await.unwrap().main_page().as_deref(), Some("login"));
    assert_eq!(caller.get("/account").await.problem(401), "unauthorized");
    let old = service.browser();
    for cookie in before.iter().filter(|cookie| cookie.starts_with("countersign_session")) {
        old.set_cookie(&format!("{cookie}; Path=/"));
    }
    assert_eq!(old.get("/").await.unwrap().main_page().as_deref(), Some("login"));
    assert_eq!(service.exchanges("sam", PASSWORD).await.status, 401);
    assert_eq!(service.exchanges("sam", "a new and longer one").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_form_is_bound_to_the_browser_that_it_was_given_to() {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", None).await;
    let (mine, other) = (service.browser(), service.browser());
    let token = mine.get("/login").await.unwrap().value("csrf").unwrap();
    let others = other.get("/login").await.unwrap().value("csrf").unwrap();
    assert_ne!(token, others);
    let fields = [("name", "sam"), ("password", PASSWORD), ("return_to", "//evil.example")];
    for (browser, token) in [(&mine, others.as_str()), (&mine, ""), (&service.browser(), &token)] {
        assert_eq!(service.post_with(browser, token, "/login", &fields).await.status, 403);
    }
    let page = service.post_with(&mine, &token, "/login", &fields).await;
    assert_eq!((page.status, page.header("location")), (303, "/"), "and leads nowhere else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_session_ends_with_a_sign_in_by_password() {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", None).await;
    let mallory = service.as_user("mallory").await;
    let planted = mallory.cookies().into_iter().find(|c| c.starts_with("countersign_session")).unwrap();
    let victim = service.browser();
    let form = victim.get("/login").await.unwrap();
    victim.set_cookie(&format!("{planted}; Path=/"));
    let typed = [("name", "sam"), ("password", PASSWORD)];
    victim.submit(&form, "Sign in with password", &typed).await.unwrap();
    assert!(!victim.cookies().contains(&planted));
    assert!(victim.get("/account").await.unwrap().text().contains("You are sam here"));
    assert_eq!(mallory.get("/").await.unwrap().main_page().as_deref(), Some("login"), "it ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_database_holds_no_password_and_no_session() {
    let service = Service::start_in(World::quiet()).await;
    service.with_password("sam", None).await;
    let sam = service.browser();
    service.types(&sam, "sam", PASSWORD).await;
    let token = service.exchanges("sam", PASSWORD).await.ok()["token"].as_str().unwrap().to_owned();
    let tables = service.tables().await;
    let dump = tables.values().flatten().cloned().collect::<Vec<_>>().join("\n");
    for secret in [PASSWORD, token.trim_start_matches("cs_")] {
        assert!(!dump.contains(secret), "{secret}");
    }
    let stored = |table: &str, column: &str| -> String {
        let row = tables[table].iter().find(|row| row.contains(&format!("{column}='"))).unwrap();
        row.split(&format!("{column}='")).nth(1).unwrap().split('\'').next().unwrap().to_owned()
    };
    let (password, session) = (stored("people", "password_hash"), stored("sessions", "hash"));
    assert!(password.starts_with("$argon2id$"), "{password}");
    assert_eq!(service.exchanges("sam", &password).await.status, 401);
    assert_eq!(service.calling_with(&stored("tokens", "hash")).get("/account").await.status, 401);
    let thief = service.browser();
    thief.set_cookie(&format!("countersign_session={session}; Path=/"));
    assert_eq!(thief.get("/").await.unwrap().main_page().as_deref(), Some("login"));
}
