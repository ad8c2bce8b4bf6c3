//! What one may not read is not there, in no way of asking for it.

use super::routes::forms;
use crate::db::audit;
use crate::tests::harness::dump::differences;
use crate::tests::harness::furnished::{Furnished, token_of};
use crate::tests::harness::{Service, World};
use crate::tests::support::browser::Page;
use url::form_urlencoded::Serializer;

/// What a person sees of an error, without the number of its log line.
fn words(page: &Page) -> String {
    let text = page.text();
    let reference = page.header("x-request-id").to_owned();
    text.replace(&reference, "")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_may_not_read_is_404_like_what_does_not_exist() {
    let world = Furnished::new().await;
    let service = &world.service;
    let mallory = service.as_user("mallory").await;
    let Furnished { awaiting, accepted, deployment, commits: [from, to], vault_commit, .. } = &world;
    let before = service.tables_that_matter().await;

    let pairs: Vec<(String, String)> = vec![
        ("/applications/shop".into(), "/applications/nosuch".into()),
        ("/applications/shop/production".into(), "/applications/nosuch/production".into()),
        (
            format!("/applications/shop/diff?from={from}&to={to}"),
            format!("/applications/nosuch/diff?from={from}&to={to}"),
        ),
        ("/applications/shop/diff?to=short".into(), "/applications/nosuch/diff?to=short".into()),
        ("/requests/new?application=shop".into(), "/requests/new?application=nosuch".into()),
        (
            "/requests/new?application=shop&environment=production&tag=v1.3".into(),
            "/requests/new?application=nosuch&environment=production&tag=v1.3".into(),
        ),
        (
            "/applications/shop/production/preview?release=v1.1".into(),
            "/applications/nosuch/production/preview?release=v1.1".into(),
        ),
        ("/servers/web-1".into(), "/servers/nosuch".into()),
        (format!("/requests/{awaiting}"), "/requests/999999".into()),
        (format!("/requests/{accepted}"), "/requests/999999".into()),
        (format!("/deployments/{deployment}"), "/deployments/999999".into()),
        (format!("/deployments/{deployment}/log"), "/deployments/999999/log".into()),
        (format!("/deployments/{deployment}/events"), "/deployments/999999/events".into()),
    ];
    for (hidden, missing) in pairs {
        let (hidden_page, missing_page) =
            (mallory.get(&hidden).await.unwrap(), mallory.get(&missing).await.unwrap());
        assert_eq!((hidden_page.status, missing_page.status), (404, 404), "{hidden}: {}", hidden_page.text());
        assert_eq!(words(&hidden_page), words(&missing_page), "{hidden} and {missing} tell each other apart");
    }
    for list in [
        "/",
        "/applications",
        "/applications?q=shop",
        "/requests",
        "/requests?state=accepted",
        "/deployments",
        "/servers",
        "/requests/new",
    ] {
        let page = mallory.get(list).await.unwrap();
        assert_eq!(page.status, 200, "{list}");
        for secret in ["production", "v1.1", "dana", "vault"] {
            assert!(!page.text().contains(secret), "{list} tells of {secret}: {}", page.text());
        }
    }

    // A right to one application is none to another: not its pages, and not its
    // commits under the name of one's own.
    for hidden in [
        "/applications/vault",
        "/applications/vault/production",
        "/requests/new?application=vault",
        "/requests/new?application=vault&environment=production",
    ] {
        assert_eq!(world.dana.get(hidden).await.unwrap().status, 404, "{hidden}");
    }
    for (application, from, to) in
        [("shop", vault_commit, to), ("shop", from, vault_commit), ("vault", from, to)]
    {
        let page =
            world.dana.get(&format!("/applications/{application}/diff?from={from}&to={to}")).await.unwrap();
        assert_eq!(page.status, 404, "{}", page.text());
    }
    let own = world.ada.get(&format!("/applications/vault/diff?to={vault_commit}")).await.unwrap();
    assert_eq!(own.status, 200, "the commit is there for who may read it: {}", own.text());
    let short = world.dana.get(&format!("/applications/shop/diff?to={}", &to[..7])).await.unwrap();
    assert_eq!(short.status, 422, "{}", short.text());

    let token = token_of(&mallory).await;
    let of_a_thing = |route: &str| ["<id>", "<name>"].iter().any(|part| route.contains(part));
    for form in forms(&world).iter().filter(|form| of_a_thing(form.route) || form.route == "/requests") {
        let body =
            Serializer::new(String::new()).extend_pairs(&form.fields).append_pair("csrf", &token).finish();
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("origin", service.base_url.as_str())];
        let page = mallory.raw("POST", &form.address, &headers, &body).await.unwrap();
        // The administration is known to be there.
        let expected = if form.route.starts_with("/admin") { 403 } else { 404 };
        assert_eq!(page.status, expected, "{}: {}", form.address, page.text());
    }
    let links = [&world.review, &world.launch].map(|link| mallory.get(link));
    for page in futures_util::future::join_all(links).await {
        let page = page.unwrap();
        assert_eq!(page.status, 403, "a link in the wrong hands: {}", page.text());
        assert!(!page.html.contains(to.as_str()), "{}", page.text());
    }
    let changed = differences(&before, &service.tables_that_matter().await);
    assert!(changed.is_empty(), "{changed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_feed_is_for_who_may_read_the_deployment() {
    let world = Furnished::new().await;
    let events = format!("/deployments/{}/events", world.deployment);
    let page = world.dana.raw("GET", &events, &[], "").await.unwrap();
    assert!(
        page.status == 200 && page.header("content-type").starts_with("text/event-stream"),
        "{}",
        page.html
    );
    assert!(page.html.contains("event:journal") && page.html.contains("event:end"), "{}", page.html);

    let mallory = world.service.as_user("mallory").await;
    let page = mallory.raw("GET", &events, &[("last-event-id", "1")], "").await.unwrap();
    assert_eq!(
        (page.status, page.header("content-type")),
        (404, "text/html; charset=utf-8"),
        "{}",
        page.html
    );
    let page = world.service.browser().raw("GET", &events, &[], "").await.unwrap();
    assert_eq!(page.status, 303, "{}", page.html);
    assert!(page.header("location").starts_with("/login?"), "{}", page.header("location"));
    assert!(!page.html.contains("event:"), "{}", page.html);

    let admin = mallory.get("/admin").await.unwrap();
    assert_eq!((admin.status, admin.main_page().as_deref()), (403, Some("error")), "{}", admin.text());
    assert!(!admin.text().contains("web-1"), "{}", admin.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_in_an_environment_that_was_removed_stays_readable() {
    let mut service = Service::start_in(World::quiet()).await;
    let (dana, rosa) = (service.as_user("dana").await, service.as_user("rosa").await);
    let rejected = service.asked(&dana, "v1.0", &[]).await;
    let first = service.link_about("review", "v1.0").await;
    service.post(&rosa, &format!("{first}/reject"), &[("comment", "Not today.")]).await;
    let open = service.asked(&dana, "v1.1", &[]).await;
    let second = service.link_about("review", "v1.1").await;

    let application = service.fleet["applications"][0].clone();
    service.apply(|fleet| fleet["applications"][0]["environments"] = serde_json::json!([])).await;
    assert_eq!(service.request_state(open).await, "void", "what was open ends with its environment");
    for removed in ["the environment", "the application"] {
        let (ada, mallory) = (service.as_user("ada").await, service.as_user("mallory").await);
        // In the second round dana holds no right any more, and having asked is none.
        let is_first = removed == "the environment";
        for id in [rejected, open] {
            let page = dana.get(&format!("/requests/{id}")).await.unwrap();
            assert_eq!(page.status, if is_first { 200 } else { 404 }, "{removed}: {}", page.text());
        }
        for (who, reader) in [("rosa", &rosa), ("ada", &ada)] {
            let page = reader.get(&format!("/requests/{rejected}")).await.unwrap();
            let seen = (page.status, page.main_state().unwrap_or_default());
            assert_eq!(seen, (200, "rejected".to_owned()), "{removed} {who}: {}", page.text());
            assert!(page.text().contains("Not today.") && page.text().contains("v1.0"), "{}", page.text());
            let page = reader.get(&format!("/requests/{open}")).await.unwrap();
            let seen = (page.status, page.main_state().unwrap_or_default());
            assert_eq!(seen, (200, "void".to_owned()), "{removed} {who}: {}", page.text());
            assert!(page.text().contains("no longer exists"), "{removed} {who}: {}", page.text());
        }
        for (link, status, state) in [(&first, 410, "rejected"), (&second, 409, "void")] {
            let page = rosa.get(link).await.unwrap();
            let seen = (page.status, page.main_state().unwrap_or_default());
            assert_eq!(seen, (status, state.to_owned()), "{removed}: {}", page.text());
        }
        assert_eq!(
            service.post(&rosa, &format!("{second}/accept"), &[]).await.status,
            410,
            "nothing is decided"
        );
        for id in [rejected, open] {
            assert_eq!(mallory.get(&format!("/requests/{id}")).await.unwrap().status, 404, "{removed}");
        }
        service.apply(|fleet| fleet["applications"] = serde_json::json!([])).await;
        service.apply(|fleet| fleet["roles"][1]["grants"] = serde_json::json!([])).await;
    }
    service.apply(|fleet| fleet["applications"] = serde_json::json!([application])).await;
    assert_eq!(service.request_state(open).await, "void", "it does not come back");
    audit::verify(&service.app.db, &service.app.keys, None).await.unwrap().expect("the trail holds");
}
