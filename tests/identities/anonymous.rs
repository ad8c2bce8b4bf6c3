//! Who is not signed in reads what the configuration's role may read, and never acts.

use serde_json::{Value, json};

use crate::tests::harness::api::Reply;
use crate::tests::harness::{Service, World};

async fn open(grants: Value) -> Service {
    let edit_config = Box::new(|config: &mut Value| config["anonymous_role"] = json!("public"));
    let world = World::quiet_with(move |fleet| {
        let role = json!({ "name": "public", "global": ["impersonate"], "grants": grants });
        fleet["roles"].as_array_mut().unwrap().push(role);
        let mut vault = fleet["applications"][0].clone();
        vault["name"] = json!("vault");
        fleet["applications"].as_array_mut().unwrap().push(vault);
    });
    Service::start_in(World { edit_config, ..world }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_api_show_what_the_role_reads_and_nothing_to_do() {
    // More than reading is given, and does not count.
    let service = open(json!([{ "permission": "deploy", "application": "shop" }])).await;
    let visitor = service.browser();
    for path in [
        "/",
        "/applications",
        "/applications/shop",
        "/applications/shop/production",
        "/requests",
        "/deployments",
        "/servers",
    ] {
        let page = visitor.raw("GET", path, &[], "").await.unwrap();
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        assert!(!page.html.contains("<form method=\"post\""), "{path} offers something to do: {}", page.html);
        assert!(!page.html.contains("vault"), "{path}");
    }
    for path in ["/applications/shop", "/applications/shop/production"] {
        let text = visitor.get(path).await.unwrap().text();
        for words in ["May deploy", "May review", "release-managers", "releases@example.com", "administrator"]
        {
            assert!(!text.contains(words), "{words:?} is on {path}: {text}");
        }
        assert!(text.contains("Not signed in") && text.contains("Sign in first."), "{text}");
    }
    let page = visitor.get("/applications/shop").await.unwrap();
    assert!(page.links().iter().any(|(text, url)| text == "Sign in" && url.path() == "/login"));

    // What may not be read may be there after signing in.
    for path in [
        "/applications/vault",
        "/applications/nosuch",
        "/requests/1",
        "/requests/new?application=shop",
        "/applications/shop/production/deploy",
        "/account",
        "/admin",
        "/review/unknown",
    ] {
        let page = visitor.raw("GET", path, &[], "").await.unwrap();
        assert_eq!(page.status, 303, "{path}: {}", page.text());
        assert!(page.header("location").starts_with("/login?return_to="), "{path}");
    }
    let before = service.rows().await;
    for path in ["/requests", "/applications/shop/production/deploy", "/applications/shop/fetch", "/logout"] {
        let page = service.post_with(&visitor, "", path, &[("release", "v1.0")]).await;
        assert_eq!(page.status, 403, "{path}");
    }

    let api = async |method: &str, path: &str| {
        Reply::of(visitor.raw(method, &format!("/api/v1{path}"), &[], "").await.unwrap())
    };
    let items = api("GET", "/applications").await.ok()["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1, "{items}");
    assert_eq!(api("GET", "/applications/vault").await.problem(404), "not_found");
    for path in ["/people", "/tokens", "/tokens/1", "/servers", "/roles", "/roles/admin", "/clusters"] {
        assert_eq!(api("GET", path).await.problem(401), "unauthorized", "{path}");
    }
    for (method, path) in [
        ("POST", "/applications/shop/fetch"),
        ("POST", "/applications/shop/environments/production/requests"),
        ("DELETE", "/people/ada"),
    ] {
        assert_eq!(api(method, path).await.problem(401), "unauthorized", "{method} {path}");
    }
    assert_eq!(service.calling_with("cs_wrong").get("/applications").await.problem(401), "unauthorized");
    assert_eq!(service.rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_does_not_exist_or_reads_nothing_shows_nothing() {
    let edit_config = Box::new(|config: &mut Value| config["anonymous_role"] = json!("nosuch"));
    let service = Service::start_in(World { edit_config, ..World::quiet() }).await;
    let page = service.browser().raw("GET", "/applications", &[], "").await.unwrap();
    assert_eq!(page.status, 303, "{}", page.text());
    let service = open(json!([])).await;
    let page = service.browser().raw("GET", "/applications", &[], "").await.unwrap();
    assert!(page.status == 200 && !page.text().contains("shop"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn health_has_details_for_who_may_read_everything_by_session_or_token() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        let role = json!({ "name": "watchers", "users": ["wat"], "global": ["read_all"] });
        fleet["roles"].as_array_mut().unwrap().push(role);
    }))
    .await;
    let detailed = |page: &crate::tests::support::browser::Page| page.html.contains("details");
    let (ada, dana) = (service.as_user("ada").await, service.as_user("dana").await);
    assert!(detailed(&ada.get("/health").await.unwrap()) && !detailed(&dana.get("/health").await.unwrap()));
    for (who, expected) in [("wat", true), ("dana", false), ("ada", true)] {
        let bearer = format!("Bearer {}", service.calling_as(who).await.token);
        let headers = [("authorization", bearer.as_str())];
        let page = service.browser().raw("GET", "/health", &headers, "").await.unwrap();
        assert_eq!((page.status, detailed(&page)), (200, expected), "{who}");
    }
    let headers = [("authorization", "Bearer cs_wrong")];
    assert!(!detailed(&service.browser().raw("GET", "/health", &headers, "").await.unwrap()));
}

/// Who reads everything by a global right may read here too, and so may administrators.
#[tokio::test(flavor = "multi_thread")]
async fn people_who_are_signed_in_see_each_role_that_may_something_there() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        let role = json!({ "name": "auditors", "users": ["otto"], "global": ["read_all"] });
        fleet["roles"].as_array_mut().unwrap().push(role);
    }))
    .await;
    let page = service.as_user("dana").await.get("/applications/shop/production").await.unwrap();
    let text = page.text();
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "May deploy admin",
        "May request admin, developers",
        "May review admin, release-managers",
        "May read admin, developers, release-managers, auditors",
        "releases@example.com",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// People are shown to people, whatever the role holds.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_reads_everything_does_not_open_the_administration_to_them() {
    let edit_config = Box::new(|config: &mut Value| config["anonymous_role"] = json!("public"));
    let world = World::quiet_with(|fleet| {
        let role = json!({ "name": "public", "global": ["read_all"] });
        fleet["roles"].as_array_mut().unwrap().push(role);
    });
    let service = Service::start_in(World { edit_config, ..world }).await;
    service.as_user("dana").await;
    let get = async |path: &str| {
        let path = format!("/api/v1{path}");
        Reply::of(service.browser().raw("GET", &path, &[], "").await.unwrap())
    };
    get("/applications/shop").await.ok();
    for path in ["/people", "/people/dana", "/audit", "/access?person=dana", "/deliveries"] {
        assert_eq!(get(path).await.problem(401), "unauthorized", "{path}");
    }
}
